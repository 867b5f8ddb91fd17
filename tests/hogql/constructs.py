"""What HogQL can say: each construct with an example that a test runs, and what is refused with the reason.

`python -m tests.hogql.constructs docs/reference/hogql.md` writes the reference page from this table and from the
functions that queries may call.
"""

# ruff: noqa: E501 -- one construct a line

import sys
from collections import defaultdict
from pathlib import Path

from furze.hogql.function_table import COMBINATORS
from furze.hogql.functions import FUNCTIONS, Function
from furze.hogql.tables import ABSENT_TABLES, TABLES

#: Section, construct, example.
WORKS = [
    ("Selecting", "every column, all but some, some replaced", "select * except (properties) from events"),
    ("Selecting", "several columns by their names", "select columns(event, distinct_id) from events"),
    ("Selecting", "alias, used anywhere in the query", "select lower(event) as name from events where name = 'x'"),
    ("Selecting", "DISTINCT", "select distinct event from events"),
    ("Selecting", "subquery as a value", "select (select count() from events) as total"),
    ("Selecting", "CASE, ternary, if", "select event = 'a' ? 1 : case when event = 'b' then 2 else 3 end from events"),
    ("Selecting", "casts", "select properties.price::Float, cast('12' as Int) from events"),
    ("Selecting", "text with values in it", "select f'{event} by {distinct_id}' from events"),
    ("Selecting", "comments", "select event /* what */ from events -- whose"),
    ("Properties", "of the event", "select properties.$browser, properties.nested.a.b, properties['x'] from events"),
    ("Properties", "of its person", "select person.properties.email, person.created_at from events"),
    ("Properties", "of the person as it was then", "select poe.properties.plan from events"),
    ("Properties", "of its groups", "select group_0.properties.name, $group_0 from events"),
    ("Properties", "of its session", "select session.$session_duration, session.$channel_type from events"),
    ("Properties", "of the clicked element", "select elements_chain_href, elements_chain_texts from events"),
    ("Properties", "a person's distinct ids", "select pdi.distinct_id from persons"),
    ("Properties", "numbers and dates compared as such", "select count() from events where properties.price > 15"),
    ("Properties", "one that is absent is null", "select properties.missing ?? 'none' from events"),
    ("Filtering", "WHERE, PREWHERE", "select event from events prewhere event = 'a' where distinct_id = 'b'"),
    ("Filtering", "IN a list, a tuple, a subquery", "select event from events where person_id in (select id from persons)"),
    ("Filtering", "BETWEEN, LIKE, ILIKE", "select event from events where event ilike 'p%' and timestamp between '2026-01-01' and now()"),
    ("Filtering", "regular expressions", "select event from events where event =~ '^p' and event !~* 'X$'"),
    ("Filtering", "IS NULL, IS DISTINCT FROM", "select event from events where properties.a is distinct from properties.b"),
    ("Filtering", "EXISTS", "select event from events where exists (select 1 from persons)"),
    ("Filtering", "a date as text", "select event from events where timestamp >= '2026-03-02'"),
    ("Filtering", "intervals", "select event from events where timestamp > now() - interval 7 day"),
    ("Grouping", "GROUP BY expressions, aliases, numbers, ALL", "select event, count() from events group by all"),
    ("Grouping", "HAVING, QUALIFY", "select event, count() as n from events group by event having n > 1"),
    ("Grouping", "aggregates with parameters", "select quantile(0.9)(toFloat(properties.price)), topK(3)(event) from events"),
    ("Grouping", "endings: If, Distinct, State, Merge, …", "select countIf(event = 'a'), sumIf(1, event = 'b') from events"),
    ("Grouping", "windows", "select event, row_number() over (partition by distinct_id order by timestamp) from events"),
    ("Grouping", "named windows and frames", "select sum(1) over w from events window w as (order by timestamp rows between 2 preceding and current row)"),
    ("Ordering", "ORDER BY, NULLS FIRST or LAST", "select event from events order by properties.price desc nulls last"),
    ("Ordering", "LIMIT, OFFSET, LIMIT BY, WITH TIES", "select event from events order by timestamp limit 2 by event limit 10"),
    ("Ordering", "SAMPLE", "select count() from events sample 1/10"),
    ("Tables", "joins of every kind", "select e.event, p.id from events e left join persons p on e.person_id = p.id"),
    ("Tables", "UNION, INTERSECT, EXCEPT", "select event from events union all select 'x'"),
    ("Tables", "common table expressions, recursive ones too", "with recursive t as (select 1 as n union all select n + 1 from t where n < 5) select sum(n) from t"),
    ("Tables", "ARRAY JOIN", "select tag from events array join [1, 2] as tag"),
    ("Tables", "rows of numbers, VALUES", "select toDate('2026-03-01') + number as day from numbers(7)"),
    ("Values", "arrays, tuples, maps", "select [1, 2][1], (1, 'a').2, {'a': 1}['a']"),
    ("Values", "functions of one's own", "select arrayMap(x -> x * 2, [1, 2, 3])"),
    ("Values", "placeholders", "select event from events where event in {names} limit {rows}"),
    ("Values", "the filters of a dashboard", "select count() from events where {filters}"),
    ("Values", "variables", "select count() from events where event = {variables.event_name}"),
]  # fmt: skip

