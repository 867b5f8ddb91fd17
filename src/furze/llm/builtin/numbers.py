"""Questions for a number, its course over time, or a ranking. Pure."""

import re
from dataclasses import replace
from typing import Any

from furze.llm.builtin.dates import NUMBERS, Times
from furze.llm.builtin.measures import Measure, measure_of, threshold_filters, thresholds_of
from furze.llm.builtin.narrowing import breakdown_filter, is_numeric
from furze.llm.builtin.people import by_person_property, person_count, top_people
from furze.llm.builtin.periods import dated
from furze.llm.builtin.phrases import BUYERS, COUNT, PEOPLE
from furze.llm.builtin.reading import Question, Reading, Unclear, breakdown, filters


def numbers(question: Question) -> Reading | None:
    _refuse(question)
    picks, limit = superlative(question)
    compares_words = (
        question.take(
            (
                r"(?:what is |how big is )?(?:the )?(?:change|growth|increase|decrease|rise|drop"
                r"|difference|trend)s? (?:in|of)|(?:did|has|have|is|are|do) .{0,40}?(?=(?:grow"
                r"|grown|gr[eo]w|increas|decreas|chang|go up|gone up|went up|declin|ris|drop|fall"
                r"|fell|better|worse|improv))|grow(?:n|th|ing|s)?|grew|increas(?:e|ed|ing)"
                r"|decreas(?:e|ed|ing)|chang(?:e|ed|ing)|(?:go|gone|going|went) (?:up|down)"
                r"|declin(?:e|ed|ing)|r(?:ise|ose|isen|ising)|better|worse|improv(?:e|ed|ing)"
                r"|drop(?:ped)?|fall(?:en|ing)?|fell|up or down|more|fewer|less|higher|lower"
            ),
            "compare",
        )
        if question.times.compares
        else None
    )
    while compares_words and question.take(
        (
            r"grow(?:n|th|ing|s)?|grew|increas(?:e|ed|ing)|decreas(?:e|ed|ing)|chang(?:e|ed"
            r"|ing)|(?:go|gone|going|went) (?:up|down)|declin(?:e|ed|ing)|rose|risen|better"
            r"|worse|improv(?:e|ed|ing)|dropped|fallen|fell|up or down|up|down|or|more|fewer"
            r"|less|higher|lower"
        ),
        "compare",
    ):
        pass
    thresholds = thresholds_of(question)
    _refuse_limit(question, thresholds)
    about_people = bool(picks) and is_about_people(question, limit)
    measure = measure_of(question) or _presumed(question, picks)
    if measure is None:
        return None
    if measure.property is not None and not about_people:
        question.take(rf"(?:{PEOPLE})", "people")  # “German customers”: whose orders, not how many people
    if about_people:
        return top_people(question, measure, limit or 10, thresholds)
    by = breakdown(question)
    extra = threshold_filters(question, thresholds, measure)
    part = breakdown_filter(question, by, measure.events) if by is not None else None
    part = part or _error_types(question, measure, picks) or _own_kind(question, measure, picks)
    properties = [*filters(question, measure.events), *extra]
    part = part or _side_by_side(question, properties)
    first = (part or {}).get("breakdowns", [{}])[0]
    if first.get("type") == "person" and measure.events:
        return by_person_property(question, measure, first["property"], properties, limit=limit, least=picks == "least")
    return trends(question, measure, part, properties, picks=picks, limit=limit)


def breakdown_is_missing(question: Question) -> bool:
    """Whether the question names nothing to break its answer down by."""
    return not question.has(r"by|per|each|every|which|what")


def _refuse(question: Question) -> None:
    """Raise `Unclear` for what would be answered with another number than was meant."""
    if question.has(r"per (?:visitor|head|capita|session|visit|page ?view|week and|page)"):
        raise Unclear("I don't divide by visitors, sessions or views.")
    if question.has(r"(?:hours?|times?) of (?:the )?day|days? of (?:the )?week|weekdays?|weekends?|hour of day"):
        raise Unclear("I don't compare hours of the day or days of the week. The SQL mode can.")
    if question.has(r"where (?:do|did|does|is|are|was|were|have|has)") and breakdown_is_missing(question):
        raise Unclear("Where: by country, by page, by the site that sent them? Say by what.")
    if question.has(r"when (?:do|did|does|is|are|was|were|have|has)|what time"):
        raise Unclear("I don't look for moments. Ask for a number per day or per hour.")
    if question.has(r"now|currently|at (?:the|this) moment") and question.has(
        r"online|active|live|(?:on|visit)\w* .*site"
    ):
        raise Unclear("I don't know who is here at this moment. Ask for today, or for the last hour.")
    if not question.has(r"how many|number of|most|top|best|biggest|least|count") and question.has(
        rf"^who|(?:list|show|name|display|give me)(?: me)?(?: all)?(?: the| our)* (?:{PEOPLE}) (?:who|that|with)"
    ):
        raise Unclear("I count people and rank them by what they did, but I don't list them. The SQL mode can.")


