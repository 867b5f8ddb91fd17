"""Answers that were computed before, in memory."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from furze.kit.clock import Clock
from furze.kit.json import dumps_ascii
from furze.query.types import Answer, QueryMapping

_KEPT: Final = timedelta(hours=1)
_MOST_ANSWERS: Final = 500
_MOST_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, and when its computing began."""

    answer: Answer
    at: datetime


class AnswerCache:
    """The latest answers, in memory; the least used go first. Large answers are not kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def put(self, key: str, answer: Answer, begun: datetime) -> None:
        """Keep an answer whose computing began at `begun`."""
        results = answer.get("results")
        if isinstance(results, list) and len(results) > _MOST_ROWS:
            return
        self._kept[key] = Kept(answer, begun)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST_ANSWERS:
            self._kept.popitem(last=False)

    def get(self, key: str) -> Kept | None:
        """An answer of the last hour, fresh or not."""
        kept = self._kept.get(key)
        if kept is None or self._clock.now() - kept.at > _KEPT:
            return None
        self._kept.move_to_end(key)
        return kept


def cache_key(project_id: int, query: QueryMapping, timezone: str) -> str:
    """What names a query of a project, whatever the order of its keys."""
    text = dumps_ascii({"project": project_id, "query": query, "timezone": timezone})
    return f"cache_{hashlib.sha256(text.encode()).hexdigest()[:32]}"
