"""A project reads its own rows and nothing else, whatever it writes."""
# ruff: noqa: E501 -- one attempt a line

import json
import re

import pytest

from furze.hogql import HogQLError, compile_query

REFUSED = [
    "select * from furze.events",
    "select * from system.tables",
    "select * from system.numbers",
    "select * from information_schema.tables",
    "select * from `furze.events`",
    "select * from `events` `x`, `furze`.`person`",
    "select * from person",
    "select * from person_distinct_id",
    "select * from file('/etc/passwd', 'CSV', 'a String')",
    "select * from url('http://localhost/', 'CSV', 'a String')",
    "select * from s3('http://x/y', 'CSV')",
    "select * from remote('localhost', furze.events)",
    "select * from merge('furze', '.*')",
    "select * from cluster('default', furze.events)",
    "select * from executable('x', 'CSV', 'a String')",
    "select * from postgresql('h', 'd', 't', 'u', 'p')",
    "select * from input('a String')",
    "select * from generateRandom('a String')",
    "select * from viewExplain('a')",
    "select * from numbers(99999999999)",
    "select * from numbers((select 5))",
    "select file('/etc/passwd')",
    "select dictGet('d', 'a', 1)",
    "select joinGet('furze.events', 'event', 1)",
    "select getSetting('max_threads')",
    "select currentUser()",
    "select hostName()",
    "select sleep(3)",
    "select throwIf(1)",
    "select arrayReduce('aggThrow(1)', [1])",
    "select arrayReduce(event, [1]) from events",
    "select initializeAggregation('sum', 1)",
    "select evalMLMethod(1, 2)",
    "select getMacro('x')",
    "select hasColumnInTable('furze', 'events', 'team_id')",
    "select catboostEvaluate('/x', 1)",
    "select addressToLine(1)",
    "select aiGenerate('x', 'y')",
    "select `file`('/etc/passwd')",
    "select FILE('/etc/passwd')",
    "select fileIf('/etc/passwd', 1)",
    "select `count(); drop table x`()",
    "select team_id from events",
    "select events.team_id from events",
    "select t.team_id from events",
    "select `t`.`properties` from events",
    "select e.team_id from events as e",
    "select position_ from events",
    "select version from events",
    "select 1 settings readonly = 0",
    "select event from events settings additional_table_filters = {}",
    "select 1 format CSV",
    "select 1 into outfile '/tmp/x'",
    "select 1; drop table furze.events",
    "select 1; select 2",
    "insert into events values (1)",
    "drop table furze.events",
    "alter table events delete where 1",
    "create table x (a Int8)",
    "show tables",
    "describe events",
    "explain select 1",
    "use furze",
    "set max_threads = 1",
    "system flush logs",
    "select top 5 event from events",
    "select event from events where event global in ('a')",
    "select a.event from events a global join events b on a.uuid = b.uuid",
    "select event from events group by event with totals",
    "select event from events group by event with rollup",
    "select event from events group by cube(event)",
    "select event from events where event in cohort 12",
    "select event from events where event in cohort 'power users'",
    "select cast(1 as AggregateFunction(sum, Int8))",
    "select cast('x' as String) :: `Object('json')`",
    "select 1 as a from events limit -1",
    "select 1 limit (select 5)",
    "select <a href='x'>y</a>",
    "select * from events events, persons events",
    "select date '2026-01-01'",
    "select substring('a' from 1 for 2)",
    "select * from cohort_people",
    "select quantile(event)(1) from events",
    "select length(distinct event) from events",
    "select lower('a')('b')",
]


@pytest.mark.parametrize("query", REFUSED)
def test_what_could_reach_beyond_the_projects_tables_is_refused(query):
    with pytest.raises(HogQLError) as caught:
        compile_query(query, team_id=1)
    assert caught.value.message


