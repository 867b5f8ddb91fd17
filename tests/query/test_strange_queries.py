"""Whatever is sent as a query, the answer is rows or a fault that names itself; never a failure of the server."""

import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.query.world import World

from furze.platform.errors import FurzeError
from furze.query.kinds import KINDS, HogQLQuery
from furze.query.run import with_overrides

WORDS = st.sampled_from([
    "A", "", "browser", "-7d", "all", "2026-13-01", "dStart", "total", "hogql", "p95", "unique_group", "person", "(",
    "a+", "{x}", "select 1", "count()", "$session_duration", "strict", "trends", "é\x00", "-99999y", "week",
])  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.floats(allow_nan=False) | WORDS
FIELDS = st.sampled_from(sorted({name for kind in KINDS.values() for name in kind.model.model_fields} | {
    "date_from", "date_to", "event", "math", "math_property", "math_hogql", "properties", "key", "value", "operator",
    "type", "breakdown", "breakdown_type", "breakdowns", "property", "formula", "display", "smoothingIntervals",
    "funnelOrderType", "funnelVizType", "exclusions", "binCount", "compare", "compare_to", "targetEntity", "id",
    "totalIntervals", "period", "startPoint", "endPoint", "stepLimit", "pathGroupings", "values", "code_name",
}))  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=8
)
SERIES = st.lists(
    st.dictionaries(FIELDS, LEAVES | VALUES, max_size=3) | st.just({"event": "A"}), min_size=1, max_size=3
)
COUNT = int(os.environ.get("QUERY_EXAMPLES", "6"))
MODELS = {"HogQLQuery": HogQLQuery, **{name: kind.model for name, kind in KINDS.items()}}


@st.composite
def queries(draw) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(MODELS)))
    model = MODELS[kind]
    names = sorted(model.model_fields)
    chosen = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4))
    if "series" in names:
        chosen["series"] = draw(SERIES)
    return {**chosen, "kind": kind}


@settings(
    max_examples=20 * COUNT,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(queries(), st.none() | st.dictionaries(FIELDS, VALUES, max_size=3))
def test_no_query_makes_the_server_fail(world: World, query, override):
    async def ask() -> int:
        try:
            await world.runner.run(101, with_overrides(query, override, override))
        except FurzeError as error:
            return error.status
        return 200

    assert world.now(ask()) in (200, 400)