#: Construct, example, words of the refusal.
REFUSED = [
    ("tables of the engine", "select * from system.tables", "is not available here"),
    ("cohorts", "select * from cohorts", "is not available here"),
    ("session replays", "select * from session_replay_events", "is not available here"),
    ("files and addresses", "select * from url('http://x', 'CSV', 'a String')", "Unsupported table function"),
    ("settings", "select 1 settings max_threads = 1", "SETTINGS"),
    ("several statements", "select 1; select 2", "only one query at a time"),
    ("anything that writes", "drop table events", "expected SELECT"),
    ("what a table has not", "select nonsense from events", "Unable to resolve field"),
    ("what is no function", "select nonsense(1)", "Unsupported function call"),
]


def page() -> str:
    """The reference page."""
    lines = ["# HogQL\n"]
    lines.append(
        "What a query may say. Each example here is run by a test, and each refusal too; "
        "200 longer queries are in `tests/hogql/corpus.sql`.\n"
    )
    for section in dict.fromkeys(each[0] for each in WORKS):
        lines += [f"\n## {section}\n", "| what | example |", "|---|---|"]
        lines += [f"| {what} | `{_cell(example)}` |" for name, what, example in WORKS if name == section]
    lines += ["\n## What is refused\n", "| what | example | in these words |", "|---|---|---|"]
    lines += [f"| {what} | `{_cell(example)}` | … {_cell(words)} … |" for what, example, words in REFUSED]
    lines += ["\n## Tables\n", ", ".join(f"`{name}`" for name in sorted(TABLES)) + "."]
    lines.append(
        "\nOf PostHog's own these are absent: " + ", ".join(f"`{name}`" for name in sorted(ABSENT_TABLES)) + "."
    )
    lines.append(f"\n## Functions\n\n{len(FUNCTIONS)} functions; the numbers are how many arguments each takes.")
    for title, functions in _grouped().items():
        lines.append(f"\n### {title}\n\n" + ", ".join(map(_signature, sorted(functions, key=_by_name))) + ".")
    lines.append("\nAggregates take the endings " + ", ".join(f"`{name}`" for name in COMBINATORS) + ".")
    return "\n".join(lines) + "\n"


def _grouped() -> dict[str, list[Function]]:
    groups: dict[str, list[Function]] = defaultdict(list)
    for function in FUNCTIONS.values():
        kind = "Aggregates" if function.is_aggregate else "Windows" if function.is_window else f"{function.returns}"
        groups[kind if kind in ("Aggregates", "Windows") else f"That give: {kind}"].append(function)
    return dict(sorted(groups.items()))


def _signature(function: Function) -> str:
    least, most = function.min_args, function.max_args
    return f"`{function.name}` {least if most == least else f'{least} to {most}' if most is not None else f'{least}+'}"


def _by_name(function: Function) -> str:
    return function.name.lower()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