SHOWN = [
    "select toString(properties) from events",
    "select * from events limit 1000",
    "select e.*, f.* from events e cross join events f",
    "select properties from events union all select properties from events",
    "select properties from events where 1 or 1=1",
    "select properties from events where true or 1 = 1 or 1",
    "with events as (select * from events) select properties from events",
    "with `furze.events` as (select properties from events) select properties from `furze.events`",
    "with `x` as (select properties from events), persons as (select * from x) select * from persons",
    "select (select groupArray(properties) from events)",
    "select properties from (select properties from (select * from events))",
    "select properties from events where distinct_id in (select distinct_id from events)",
    "select a.properties from events a right join events b on a.distinct_id = b.distinct_id",
    "select a.properties, b.properties from events a full outer join events b on a.uuid = b.uuid and a.event = 'x'",
    "select a.properties from events a anti left join events b on a.uuid = b.event",
    "select properties from persons",
    "select p.properties, e.properties from persons p right join events e on e.person_id = p.id",
    "select person.properties, pdi.person.properties, group_0.properties from events",
    "select properties from groups",
    "select * from sessions",
    "select session.$entry_current_url, properties from events",
    "select * from person_distinct_ids",
    "select person.properties from person_distinct_ids",
    "select pdi.distinct_id, properties from persons",
    "select '\\' or team_id = 2 --' as x, properties from events",
    "select properties as `team_id = 2 or ```` 1` from events",
    "select properties as `a\\\\` from events as `x\\`) union all select * from furze.events --`",
    "select properties.`a', 'x') or 1=1 --`, properties.`\\\\`, properties.`\\'` from events",
    "select properties['\\') from furze.events --'], properties from events",
    "select arrayJoin([properties, person.properties]) from events",
    "select properties from events sample 1",
    "select properties from events prewhere 1 or 1",
    "select countIf(properties like '%THEIRS%') from events",
    "select properties from events where uuid in (select uuid from events where properties like '%THEIRS%')",
    "select uuid from events e where e.properties like '%THEIRS%' or (1 = 1 and e.event != 'x' or true)",
    "with recursive r as (select 1 n, properties p from events union all select n + 1, p from r where n < 2) select p from r",
    "with 1 as team_id select properties from events",
    "with 1 as `t.team_id`, tuple(1) as t, 1 as `events.team_id` select properties from events",
    "with 1 as team_id, 0 as is_deleted, 1 as is_overridden select person_id, group_0.properties, properties from events",
    "with 1 as `d.team_id`, tuple(1) as d, 1 as `p.team_id`, tuple(1) as p, 1 as g select pdi.person.properties from events",
    "with 1 as team_id, 1 as `d.team_id` select pdi.distinct_id, properties from persons",
    "select 1 as team_id, 1 as `t.team_id`, (select groupArray(properties) from events) as x from events",
    "select properties from events t where t.event != 'x'",
    "select override.properties, person.id from events override",
    "with override as (select * from events), session as (select 1) select person_id, session.$urls, properties from events",
    "select properties from events array join [1] as team_id",
    "select arrayMap(team_id -> properties, [1]), arrayMap(t -> properties, [1]) from events",
    "select properties, row_number() over (partition by 1 order by timestamp) from events qualify 1",
    "select tag, properties from events array join [1, 2] as tag",
    "select properties from events limit 3 by event limit 100",
    "select max(properties) from events group by all",
    "select argMax(properties, timestamp) from events group by event order by 1",
]


@pytest.mark.parametrize("query", SHOWN)
def test_only_the_projects_own_rows_are_shown(engine, query):
    shown = json.dumps(engine.ask(query))
    assert "THEIRS" not in shown
    assert "-8000-0002" not in shown
    assert "Acme 2" not in shown
    assert not re.search(r'team\\+": 2', shown)


@pytest.mark.parametrize("query", SHOWN)
def test_every_read_of_a_stored_table_holds_its_own_guard(query):
    sql = compile_query(query, team_id=1).sql
    unquoted = re.sub(r"`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'", "", sql)
    reads = len(re.findall(r"\bfurze\.", unquoted))
    assert reads
    assert unquoted.count("team_id = 1") == reads
    assert unquoted.count("team_id") == reads


def test_the_other_project_sees_its_rows(engine):
    [[count]] = engine.ask("select countIf(properties like '%THEIRS%') from events", team_id=2)
    assert count == 6


HOSTILE = [
    "'",
    "\\",
    "\\'",
    "'; drop table x --",
    "`",
    "{hogql_val_0:String}",
    "%s %(x)s",
    "\n\t\r",
    "ünï 🦔",
    "--",
    "/*",
    "\\N",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_comes_back_as_it_was_given(engine, text):
    assert engine.ask("select {value}", values={"value": text}) == [[text]]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_name_is_only_a_name(engine, text):
    quoted = text.replace("\\", "\\\\").replace("`", "\\`")
    assert engine.ask(f"select 1 as `{quoted}` from (select 2 as `x{quoted}`) as `y{quoted}`") == [[1]]
    rows = engine.ask(f"select properties.`{quoted}` from events limit 1")
    assert rows == [[None]]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_property_name_reads_that_property(engine, text):
    from furze.hogql import ast  # noqa: PLC0415

    field = ast.Field(("doc", text))
    inner = ast.SelectQuery((ast.Alias("doc", ast.Constant(json.dumps({text: "found"}))),))
    query = ast.SelectQuery((field,), select_from=ast.JoinExpr(inner, alias="s"))
    assert engine.ask(query) == [["found"]]