def _refuse_limit(question: Question, thresholds: list[tuple[str, float]]) -> None:
    """A limit on what one person did in all is not a limit on each event."""
    if (
        thresholds
        and question.has(rf"{PEOPLE}|{BUYERS}|who")
        and question.has(r"spen[dt]\w*|in total|altogether|in (?:orders|purchases)|worth of")
    ):
        raise Unclear("I can't put a limit on what each person did in all. The SQL mode can.")


#: What each kind of period may stand beside: a week beside another week, a day beside the same day of another week.
_SAME_KIND = {"d": "dwmqy", "w": "wy", "m": "mqy", "q": "qy", "y": "y"}


def _comparable(times: Times) -> Times:
    """The two periods made alike: whole days that do not overlap; raises `Unclear` for a month beside a week."""
    found = times.range
    if not times.compares or found is None:
        return times
    unit = times.compare_to[-1:]
    calendar = re.fullmatch(r"(?:-\d+)?([dwmqy])Start", found.date_from)
    if calendar and unit and unit not in _SAME_KIND[calendar[1]]:
        raise Unclear("I compare periods of the same kind: this week with last week, this month with last month.")
    rolling = re.fullmatch(r"-(\d+)([dw])", found.date_from)
    if rolling is None:
        return times
    days = int(rolling[1]) * (7 if rolling[2] == "w" else 1)
    if days > {"d": 1, "w": 7, "m": 28, "q": 90, "y": 365}.get(unit, days):
        raise Unclear(f"The last {days} days and the days they would be compared with overlap.")
    words = f"{found.words}, today included"
    return replace(times, range=replace(found, date_from=f"-{days - 1}d" if days > 1 else "dStart", words=words))


