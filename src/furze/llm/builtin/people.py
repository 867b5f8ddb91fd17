"""Questions whose answer is people. Pure."""

from typing import Any

from furze.llm.builtin.dates import NUMBERS
from furze.llm.builtin.measures import Measure, threshold_filters
from furze.llm.builtin.periods import moments, period_of
from furze.llm.builtin.phrases import COUNT, PEOPLE
from furze.llm.builtin.reading import Question, Reading, Unclear, filters, find_names


def person_count(question: Question, measure: Measure, properties: list[dict[str, Any]]) -> Reading:
    conditions, values = ["1"], dict[str, Any]()
    for index, each in enumerate(properties):
        if each["type"] != "person":
            raise Unclear(f"`{each['key']}` is a property of events. Say what people did.")
        values[f"v{index}"] = each["value"]
        conditions.append(
            f"properties.`{each['key']}` {'NOT IN' if each['operator'] == 'is_not' else 'IN'} {{v{index}}}"
        )
    query = {
        "kind": "HogQLQuery",
        "query": f"SELECT count() AS persons FROM persons WHERE {' AND '.join(conditions)}",
        "values": values,
    }
    question.notes.append("everybody the project knows")
    return Reading("count", query, measure.words)


def known_people(question: Question) -> Reading | None:
    """Everybody the project knows: those of whom a property is known, or how many have each value of one."""
    name = _own_property(question)
    if (
        name is None
        or question.times.range is not None
        or question.times.compares
        or question.times.interval is not None
    ):
        return None
    access = f"properties.`{name}`"
    having = r"(?:who |that )?(?:have|has|with|left|gave)(?: us)? (?:an?|their|the)"
    if question.take(rf"(?:how many|number of|count of) (?:of )?(?:(?:our|the|all) )*(?:{PEOPLE}) {having}", "count"):
        question.mark(question.mentions[0], "filter")
        question.take(r"address(?:es)?", "filter")
        counted = f"SELECT count() AS persons FROM persons WHERE {access} IS NOT NULL"
        return Reading("count", {"kind": "HogQLQuery", "query": counted}, f"people with `{name}`")
    if not question.take(
        rf"(?:{PEOPLE}) (?:by|per)(?: each)?|(?:{PEOPLE}) for each|breakdown of (?:{PEOPLE}) by", "count"
    ):
        return None
    question.mark(question.mentions[0], "breakdown")
    split = (
        f"SELECT {access} AS value, count() AS amount FROM persons GROUP BY value HAVING value IS NOT NULL "
        "ORDER BY amount DESC, value LIMIT 25"
    )
    question.notes.append("everybody the project knows")
    return Reading("people", {"kind": "HogQLQuery", "query": split}, "people", limit=25)


def _own_property(question: Question) -> str | None:
    """The one property of people that is named, if nothing else is: nothing they do, and none of its values."""
    find_names(question)
    if len(question.mentions) != 1 or question.mentions[0].event is not None:
        return None
    named = next(iter(question.mentions[0].properties), None)
    return named if named in question.taxonomy.person_properties else None


def repeaters(question: Question) -> Reading | None:
    """How many people did one thing more than so often."""
    if not question.has(rf"(?:how many|number of|count of) (?:(?:our|the|of|different|unique|distinct) )*(?:{PEOPLE})"):
        return None
    often = rf"(more than|over|at least|exactly) (?:(once|twice)|{COUNT}(?: times?|(?= {_DONE})))"
    match = question.take(often, "threshold") or question.take(rf"()(?:()){COUNT} or more(?: times)?", "threshold")
    if match is None:
        return None
    question.take(
        rf"(?:how many|number of|count of) (?:(?:our|the|of|different|unique|distinct) )*(?:{PEOPLE})", "count"
    )
    find_names(question)
    events = {each.event for each in question.mentions if each.event is not None}
    if len(events) != 1 or question.times.compares or question.times.interval is not None:
        raise Unclear("I can count people by how often they did one thing. Name the event.")
    event = str(events.pop())
    for each in [each for each in question.mentions if each.event is not None]:
        question.mark(each, "event")
    times = {"once": 1, "twice": 2}.get(match[2]) or (int(match[3]) if match[3].isdigit() else NUMBERS[match[3]])
    sign = {"at least": ">=", "exactly": "=", "": ">="}.get(match[1], ">")
    period = period_of(question)
    conditions = ["event = {event}", *_conditions(filters(question, [event])), *moments(period)]
    question.notes.insert(0, f"period: {period.words}")
    query = {
        "kind": "HogQLQuery",
        "query": (
            f"SELECT count() AS persons FROM (SELECT person_id, count() AS times FROM events "
            f"WHERE {' AND '.join(conditions)} GROUP BY person_id HAVING times {sign} {times})"
        ),
        "values": {"event": event},
    }
    return Reading("count", query, f"people with {match[1] or 'at least'} {times} `{event}`")


