"""SessionsTimelineQuery: what a person did, visit by visit, newest first."""

from datetime import datetime, timedelta
from typing import Any, Final, Literal

from furze.hogql.dates import parse_date
from furze.kit import json
from furze.query.kinds.asker import Asker
from furze.query.kinds.entity import OfEntity
from furze.query.kinds.template import all_of, constant, expression, select
from furze.query.types import Answer

_GAP: Final = timedelta(minutes=30)
_MOST_EVENTS: Final = 1_000


class SessionsTimelineQuery(OfEntity):
    """The query."""

    kind: Literal["SessionsTimelineQuery"] = "SessionsTimelineQuery"
    after: str | None = None
    before: str | None = None


async def sessions_timeline(query: SessionsTimelineQuery, asker: Asker) -> Answer:
    """Sessions with their events; events without a session are one visit until 30 minutes pass between two."""
    before = parse_date(query.before, now=asker.now, timezone=asker.timezone)
    after = parse_date(query.after, now=asker.now, timezone=asker.timezone)
    statement = select(
        """SELECT uuid, event, timestamp, properties, distinct_id, elements_chain, $session_id FROM events
        WHERE {kept} ORDER BY timestamp DESC, uuid DESC""",
        kept=all_of(
            query.of_entity(),
            None if before is None else expression("timestamp < {before}", before=constant(before)),
            None if after is None else expression("timestamp > {after}", after=constant(after)),
        ),
    )
    rows = await asker.tuples(statement, limit=_MOST_EVENTS + 1)
    return {"results": _visits(rows[:_MOST_EVENTS]), "hasMore": len(rows) > _MOST_EVENTS}


def _visits(rows: Any) -> list[Answer]:
    """The events, newest first, put together by session; `recording_duration_s` is None: nothing is recorded here."""
    visits: list[Answer] = []
    by_session: dict[str, Answer] = {}
    loose: Answer | None = None
    earliest: datetime | None = None
    for row in rows:
        session, time = row[6], row[2]
        if session:
            visit = by_session.get(session)
        else:
            visit = loose if earliest is not None and earliest - time <= _GAP else None
        if visit is None:
            visit = {"sessionId": session or None, "recording_duration_s": None, "events": []}
            visits.append(visit)
        visit["events"].append(_event(row))
        if session:
            by_session[session] = visit
        else:
            loose, earliest = visit, time
    return visits


def _event(row: Any) -> Answer:
    uuid, event, time, properties, distinct_id, elements_chain, _ = row
    return {
        "id": uuid,
        "event": event,
        "timestamp": time,
        "properties": json.loads(properties or "{}"),
        "distinct_id": distinct_id,
        "elements_chain": elements_chain,
        "elements": [],
    }
