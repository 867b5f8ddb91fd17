"""Answers queries: reads the request, compiles, asks the event store, and puts the answer together."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from furze.events.clickhouse import ClickHouse
from furze.events.types import Limits
from furze.hogql import ast
from furze.hogql.compile import Compiled, compile_query
from furze.hogql.errors import HogQLError
from furze.kit.clock import Clock, wire_time
from furze.platform.errors import InvalidInput
from furze.platform.requests import validate
from furze.query.cache import AnswerCache, Kept, cache_key
from furze.query.errors import InvalidQuery
from furze.query.kinds import KINDS, WRAPPERS, Asker, HogQLQuery
from furze.query.kinds.hogql import hogql_filters, variable_values
from furze.query.kinds.periods import Period
from furze.query.kinds.usage_metrics import UsageMetric
from furze.query.overrides import overridden
from furze.query.types import MAX_ROWS, Answer, QueryLimits, QueryMapping, Rows
from furze.query.wire import wire_rows

# Rows of results are one more than a page, so that the page knows whether others follow.
_RESULT_ROWS = MAX_ROWS + 1
_FACTS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What compiling a query needs to know of a project."""

    timezone: str = "UTC"
    group_types: Mapping[str, int] = field(default_factory=dict)
    property_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    usage_metrics: Sequence[UsageMetric] = ()


async def no_facts(_project_id: int) -> ProjectFacts:
    """The facts of a project of which nothing is known."""
    return ProjectFacts()