_DONE = r"(?:orders?|purchases?|sign ?-?ups?|page ?-?views?|errors?|exceptions?|checkouts?|products?|events?|carts?)"


def top_people(question: Question, measure: Measure, limit: int, thresholds: list[tuple[str, float]]) -> Reading:
    if len(measure.events) != 1 or measure.math not in ("dau", "total", "sum", "avg", "max"):
        raise Unclear("I can rank people by how often they did one thing, or by the sum of one property.")
    extra = threshold_filters(question, thresholds, measure)
    period = period_of(question)
    number = "count()"
    if measure.property is not None:
        number = f"round({measure.math}(toFloat(properties.`{measure.property}`)), 2)"
    conditions = ["event = {event}", *_conditions([*filters(question, measure.events), *extra])]
    since = moments(period)
    question.notes.insert(0, f"period: {period.words}")
    name = next((each for each in ("email", "name", "username") if each in question.taxonomy.person_properties), None)
    ranked = (
        f"SELECT person_id, {'' if name else 'any(distinct_id) AS person, '}{number} AS amount FROM events "
        f"WHERE {' AND '.join([*conditions, *since])} GROUP BY person_id ORDER BY amount DESC, person_id LIMIT {limit}"
    )
    query = {
        "kind": "HogQLQuery",
        "query": _named(ranked, name) if name else ranked,
        "values": {"event": measure.events[0]},
    }
    counted = f"`{measure.events[0]}` events" if measure.property is None else measure.words
    return Reading("people", query, counted, limit=limit)


def _named(ranked: str, name: str) -> str:
    """A ranking with what people are called now: who ordered before signing up had no name then."""
    return (
        f"SELECT ranked.person_id AS person_id, persons.properties.`{name}` AS person, ranked.amount AS amount "
        f"FROM ({ranked}) AS ranked LEFT JOIN persons ON persons.id = ranked.person_id ORDER BY amount DESC, person_id"
    )


def by_person_property(
    question: Question, measure: Measure, name: str, properties: list[dict[str, Any]], *, limit: int, least: bool
) -> Reading:
    """A ranking by what is known of people now, which events do not carry."""
    math = {"total": "count()", "dau": "uniq(person_id)"}.get(measure.math)
    if measure.property is not None and measure.math in ("sum", "avg", "max", "min"):
        math = f"round({measure.math}(toFloat(properties.`{measure.property}`)), 2)"
    if math is None or len(measure.events) != 1 or question.times.interval is not None or question.times.compares:
        raise Unclear(f"I can't break this down by the people's `{name}`. The SQL mode can.")
    period = period_of(question)
    question.notes.insert(0, f"period: {period.words}")
    conditions = ["event = {event}", *_conditions(properties), *moments(period)]
    order = "ASC" if least else "DESC"
    query = {
        "kind": "HogQLQuery",
        "query": (
            f"SELECT persons.properties.`{name}` AS value, {math} AS amount FROM events "
            f"JOIN persons ON persons.id = events.person_id WHERE {' AND '.join(conditions)} "
            f"GROUP BY value HAVING value IS NOT NULL ORDER BY amount {order}, value LIMIT {limit or 25}"
        ),
        "values": {"event": measure.events[0]},
    }
    return Reading("people", query, measure.words, limit=limit)


def _conditions(properties: list[dict[str, Any]]) -> list[str]:
    made = []
    signs = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
    for each in properties:
        place = f"properties.`{each['key']}`"
        if each["type"] == "hogql":
            made.append(each["key"])
        elif each["operator"] in signs:
            made.append(f"toFloat({place}) {signs[each['operator']]} {each['value']:g}")
        else:
            values = ", ".join(
                "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'" for value in each["value"]
            )
            made.append(f"{place} {'NOT IN' if each['operator'] == 'is_not' else 'IN'} ({values})")
    return made
