"""On a sharded cluster, joins and IN with a subquery are GLOBAL."""

import pytest

from furze.hogql import compile_query

QUERIES = [
    "select person_id, session.$entry_pathname, group_0.properties from events",
    "select e.event from events e join persons p on e.person_id = p.id",
    "select 1 from events where event in (select event from events) and person_id not in (select id from persons)",
]


@pytest.mark.parametrize("query", QUERIES)
def test_every_join_and_subquery_is_global(engine, query):
    sql = compile_query(query, team_id=1, distributed=True).sql
    assert sql.count("JOIN") == sql.count("GLOBAL LEFT JOIN") + sql.count("GLOBAL INNER JOIN")
    assert " in(" not in sql
    engine.ask(query, distributed=True)