class QueryRunner:
    """Runs queries of every kind against the event store.

    `facts` tells a project's time zone, group types and property types. Raises `InvalidInput` and its kin for faults
    of the query, `TimedOut` and `Unavailable` for the store's.
    """

    def __init__(
        self,
        store: ClickHouse,
        clock: Clock,
        *,
        facts: Callable[[int], Awaitable[ProjectFacts]] = no_facts,
        limits: QueryLimits | None = None,
    ) -> None:
        self._store = store
        self.clock = clock
        self._read_facts = facts
        self._known_facts: dict[int, tuple[float, ProjectFacts]] = {}
        limits = limits or QueryLimits()
        self._limits = Limits(limits.seconds, limits.memory_bytes, _RESULT_ROWS)
        self.cache = AnswerCache(clock)

    async def run(self, project_id: int, query: QueryMapping) -> Answer:
        """The answer to any kind of query, computed now."""
        return await self._answered(project_id, query, await self._facts(project_id))

    async def run_hogql(self, project_id: int, text: str, *, values: Mapping[str, object] | None = None) -> Answer:
        """The answer to a HogQL text; `values` fill its `{placeholders}`."""
        return await self.run(project_id, {"kind": "HogQLQuery", "query": text, "values": dict(values or {})})

    async def asker(self, project_id: int) -> Asker:
        """What asks questions that are no query kind of their own."""
        return self._asker(project_id, await self._facts(project_id))

    async def key(self, project_id: int, query: QueryMapping) -> str:
        """What names the answer to a query in the cache."""
        return cache_key(project_id, query, (await self._facts(project_id)).timezone)

    async def is_fresh(self, kept: Kept) -> bool:
        """Whether an answer would be the same if it were computed now: nothing was stored since, and it is recent."""
        if self.clock.now() - kept.at > _FRESH:
            return False
        try:
            found = await self._store.query(_LATEST_CHANGE, limits=Limits(5, self._limits.memory_bytes, 10))
        except InvalidInput:
            return False
        # Whole seconds: a change within the second of the answer may have come after it.
        latest = found.rows[0][0] if found.rows else None
        return isinstance(latest, datetime) and latest + timedelta(seconds=1) <= kept.at

    def forget_facts(self, project_id: int) -> None:
        """Read a project's facts anew at its next query: somebody has changed them."""
        self._known_facts.pop(project_id, None)

    async def _facts(self, project_id: int) -> ProjectFacts:
        """A project's facts, remembered for a few seconds."""
        now = time.monotonic()
        known = self._known_facts.get(project_id)
        if known is None or known[0] < now:
            known = (now + _FACTS_SECONDS, await self._read_facts(project_id))
            self._known_facts[project_id] = known
        return known[1]

    async def _answered(self, project_id: int, query: QueryMapping, facts: ProjectFacts) -> Answer:
        started = time.perf_counter()
        query = _unwrapped(query)
        try:
            if query.get("kind") == "HogQLQuery":
                answer = await self._hogql(project_id, validate(HogQLQuery, query), facts)
            else:
                answer = await self._typed(project_id, query, facts)
        except HogQLError as error:
            raise InvalidQuery(error) from error
        now = self.clock.now()
        timings = [*answer.pop("timings", []), {"k": ".", "t": time.perf_counter() - started}]
        return {
            "error": None,
            "timings": timings,
            "modifiers": query.get("modifiers") or {},
            "is_cached": False,
            "cache_key": cache_key(project_id, query, facts.timezone),
            "cache_target_age": None,
            "last_refresh": wire_time(now),
            "next_allowed_client_refresh": wire_time(now),
            "timezone": facts.timezone,
            "query_status": None,
            **answer,
        }

    async def _hogql(self, project_id: int, query: HogQLQuery, facts: ProjectFacts) -> Answer:
        began = time.perf_counter()
        compiled = compile_query(
            query.query,
            team_id=project_id,
            values=query.values or {},
            filters=hogql_filters(query.filters),
            variables=variable_values(query.variables),
            timezone=facts.timezone,
            probe_more=True,
            group_types=facts.group_types,
            property_types=facts.property_types,
            now=self.clock.now(),
        )
        compiled_at = time.perf_counter()
        found = await self._asked(project_id, compiled)
        executed_at = time.perf_counter()
        answer: Answer = {
            "query": query.query,
            "hogql": compiled.hogql,
            "columns": list(found.columns),
            "types": [list(pair) for pair in zip(found.columns, found.types, strict=True)],
            "results": [list(row) for row in found.rows[: compiled.limit]],
            "limit": compiled.limit,
            "offset": compiled.offset,
            "hasMore": len(found.rows) > compiled.limit,
            "explain": await self._explained(project_id, compiled) if query.explain else None,
            "metadata": None,
            "timings": [
                {"k": "./compile", "t": compiled_at - began},
                {"k": "./execute", "t": executed_at - compiled_at},
            ],
        }
        return answer

    async def _typed(self, project_id: int, query: QueryMapping, facts: ProjectFacts) -> Answer:
        kind = KINDS.get(str(query.get("kind")))
        if kind is None:
            known = ", ".join(sorted(["HogQLQuery", *KINDS]))
            raise InvalidInput(
                f"{query.get('kind')!r} is no query kind that is answered here. Use one of {known}.",
                code="invalid_choice",
                attr="query__kind",
            )
        asker = self._asker(project_id, facts)
        answer = await kind.run(validate(kind.model, query), asker)
        period = answer.get("resolved_date_range")
        if isinstance(period, Period):
            zone_text = {"date_from": wire_time(period.start), "date_to": wire_time(period.end)}
            answer["resolved_date_range"] = zone_text
        return {"hogql": "\n\n".join(dict.fromkeys(rows.hogql for rows in asker.asked)), **answer}

    def _asker(self, project_id: int, facts: ProjectFacts) -> Asker:
        async def select(statement: ast.SelectStatement, limit: int) -> Rows:
            compiled = compile_query(
                statement,
                team_id=project_id,
                timezone=facts.timezone,
                limit_default=limit,
                limit_max=_RESULT_ROWS,
                group_types=facts.group_types,
                property_types=facts.property_types,
                now=self.clock.now(),
            )
            return await self._asked(project_id, compiled)

        async def answer(query: QueryMapping) -> Answer:
            return await self._answered(project_id, query, facts)

        return Asker(
            project_id, self.clock.now(), facts.timezone, select, answer, facts.group_types, facts.usage_metrics
        )

    async def _asked(self, project_id: int, compiled: Compiled) -> Rows:
        found = await self._store.query(compiled.sql, compiled.parameters, limits=self._limits, team_id=project_id)
        columns = compiled.columns if len(compiled.columns) == len(found.columns) else found.columns
        return Rows(columns, found.types, wire_rows(found.rows, found.types), compiled.hogql, compiled.sql)

    async def _explained(self, project_id: int, compiled: Compiled) -> list[str]:
        found = await self._store.query(
            f"EXPLAIN {compiled.sql}", compiled.parameters, limits=self._limits, team_id=project_id
        )
        return [str(row[0]) for row in found.rows]


# Inserts, updates, deletions and merges leave new parts. Merges change no answer, but nothing tells them apart.
_LATEST_CHANGE = "SELECT max(modification_time) FROM system.parts WHERE active AND database = currentDatabase()"
_FRESH = timedelta(minutes=1)


def with_overrides(query: QueryMapping, filters: QueryMapping | None, variables: QueryMapping | None) -> QueryMapping:
    """A query with what a request overrides: its date range, further filters, other values of its variables."""
    return overridden(_unwrapped(query), filters, variables)


def _unwrapped(query: QueryMapping) -> QueryMapping:
    for _ in range(4):
        if query.get("kind") not in WRAPPERS:
            return query
        source: Any = query.get("source")
        if not isinstance(source, dict):
            raise InvalidInput(f"A {query['kind']} needs a 'source'.", code="required", attr="query__source")
        query = source
    raise InvalidInput("The query is wrapped too often.", attr="query__source")