def _compared_with(question: Question) -> str:
    """What stands beside the number: earlier days, each of them whole."""
    units = {"d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}
    unit = units.get(question.times.compare_to[-1:])
    return f"compared with the same days one {unit} earlier, whole days" if unit else "compared with the time before it"


def _presumed(question: Question, picks: str) -> Measure | None:
    """“The most popular browsers” counts people, “top pages” views, “top error types” the one event that has them."""
    event, by = question.taxonomy.visit_event, breakdown(question)
    if not picks or event is None or by is None or not by.properties:
        return None
    carriers = [
        each for each in question.taxonomy.events if by.properties[0] in question.taxonomy.of_event.get(each, ())
    ]
    if event in carriers and by.properties[0] in ("$pathname", "$current_url"):
        return Measure([event], "total", None, f"`{event}` events")
    if event in carriers:
        return Measure([event], "dau", None, f"different people with a `{event}`")
    if len(carriers) == 1:
        return Measure(carriers, "total", None, f"`{carriers[0]}` events")
    raise Unclear(f"Rank `{by.properties[0]}` by what?")


def _side_by_side(question: Question, properties: list[dict[str, Any]]) -> dict[str, Any] | None:
    """“Germany vs France”: two values compared are two numbers, not their sum."""
    if not question.has(r"vs|versus|compare[ds]?|comparing|comparison|against|than|more often"):
        return None
    several = [each for each in properties if isinstance(each.get("value"), list) and len(each["value"]) > 1]
    if not several:
        return None
    question.notes.append(f"by `{several[0]['key']}`")
    return {"breakdowns": [{"property": several[0]["key"], "type": several[0]["type"]}]}


def _error_types(question: Question, measure: Measure, picks: str) -> dict[str, Any] | None:
    """Errors are told apart by their type."""
    if measure.events != ["$exception"] or "$exception_type" not in question.taxonomy.event_properties:
        return None
    if question.take(
        r"(?:by|per|each|which|what) (?:type|kind|sort|class)s?(?: of)?|(?:type|kind|sort|class)(?:e?s)?(?: of)?",
        "breakdown",
    ) or (picks and question.times.interval is None and not question.has(r"day|week|month|hour")):
        question.notes.append("by `$exception_type`")
        return {"breakdowns": [{"property": "$exception_type", "type": "event"}]}
    return None


def superlative(question: Question) -> tuple[str, int]:
    """Whether the question wants the highest or the lowest few, and how many (0 says it does not)."""
    top = question.take(
        (
            rf"(?:the )?(?:top|best|first|biggest|largest|leading|highest) {COUNT}(?: most| best| "
            rf"biggest| popular| common)*|(?:the )?{COUNT} (?:most|best|biggest|top|largest"
            rf"|highest|main)(?: popular| common| frequent(?:ly)?| important)?"
        ),
        "superlative",
    )
    if top:
        text = top[1] or top[2]
        while question.take(r"most popular|most common|most frequent(?:ly)?|most|by far", "superlative"):
            pass
        return "most", int(text) if text.isdigit() else NUMBERS[text]
    bottom = question.take(
        rf"(?:the )?(?:bottom|worst|lowest) {COUNT}"
        rf"|(?:the )?{COUNT} (?:least|fewest|lowest|worst)(?: popular| common)?",
        "superlative",
    )
    if bottom:
        text = bottom[1] or bottom[2]
        return "least", int(text) if text.isdigit() else NUMBERS[text]
    return _counted_superlative(question) or _plain_superlative(question)


def _counted_superlative(question: Question) -> tuple[str, int] | None:
    """“Which 3 users placed the most orders”."""
    counted = question.take(rf"(?:(?<=which )|(?<=what )){COUNT}(?= .*(?:most|highest|biggest))", "superlative")
    counted = counted or question.take(rf"(?<=the ){COUNT}(?= .*(?:the most|the highest))", "superlative")
    if counted is None:
        return None
    question.take(r"(?:the )?(?:most|highest|biggest)", "superlative")
    return "most", int(counted[1]) if counted[1].isdigit() else NUMBERS[counted[1]]


def _plain_superlative(question: Question) -> tuple[str, int]:
    if question.take(
        (
            r"least(?: popular| common| frequent(?:ly)?)?|fewest|lowest(?= (?:revenue|number"
            r"|count|conversion))|smallest number"
        ),
        "superlative",
    ):
        return "least", 0
    if question.take(
        rf"(?:the |our )?(?:best|biggest|top|most valuable|most loyal)(?= (?:{PEOPLE}|{BUYERS}))", "superlative"
    ):
        return "most", 0
    if question.take(
        (
            r"(?:the )?most(?: popular| common| frequent(?:ly)?| often| of)?|biggest|top"
            r"|highest(?= (?:revenue|number|count|sales))|largest number|busiest|leading|main"
        ),
        "superlative",
    ):
        return "most", 0
    return "", 0


def is_about_people(question: Question, limit: int) -> bool:
    if question.take(
        (
            rf"(?:who|which|what) (?:are |is |were |have |has )?(?:the |our |my |all |· "
            rf")*(?:{PEOPLE}|{BUYERS})|who(?: are| is| were| has| have)?"
        ),
        "people",
    ):
        return True
    return limit > 0 and question.take(rf"(?<=· )(?:{PEOPLE}|{BUYERS})", "people") is not None


def _own_kind(question: Question, measure: Measure, picks: str) -> dict[str, Any] | None:
    """“The most viewed product” ranks products, though only the event names them."""
    if not picks or len(measure.events) != 1 or question.times.interval is not None or measure.property is not None:
        return None
    named = [token for token in question.tokens if token.role == "event"]
    for token in reversed(named):
        for name in question.names.properties.get((token.stem,), ()):
            if name in question.taxonomy.of_event.get(measure.events[0], ()) and not is_numeric(question, name):
                question.notes.append(f"by `{name}`")
                return {"breakdowns": [{"property": name, "type": "event"}]}
    return None


def trends(
    question: Question,
    measure: Measure,
    part: dict[str, Any] | None,
    properties: list[dict[str, Any]],
    *,
    picks: str,
    limit: int,
) -> Reading | None:
    if measure.math == "persons":
        return person_count(question, measure, properties)
    averages = (
        bool(question.times.interval)
        and question.take(r"average|avg|mean|on average|typical(?:ly)?", "math") is not None
    )
    wants_peak = bool(picks) and part is None
    if wants_peak and question.times.interval is None:
        unit = question.take(r"(hour|day|week|month)s?", "interval")
        if unit is None:
            raise Unclear("The most of what? Name a property, or ask for people.")
        question.times = replace(question.times, interval=unit[1])
    if part is not None and picks and question.times.interval is not None:
        raise Unclear("I can rank values or follow them over time, not both at once.")
    question.times = _comparable(question.times)
    query: dict[str, Any] = {"kind": "TrendsQuery", "series": measure.series()} | dated(question)
    interval = question.times.interval
    if interval is not None and measure.math in ("max", "min"):
        raise Unclear(
            f"The {measure.math} of each {interval}, or the {interval} with the {measure.math}? Ask otherwise."
        )
    if interval is not None:
        query["interval"] = interval or "day"
    is_total = interval is None
    query["trendsFilter"] = {"display": ("ActionsTable" if part else "BoldNumber") if is_total else "ActionsLineGraph"}
    if part is not None:
        asked = limit if picks == "most" else 0
        query["breakdownFilter"] = {**part, "breakdown_limit": asked or (25 if picks != "least" else 500)}
        query["breakdownFilter"]["breakdown_hide_other_aggregation"] = bool(picks)
    if properties:
        query["properties"] = properties
    if question.times.compares:
        question.notes.append(_compared_with(question))
        query["compareFilter"] = {"compare": True} | (
            {"compare_to": question.times.compare_to} if question.times.compare_to else {}
        )
    shape = (
        "average" if averages else "peak" if wants_peak else ("ranking" if part else "number") if is_total else "trend"
    )
    return Reading(shape, query, measure.words, picks=picks, limit=limit)
