"""Turns an understood question into a query. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from furze.llm.builtin import lexicon, reading
from furze.llm.builtin.dates import ALL_TIME, NUMBERS, Range
from furze.llm.builtin.mentions import Mention
from furze.llm.builtin.reading import Declined, Question, Reading, Unclear, breakdown, filters, find_names, property_of
from furze.llm.builtin.taxonomy import Taxonomy
from furze.llm.builtin.words import name_words, stem

_PEOPLE = r"people|persons?|users?|visitors?|customers?|shoppers?|individuals?|humans?|members?|everyone|everybody|anyone|somebody|someone|folks?"
_BUYERS = r"buyers?|purchasers?|(?:paying|buying) (?:customers?|users?|people)"
_N = rf"(\d+|{'|'.join(NUMBERS)})"
_DEFAULT_RANGES = {
    "hour": Range("-24h", None, "the last 24 hours"),
    "day": Range("-30d", None, "the last 30 days"),
    "week": Range("-12w", None, "the last 12 weeks"),
    "month": Range("-12m", None, "the last 12 months"),
    "quarter": Range("-24m", None, "the last 24 months"),
    "year": Range("all", None, "all time"),
}


def read(text: str, taxonomy: Taxonomy, now: datetime) -> Reading | Declined:
    """What a question asks for; `now` is local time of the project."""
    question = reading.opened(text, taxonomy, now)
    if question.times.is_unclear:
        return Declined("I can't tell which period you mean.")
    try:
        found = _first_that_fits(question)
    except Unclear as unclear:
        return Declined(str(unclear))
    unread = question.unread()
    if unread:
        words = ", ".join(f"“{word}”" for word in unread)
        return Declined(f"I don't know what to make of {words}, and leaving it out could change the answer.", unread)
    if found is None:
        return Declined("I don't see what to count.")
    return replace(found, notes=tuple(question.notes))


def _first_that_fits(question: Question) -> Reading | None:
    for rule in _RULES:
        found = rule(question)
        if found is not None:
            return found
    return None


def _period(question: Question) -> Range:
    if question.times.range is not None:
        return question.times.range
    if question.times.compares:
        unit = question.times.compare_to[-1:] or "w"
        word = {"h": "hour", "d": "day", "w": "week", "m": "month", "q": "quarter", "y": "year"}[unit]
        return Range(f"{unit}Start", None, f"this {word} so far")
    if question.times.interval is not None:
        return _DEFAULT_RANGES[question.times.interval or "day"]
    return ALL_TIME


def _dated(question: Question) -> dict[str, Any]:
    period = _period(question)
    question.notes.insert(0, f"period: {period.words}")
    return {"dateRange": {"date_from": period.date_from, "date_to": period.date_to}}


# Funnels


_FUNNEL = (
    r"conver\w*(?: rates?)?|funnels?|drop(?:ping)?[ -]?(?:offs?|out|outs|ped)?|abandon\w*|completion rates?"
    r"|(?:what |which )?(?:share|percentage|percent|proportion|fraction|portion|ratio|%) of|how likely"
)
_ARROWS = r"->|→|and then|then|after that|followed by|and (?:finally|later|eventually|afterwards)|and end(?:ed)? up|end(?:ed|s)? up|go(?:es)? on|went on|lead(?:s)? to|make it|made it|reach(?:ed|es)?|finally|eventually|later|all the way"
_DURATION = r"how (?:long|much time|many (?:minutes|hours|days))|(?:average|median|mean|typical) (?:time|duration)|time (?:it takes|to convert|to conversion)"


def _funnel(question: Question) -> Reading | None:
    is_duration = question.has(_DURATION) and question.has(r"from|between|to|after|before|until")
    cue = question.has(_FUNNEL) or is_duration
    after = question.has(r"after|following|once they|having")
    chain = question.has(_ARROWS)
    of_those = question.has(rf"(?:{_PEOPLE}) (?:who|that)|of (?:the |those |all |our )*(?:{_PEOPLE})")
    if not (cue or after or chain or of_those or question.has(r"before|who .* (?:also|and)")):
        return None
    mark = [each.role for each in question.tokens]
    find_names(question)
    steps = [each for each in question.mentions if each.event is not None and not _prefers_property(question, each)]
    if cue and len(steps) == 1 and question.has(rf"visits?|visitors?|{_PEOPLE}|sessions?") and not is_duration:
        return _visit_to(question, steps[0])
    if len(steps) < 2:
        _restore(question, mark)
        return None
    if question.has(r"not|never|without|no") and not cue:
        raise Unclear("I can't leave out people who did something.")
    if not (cue or chain or after or question.has(r"before")) and question.has(r"and|also|or|as well"):
        return _joint(question, steps, mark)
    return _steps(question, steps, is_duration=is_duration)


def _restore(question: Question, roles: list[str | None]) -> None:
    for token, role in zip(question.tokens, roles, strict=True):
        token.role = role


def _joint(question: Question, _steps: list[Mention], mark: list[str | None]) -> Reading | None:
    _restore(question, mark)
    if question.has(r"(?:who|that) .* (?:also|and)"):
        raise Unclear("I can't tell whether one step has to come after the other. Ask with “then”.")
    return None


def _visit_to(question: Question, step: Mention) -> Reading | None:
    first = question.taxonomy.visit_event
    if first is None or step.event == first or question.has(r"sessions?|visits"):
        raise Unclear("A conversion needs two steps; name the event it starts from.")
    question.take(_PEOPLE, "people")
    event = step.event
    question.mark(step, "step")
    return _funnel_query(question, [first, event or ""], is_duration=False)


def _steps(question: Question, steps: list[Mention], *, is_duration: bool) -> Reading | None:
    events = [each.event or "" for each in steps]
    between = " ".join(t.word for t in question.tokens[steps[0].end : steps[-1].start])
    before_first = " ".join(t.word for t in question.tokens[: steps[0].start])
    if len(steps) == 2 and re.search(r"(?:^| )(?:after|following|once they|having)(?: |$)", between):
        events.reverse()
    elif len(steps) == 2 and re.search(r"(?:^| )(?:after|following|having|once)(?: (?:they|a|an|the))*$", before_first):
        pass
    elif len(steps) == 2 and re.search(r"(?:^| )of .*(?:were|was|are|come|came) (?:preceded|from)", between):
        raise Unclear("I can't tell which step comes first. Ask “from A to B”.")
    for step in steps:
        question.mark(step, "step")
    return _funnel_query(question, events, is_duration=is_duration)


def _funnel_query(question: Question, events: list[str], *, is_duration: bool) -> Reading:
    window = question.take(
        rf"within (?:a |the )?(?:same )?{_N} (minute|hour|day|week|month)s?|within (?:a|the same) (day|week|month|hour)",
        "window",
    )
    for pattern in (
        _DURATION,
        _FUNNEL,
        _ARROWS,
        r"after|following|before|having|once",
        _PEOPLE,
        _BUYERS,
        r"average|mean|median|typical|biggest|most|lose|lost|losing|leak|leave|left|where|worst|steps?|stages?|rates?|percentage|percent|next|actually|how far|takes?|took|until|between|pass(?:ed|ing)?|from|overall|final|checkout funnel|purchase funnel|finish\w*|complet\w*|success\w*|lately|likely",
    ):
        while question.take(pattern, "funnel"):
            pass
    find_names(question)
    by = breakdown(question)
    part = _breakdown_filter(question, by, [events[0]]) if by is not None else None
    properties = filters(question, events)
    query: dict[str, Any] = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": event, "name": event} for event in events],
        "funnelsFilter": {"funnelVizType": "steps", "funnelOrderType": "ordered"} | _window(window),
    } | _dated(question)
    if properties:
        query["properties"] = properties
    if part:
        query["breakdownFilter"] = part
    words = " → ".join(f"`{event}`" for event in events)
    size = query["funnelsFilter"]
    length = f"{size.get('funnelWindowInterval', 14)} {size.get('funnelWindowIntervalUnit', 'day')}s"
    question.notes.append(f"people who did these steps in this order, within {length}")
    return Reading("duration" if is_duration else "funnel", query, f"the funnel {words}")


def _window(match: re.Match[str] | None) -> dict[str, Any]:
    if match is None:
        return {}
    if match[3]:
        return {"funnelWindowInterval": 1, "funnelWindowIntervalUnit": match[3]}
    count = int(match[1]) if match[1].isdigit() else NUMBERS[match[1]]
    return {"funnelWindowInterval": count, "funnelWindowIntervalUnit": match[2]}


# Retention


_RETENTION = (
    r"retention(?: rates?)?|retain(?:ed|ing)?|c(?:o|a)me? back|coming back|return(?:ing|ed|s)?(?: (?:later|again))?"
    r"|stick(?:ing)? around|stay(?:ed|ing)?"
)


def _retention(question: Question) -> Reading | None:
    if not question.has(_RETENTION) or question.has(
        r"new (?:vs|versus|and|or) return\w*|return\w* (?:vs|versus|and|or) new"
    ):
        return None
    while question.take(_RETENTION, "retention"):
        pass
    for pattern in (
        _PEOPLE,
        r"users|curve|cohorts?|weeks?|months?|days?|after|first|next|following|again|later|of|once|rate|share|percentage|percent|what|how well",
    ):
        while question.take(pattern, "retention"):
            pass
    find_names(question)
    events = [each for each in question.mentions if each.event is not None]
    if len(events) > 2:
        raise Unclear("Retention has one starting and one returning event.")
    names = [each.event or "" for each in events] or (
        [question.taxonomy.visit_event] if question.taxonomy.visit_event else []
    )
    for each in events:
        question.mark(each, "step")
    if not names:
        raise Unclear("Name the event that people start with and come back to.")
    period = {"day": "Day", "week": "Week", "month": "Month", "hour": "Hour"}.get(question.times.interval or "", "Week")
    properties = filters(question, names)
    visit = question.taxonomy.visit_event
    is_again = question.has(r"again|repeat\w*")
    if len(names) == 1 and visit is not None and not is_again:
        names = [names[0], visit]
    entities = [{"id": name, "name": name, "type": "events"} for name in names]
    options = {
        "period": period,
        "totalIntervals": {"Hour": 24, "Day": 11, "Week": 8, "Month": 6}[period],
        "retentionType": "retention_first_time",
        "targetEntity": entities[0],
        "returningEntity": entities[-1],
    }
    if question.times.range is not None and question.times.range.date_to is not None:
        raise Unclear("Retention is shown for the latest weeks, days or months; ask without other dates.")
    question.notes.append(
        f"people whose first `{names[0]}` fell in each {period.lower()}, and when they came back to `{names[-1]}`"
    )
    query: dict[str, Any] = {
        "kind": "RetentionQuery",
        "retentionFilter": options,
        "dateRange": {"date_from": None, "date_to": None},
    }
    if properties:
        query["properties"] = properties
    return Reading("retention", query, f"retention by {period.lower()}")


# Lifecycle


def _lifecycle(question: Question) -> Reading | None:
    if not question.take(
        r"(?:user )?lifecycle|new (?:vs|versus|and|or) return\w*(?: (?:\w+))?|return\w* (?:vs|versus|and|or) new|dormant|resurrect\w*",
        "lifecycle",
    ):
        return None
    for pattern in (_PEOPLE, r"new|returning|dormant|resurrect\w*|and|vs|versus"):
        while question.take(pattern, "lifecycle"):
            pass
    event = question.taxonomy.visit_event
    if event is None:
        raise Unclear("Name the event that makes somebody active.")
    interval = question.times.interval or "day"
    question.times = replace(question.times, interval=interval)
    query = {
        "kind": "LifecycleQuery",
        "series": [{"kind": "EventsNode", "event": event, "name": event}],
        "interval": interval,
    } | _dated(question)
    question.notes.append(f"by `{event}`, per {interval}")
    return Reading("lifecycle", query, "new, returning, resurrecting and dormant people")


# What there is


def _catalogue(question: Question) -> Reading | None:
    if question.take(
        r"(?:what|which|list|show)(?: me)?(?: all)?(?: the| our| of the)*(?: different| kinds? of| types? of)* events?(?: names?| types?)? .*(?:track|have|captur|record|collect|there|exist|send|available|get)\w*|list (?:all )?(?:the |our |my )?events?(?: names?)?|(?:what|which) events? (?:are|do|exist)\b.*|what (?:do we|are we|is) (?:track|captur|record)\w*(?: here)?|what data (?:do we|is|are)\b.*",
        "catalogue",
    ):
        return Reading("catalogue", {}, "the events of this project", tool="")
    return None


def _exports(question: Question) -> Reading | None:
    if not question.has(r"(?:batch )?exports?|exported|exporting"):
        return None
    for pattern in (
        r"(?:batch )?exports?|exported|exporting",
        r"fail(?:ed|ing|s|ure|ures)?|broken|error(?:s|ed)?|paused|stopped|running|active|run|runs|ran|work(?:s|ing|ed)?|status|state|health|healthy|doing|set up|configured|last|latest|recent|going|wrong|problems?|fine|okay|destinations?|where|data|goes|succeed(?:ed)?|complet\w+|finish\w+|success\w*|rows?|how often",
    ):
        while question.take(pattern, "exports"):
            pass
    return Reading("exports", {}, "the batch exports", tool="list_batch_exports")


# Numbers


@dataclass
class _Measure:
    """What is counted or computed, on which events."""

    events: list[str]
    math: str = "total"
    property: str | None = None
    words: str = ""
    group_index: int | None = None
    per: str | None = None

    def series(self) -> list[dict[str, Any]]:
        made = []
        for event in self.events:
            node: dict[str, Any] = {"kind": "EventsNode", "event": event, "name": event, "math": self.math}
            if self.property is not None:
                node |= {"math_hogql" if self.math == "hogql" else "math_property": self.property}
            if self.group_index is not None:
                node |= {"math_group_type_index": self.group_index}
            made.append(node)
        return made


_MATHS: tuple[tuple[str, str, str], ...] = (
    (r"average|avg|mean|typical(?:ly)?|on average", "avg", "average"),
    (r"median", "median", "median"),
    (r"(?:p|the )?90(?:th)? ?(?:percentile|%)?|p90", "p90", "90th percentile of"),
    (r"p95|95th percentile", "p95", "95th percentile of"),
    (r"p99|99th percentile", "p99", "99th percentile of"),
    (r"(?:highest|maximum|max|largest|biggest|most expensive)(?: single)?", "max", "highest"),
    (r"(?:lowest|minimum|min|smallest|cheapest)(?: single)?", "min", "lowest"),
    (r"sum(?: of)?|total|combined", "sum", "sum of"),
)


def _numbers(question: Question) -> Reading | None:
    if question.has(r"per (?:visitor|head|capita|session|visit|page ?view|week and|page)"):
        raise Unclear("I don't divide by visitors, sessions or views.")
    if question.has(r"(?:hours?|times?) of (?:the )?day|days? of (?:the )?week|weekdays?|weekends?|hour of day"):
        raise Unclear("I don't compare hours of the day or days of the week. The SQL mode can.")
    picks, limit = _superlative(question)
    compares_words = (
        question.take(
            r"(?:what is |how big is )?(?:the )?(?:change|growth|increase|decrease|rise|drop|difference|trend)s? (?:in|of)|(?:did|has|have|is|are|do) .{0,40}?(?=(?:grow|grown|gr[eo]w|increas|decreas|chang|go up|gone up|went up|declin|ris|drop|fall|fell|better|worse|improv))|grow(?:n|th|ing|s)?|grew|increas(?:e|ed|ing)|decreas(?:e|ed|ing)|chang(?:e|ed|ing)|(?:go|gone|going|went) (?:up|down)|declin(?:e|ed|ing)|r(?:ise|ose|isen|ising)|better|worse|improv(?:e|ed|ing)|drop(?:ped)?|fall(?:en|ing)?|fell|up or down|more|fewer|less|higher|lower",
            "compare",
        )
        if question.times.compares
        else None
    )
    while compares_words and question.take(
        r"grow(?:n|th|ing|s)?|grew|increas(?:e|ed|ing)|decreas(?:e|ed|ing)|chang(?:e|ed|ing)|(?:go|gone|going|went) (?:up|down)|declin(?:e|ed|ing)|rose|risen|better|worse|improv(?:e|ed|ing)|dropped|fallen|fell|up or down|up|down|or|more|fewer|less|higher|lower",
        "compare",
    ):
        pass
    thresholds = _thresholds(question)
    about_people = bool(picks) and _is_about_people(question, limit)
    measure = _measure(question) or _presumed(question, picks)
    if measure is None:
        return None
    if measure.property is not None and not about_people:
        question.take(rf"(?:{_PEOPLE})", "people")  # “German customers”: whose orders, not how many people
    if about_people:
        return _top_people(question, measure, limit or 10, thresholds)
    by = breakdown(question)
    extra = _threshold_filters(question, thresholds, measure)
    part = _breakdown_filter(question, by, measure.events) if by is not None else None
    part = part or _error_types(question, measure, picks) or _own_kind(question, measure, picks)
    properties = [*filters(question, measure.events), *extra]
    return _trends(question, measure, part, properties, picks=picks, limit=limit)


def _presumed(question: Question, picks: str) -> _Measure | None:
    """“The most popular browsers” counts people, “top pages” views, “top error types” the one event that has them."""
    event, by = question.taxonomy.visit_event, breakdown(question)
    if not picks or event is None or by is None or not by.properties:
        return None
    carriers = [
        each for each in question.taxonomy.events if by.properties[0] in question.taxonomy.of_event.get(each, ())
    ]
    if event in carriers and by.properties[0] in ("$pathname", "$current_url"):
        return _Measure([event], "total", None, f"`{event}` events")
    if event in carriers:
        return _Measure([event], "dau", None, f"different people with a `{event}`")
    if len(carriers) == 1:
        return _Measure(carriers, "total", None, f"`{carriers[0]}` events")
    raise Unclear(f"Rank `{by.properties[0]}` by what?")


def _error_types(question: Question, measure: _Measure, picks: str) -> dict[str, Any] | None:
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


def _superlative(question: Question) -> tuple[str, int]:
    """Whether the question wants the highest or the lowest few, and how many (0 says it does not)."""
    top = question.take(
        rf"(?:the )?(?:top|best|first|biggest|largest|leading|highest) {_N}(?: most| best| biggest| popular| common)*|(?:the )?{_N} (?:most|best|biggest|top|largest|highest|main)(?: popular| common| frequent(?:ly)?| important)?",
        "superlative",
    )
    if top:
        text = top[1] or top[2]
        while question.take(r"most popular|most common|most frequent(?:ly)?|most|by far", "superlative"):
            pass
        return "most", int(text) if text.isdigit() else NUMBERS[text]
    bottom = question.take(
        rf"(?:the )?(?:bottom|worst|lowest) {_N}|(?:the )?{_N} (?:least|fewest|lowest|worst)(?: popular| common)?",
        "superlative",
    )
    if bottom:
        text = bottom[1] or bottom[2]
        return "least", int(text) if text.isdigit() else NUMBERS[text]
    if question.take(
        r"least(?: popular| common| frequent(?:ly)?)?|fewest|lowest(?= (?:revenue|number|count|conversion))|smallest number",
        "superlative",
    ):
        return "least", 0
    if question.take(
        rf"(?:the |our )?(?:best|biggest|top|most valuable|most loyal)(?= (?:{_PEOPLE}|{_BUYERS}))", "superlative"
    ):
        return "most", 0
    if question.take(
        r"(?:the )?most(?: popular| common| frequent(?:ly)?| often| of)?|biggest|top|highest(?= (?:revenue|number|count|sales))|largest number|busiest|leading|main",
        "superlative",
    ):
        return "most", 0
    return "", 0


def _is_about_people(question: Question, limit: int) -> bool:
    if question.take(
        rf"(?:who|which|what) (?:are |is |were |have |has )?(?:the |our |my |all |· )*(?:{_PEOPLE}|{_BUYERS})|who(?: are| is| were| has| have)?",
        "people",
    ):
        return True
    return limit > 0 and question.take(rf"(?<=· )(?:{_PEOPLE}|{_BUYERS})", "people") is not None


def _own_kind(question: Question, measure: _Measure, picks: str) -> dict[str, Any] | None:
    """“The most viewed product” ranks products, though only the event names them."""
    if not picks or len(measure.events) != 1 or question.times.interval is not None or measure.property is not None:
        return None
    named = [token for token in question.tokens if token.role == "event"]
    for token in reversed(named):
        for name in question.names.properties.get((token.stem,), ()):
            if name in question.taxonomy.of_event.get(measure.events[0], ()) and not _is_numeric(question, name):
                question.notes.append(f"by `{name}`")
                return {"breakdowns": [{"property": name, "type": "event"}]}
    return None


def _thresholds(question: Question) -> list[tuple[str, float]]:
    found = []
    for pattern, operator in lexicon.THRESHOLDS:
        match = question.take(
            rf"{pattern} (?:€|\$|£)?(\d+(?:\.\d+)?)k?(?: ?(?:€|\$|£|euros?|eur|dollars?|usd|pounds?|bucks))?(?! (?:times|orders|pageviews|purchases|sessions))",
            "threshold",
        )
        if match:
            found.append((operator, float(match[1])))
    return found


def _threshold_filters(
    question: Question, thresholds: list[tuple[str, float]], measure: _Measure
) -> list[dict[str, Any]]:
    if not thresholds:
        return []
    numeric = [each for each in question.mentions if any(_is_numeric(question, name) for name in each.properties)]
    if numeric:
        name = next(name for name in numeric[0].properties if _is_numeric(question, name))
        question.mark(numeric[0], "threshold")
    elif measure.property is not None and measure.math in ("sum", "avg", "median"):
        name = measure.property
    else:
        candidates = ("revenue", "amount", "order_value", "total", "value", "price")
        carried = question.taxonomy.of_event.get(measure.events[0], frozenset())
        name = next((each for each in candidates if each in carried), "")
    if not name or name not in question.taxonomy.of_event.get(measure.events[0], ()):
        raise Unclear("I can't tell which number the limit is about. Name the property.")
    for operator, number in thresholds:
        question.notes.append(f"`{name}` {operator} {number:g}")
    return [{"key": name, "value": number, "operator": operator, "type": "event"} for operator, number in thresholds]


def _is_numeric(question: Question, name: str) -> bool:
    found = question.taxonomy.event_properties.get(name)
    return found is not None and found.is_numeric


def _measure(question: Question) -> _Measure | None:
    """What to count: money and other numbers first, then people, sessions, groups, events."""
    if question.has(r"sales") and not question.has(
        r"number of sales|how many sales|sales revenue|sales (?:value|amount)"
    ):
        raise Unclear("“Sales” may mean revenue or the number of orders. Say which.")
    question.take(r"sales(?= revenue| value| amount)", "measure")
    unique = question.take(r"unique|distinct|different", "unique") is not None
    often = question.take(r"how (?:often|frequently)|how many times|(?:the )?number of times", "count") is not None
    counts = question.take(
        r"how many|number of|count of|(?<!average )(?<!mean )(?<!median )(?<!total )(?<!the )amount of|no of|# of|what number of",
        "count",
    )
    named = _named_number(question)
    find_names(question)
    if named is not None:
        return named
    plain = (_variety(question) if unique else None) or _plain_number(question, counts=counts is not None)
    if plain is not None:
        return plain
    return _counted(question, unique=unique, often=often)


def _math(question: Question, default: str) -> tuple[str, str]:
    for pattern, math, words in _MATHS:
        if question.take(pattern, "math"):
            return math, words
    return default, {"sum": "sum of", "avg": "average"}.get(default, default)


def _named_number(question: Question) -> _Measure | None:
    """Revenue, order value, units sold, tokens, costs: numbers with names of their own."""
    if question.take(r"(?:spent|spend|spends)(?= · )|(?<=· )(?:spent|spend)|(?:spent|spend|spends)(?= ·)", "measure"):
        chosen = _carrier(question.taxonomy, ("revenue", "amount", "order_value", "total"), ("order",))
        if chosen is not None:
            question.take(r"money", "measure")
            return _Measure([chosen[0]], "sum", chosen[1], f"sum of `{chosen[1]}` over `{chosen[0]}`")
    for pattern, names, families in lexicon.MEASURES:
        if not question.has(pattern) or (names[0] == "quantity" and any(t.role == "unique" for t in question.tokens)):
            continue
        mark = [each.role for each in question.tokens]
        question.take(pattern, "measure")
        chosen = _carrier(question.taxonomy, names, families)
        if chosen is None:
            _restore(question, mark)
            continue
        event, name = chosen
        is_value = pattern.startswith("(?:order|basket")
        is_latency = "latenc" in pattern
        math, words = _math(question, "avg" if is_value or is_latency else "sum")
        while question.take(
            r"(?:per|from|of|in|for) (?:each |every |all |our |the |completed |an? )*(?:orders?|purchases?|sales|transactions?)|generated|spent|earned",
            "measure",
        ):
            pass
        return _Measure([event], math, name, f"{words} `{name}` over `{event}`")
    money = question.take(lexicon.MONEY, "measure")
    if money is not None:
        chosen = _carrier(question.taxonomy, ("revenue", "amount", "order_value", "total"), ("order",))
        if chosen is None:
            raise Unclear("I don't see a property that holds money.")
        while question.take(
            rf"{_PEOPLE}|orders?|sales|money|selling|spend|spent|earn(?:ed)?|made|make|sell", "measure"
        ):
            pass
        return _Measure([chosen[0]], "sum", chosen[1], f"sum of `{chosen[1]}` over `{chosen[0]}`")
    return None


def _carrier(taxonomy: Taxonomy, names: tuple[str, ...], families: tuple[str, ...]) -> tuple[str, str] | None:
    """The one event, of a family when several carry it, that has one of these numeric properties."""
    for name in names:
        found = taxonomy.event_properties.get(name)
        if found is None or not found.is_numeric:
            continue
        events = [event for event in taxonomy.events if name in taxonomy.of_event.get(event, ())]
        if len(events) > 1:
            kin = [
                event
                for event in events
                if set(families) & {stem(word) for word in re.findall(r"[a-z]+", event.lower())}
            ]
            events = kin if len(kin) == 1 else []
        if events:
            return events[0], name
    return None


def _plain_number(question: Question, *, counts: bool) -> _Measure | None:
    """A numeric property under its own name: `average price`, `total quantity of orders`."""
    numeric = [
        each
        for each in question.mentions
        if each.event is None and any(_is_numeric(question, name) for name in each.properties)
    ]
    if not numeric or counts or breakdown(question) in numeric:
        return None
    name = next(name for name in numeric[0].properties if _is_numeric(question, name))
    math, words = _math(question, "")
    if not math:
        raise Unclear(f"Shall I add up `{name}`, or take its average? Say “total” or “average”.")
    question.mark(numeric[0], "measure")
    events = [each for each in question.mentions if each.event is not None and not _prefers_property(question, each)]
    if events:
        event = events[0].event or ""
        question.mark(events[0], "event")
    else:
        carriers = [each for each in question.taxonomy.events if name in question.taxonomy.of_event.get(each, ())]
        if len(carriers) != 1:
            raise Unclear(f"Several events carry `{name}`; say of which.")
        event = carriers[0]
    if name not in question.taxonomy.of_event.get(event, ()):
        raise Unclear(f"The event `{event}` does not carry `{name}`.")
    return _Measure([event], math, name, f"{words} `{name}` over `{event}`")


def _variety(question: Question) -> _Measure | None:
    """How many different values a property has: `different products were ordered`."""
    place = max((index for index, token in enumerate(question.tokens) if token.role == "unique"), default=0) + 1
    word = question.tokens[place].stem if place < len(question.tokens) else ""
    names = question.names.properties.get((word,), ())
    if not names or word in ("person", "session") or word in question.names.groups:
        return None
    covering = next((each for each in question.mentions if each.start <= place < each.end), None)
    if covering is not None:
        question.mark(covering, "measure")
    events = [each for each in question.mentions if each.event is not None]
    event = covering.event if covering is not None and covering.event is not None else None
    if event is None and events:
        event = events[0].event
        question.mark(events[0], "event")
    if event is None and question.take(r"sold|selling", "event"):
        event = _only(question.taxonomy, "order")
    if event is None:
        raise Unclear(f"Different values of `{names[0]}` on which event?")
    name, is_person = property_of(question, Mention(place, place + 1, properties=names), [event])
    access = f"person.properties.`{name}`" if is_person else f"properties.`{name}`"
    return _Measure([event], "hogql", f"uniq({access})", f"different values of `{name}` on `{event}`")


def _prefers_property(question: Question, mention: Mention) -> bool:
    return bool(mention.properties) and breakdown(question) is mention


def _counted(question: Question, *, unique: bool, often: bool) -> _Measure | None:
    taxonomy = question.taxonomy
    buyers = question.take(_BUYERS, "people")
    active = question.take(
        r"(?:daily |weekly |monthly )?active (?:people|persons?|users?|visitors?|customers?)|dau|wau|mau", "people"
    )
    newcomers = question.take(rf"(?:new|first[ -]time) (?:{_PEOPLE})", "people")
    events = [each for each in question.mentions if each.event is not None and not _prefers_property(question, each)]
    people = _people(question, events) or buyers or active or newcomers
    sessions = None if people else question.take(r"(?:user )?sessions?|visits", "sessions")
    visited = (
        question.take(
            r"visit(?:ed|ing|s)?|browsed|came|came by|were (?:on|here)|stopped by|showed up|dropped by", "people"
        )
        if people
        else None
    )
    groups = next(
        (each for each in question.mentions if each.group is not None and breakdown(question) is not each), None
    )
    names = list(dict.fromkeys(each.event or "" for each in events))
    for each in events:
        question.mark(each, "event")
    if names == ["$exception"]:
        while question.take(lexicon.ERROR_VERBS, "event"):
            pass
    if buyers:
        names = names or [_only(taxonomy, "order")]
    if newcomers:
        return _first_timers(question, names)
    if active and question.times.range is None and question.times.interval is None:
        _set_active_period(question, active[0])
    if not names and (people or sessions):
        return _presence(question, people=people, sessions=sessions, is_visit=bool(active or visited))
    if not names:
        page = _page_views(question) or _carrier_of_value(question)
        if page is None and groups is None:
            return None
        names = [page] if page is not None else []
    return _of_events(
        question, names, people=bool(people) and not often, unique=unique, sessions=bool(sessions), groups=groups
    )


def _set_active_period(question: Question, words: str) -> None:
    """Monthly actives are those of the last 30 days, weekly ones of the last 7."""
    if words.startswith(("mau", "monthly")):
        question.times = replace(question.times, range=Range("-30d", None, "the last 30 days"))
    elif words.startswith(("wau", "weekly")):
        question.times = replace(question.times, range=Range("-7d", None, "the last 7 days"))
    elif words.startswith(("dau", "daily")):
        question.times = replace(question.times, interval="day")


def _people(question: Question, events: list[Mention]) -> Any:
    """People as what is counted: they come before the event. After it, they only say who did it."""
    is_subject = question.has(rf"(?:which|what) .* (?:do|did|does) (?:most |our |the )*(?:{_PEOPLE})")
    found = question.take(rf"(?:{_PEOPLE})", "people")
    if is_subject and events:
        return None
    if found is None:
        return question.take(r"who", "people")
    question.take(r"who", "people")
    place = next(index for index, token in enumerate(question.tokens) if token.role == "people")
    return None if events and events[0].end <= place else found


def _only(taxonomy: Taxonomy, family: str) -> str:
    kin = [each for each in taxonomy.events if family in {stem(word) for word in re.findall(r"[a-z]+", each.lower())}]
    if len(kin) != 1:
        raise Unclear("I can't tell which event makes somebody a buyer.")
    return kin[0]


def _first_timers(question: Question, names: list[str]) -> _Measure:
    event = names[0] if len(names) == 1 else question.taxonomy.visit_event
    if event is None or len(names) > 1:
        raise Unclear("Name one event whose first time makes somebody new.")
    return _Measure([event], "first_time_for_user", None, f"people whose first `{event}` ever fell in the period")


def _presence(question: Question, *, people: Any, sessions: Any, is_visit: bool) -> _Measure | None:
    """People or sessions as such, with no event named."""
    event = question.taxonomy.visit_event
    if sessions:
        if event is None:
            return None
        return _Measure([event], "unique_session", None, f"sessions with a `{event}`")
    is_total = (
        question.times.range in (None, ALL_TIME) and question.times.interval is None and not question.times.compares
    )
    says_visitor = "visitor" in people[0] or "shopper" in people[0]
    is_of_persons = all(any(value.is_person for value in each.values) or each.properties for each in question.mentions)
    if is_total and not is_visit and not says_visitor and is_of_persons and breakdown(question) is None:
        return _Measure([], "persons", None, "persons of this project")
    if event is None:
        raise Unclear("Say what they did: name an event.")
    by = breakdown(question)
    if (
        is_total
        and by is not None
        and not is_visit
        and not says_visitor
        and by.properties
        and by.properties[0] in question.taxonomy.person_properties
    ):
        raise Unclear("Say what these people did, or in which period they came.")
    return _Measure([event], "dau", None, f"different people with a `{event}`")


def _carrier_of_value(question: Question) -> str | None:
    """A value that only one event can have stands for that event: “TypeErrors last week”."""
    for mention in question.mentions:
        for value in mention.values:
            carriers = [
                each for each in question.taxonomy.events if value.property in question.taxonomy.of_event.get(each, ())
            ]
            if not value.is_person and len(carriers) == 1 and len(mention.values) == 1:
                return carriers[0]
    return None


def _page_views(question: Question) -> str | None:
    """A page that was viewed or visited, or a breakdown with nothing else to count: page views."""
    event = question.taxonomy.visit_event
    if event is None:
        return None
    if question.take(r"views?|viewed|visits?|visited|page views?|hits?|opened|seen", "event"):
        question.notes.append(f"counted `{event}` events")
        return event
    return None


def _of_events(
    question: Question, names: list[str], *, people: bool, unique: bool, sessions: bool, groups: Mention | None
) -> _Measure | None:
    events = ", ".join(f"`{name}`" for name in names) or "any event"
    if groups is not None:
        index = question.taxonomy.group_types.index(groups.group or "")
        question.mark(groups, "group")
        if not names:
            raise Unclear(f"Say what each {groups.group} did: name an event.")
        return _Measure(names, "unique_group", None, f"different {groups.group} groups with {events}", index)
    if question.has(r"per (?:user|person|customer|visitor|buyer|head|capita)") or question.has(
        r"average .* (?:does|do|did|of) (?:a|an|each|every)"
    ):
        question.take(r"average|mean|on average", "math")
        question.take(r"per (?:user|person|customer|visitor|buyer|head|capita)|per", "per")
        return _Measure(names, "avg_count_per_actor", None, f"{events} per person who did it, on average")
    if people or (unique and not sessions):
        return _Measure(names, "dau", None, f"different people with {events}")
    if sessions:
        return _Measure(names, "unique_session", None, f"sessions with {events}")
    return _Measure(names, "total", None, f"{events} events")


def _breakdown_filter(question: Question, by: Mention, events: list[str]) -> dict[str, Any]:
    question.mark(by, "breakdown")
    while question.take(r"by|per|each|split|broken down|breakdown|separately|for each|distribution|share", "breakdown"):
        pass
    if by.group is not None and not by.properties:
        index = question.taxonomy.group_types.index(by.group)
        question.notes.append(f"by the group type {by.group}")
        return {"breakdowns": [{"property": f"$group_{index}", "type": "event_metadata"}]}
    name, is_person = property_of(question, by, events)
    question.notes.append(f"by {'the person property ' if is_person else ''}`{name}`")
    return {"breakdowns": [{"property": name, "type": "person" if is_person else "event"}]}


def _trends(
    question: Question,
    measure: _Measure,
    part: dict[str, Any] | None,
    properties: list[dict[str, Any]],
    *,
    picks: str,
    limit: int,
) -> Reading | None:
    if measure.math == "persons":
        return _person_count(question, measure, properties)
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
    query: dict[str, Any] = {"kind": "TrendsQuery", "series": measure.series()} | _dated(question)
    interval = question.times.interval
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
        query["compareFilter"] = {"compare": True} | (
            {"compare_to": question.times.compare_to} if question.times.compare_to else {}
        )
    shape = (
        "average" if averages else "peak" if wants_peak else ("ranking" if part else "number") if is_total else "trend"
    )
    return Reading(shape, query, measure.words, picks=picks, limit=limit)


# People


def _person_count(question: Question, measure: _Measure, properties: list[dict[str, Any]]) -> Reading:
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


def _top_people(question: Question, measure: _Measure, limit: int, thresholds: list[tuple[str, float]]) -> Reading:
    if len(measure.events) != 1 or measure.math not in ("dau", "total", "sum", "avg", "max"):
        raise Unclear("I can rank people by how often they did one thing, or by the sum of one property.")
    extra = _threshold_filters(question, thresholds, measure)
    period = _period(question)
    number = "count()"
    if measure.property is not None:
        number = f"round({measure.math}(toFloat(properties.`{measure.property}`)), 2)"
    conditions = ["event = {event}", *_conditions([*filters(question, measure.events), *extra])]
    since = _moments(period)
    question.notes.insert(0, f"period: {period.words}")
    name = next((each for each in ("email", "name", "username") if each in question.taxonomy.person_properties), None)
    who = f"any(person.properties.`{name}`)" if name else "any(distinct_id)"
    query = {
        "kind": "HogQLQuery",
        "query": (
            f"SELECT person_id, {who} AS person, {number} AS amount FROM events "
            f"WHERE {' AND '.join([*conditions, *since])} "
            f"GROUP BY person_id ORDER BY amount DESC, person_id LIMIT {limit}"
        ),
        "values": {"event": measure.events[0]},
    }
    counted = f"`{measure.events[0]}` events" if measure.property is None else measure.words
    return Reading("people", query, counted, limit=limit)


def _conditions(properties: list[dict[str, Any]]) -> list[str]:
    made = []
    signs = {"gt": ">", "lt": "<", "gte": ">=", "lte": "<="}
    for each in properties:
        place = f"person.properties.`{each['key']}`" if each["type"] == "person" else f"properties.`{each['key']}`"
        if each["operator"] in signs:
            made.append(f"toFloat({place}) {signs[each['operator']]} {each['value']:g}")
        else:
            values = ", ".join(
                "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'" for value in each["value"]
            )
            made.append(f"{place} {'NOT IN' if each['operator'] == 'is_not' else 'IN'} ({values})")
    return made


_STARTS: dict[str, str] = {
    "h": "toStartOfHour",
    "d": "toStartOfDay",
    "m": "toStartOfMonth",
    "q": "toStartOfQuarter",
    "y": "toStartOfYear",
}
_SPANS = {"h": "HOUR", "d": "DAY", "w": "WEEK", "m": "MONTH", "q": "QUARTER", "y": "YEAR"}


def _moments(period: Range) -> list[str]:
    """A period as HogQL conditions, to the same instants as the query kinds resolve it to."""
    if period.date_from == "all":
        return []
    made = [f"timestamp >= {_moment(period.date_from)}"]
    if period.date_to is not None:
        made.append(f"timestamp < {_moment(period.date_to, is_end=True)}")
    return made


def _moment(text: str, *, is_end: bool = False) -> str:
    match = re.fullmatch(r"-?(\d*)([hdwmqy])(Start|End)?", text)
    if match is None:
        return f"toDateTime('{text} 00:00:00') + INTERVAL {1 if is_end else 0} DAY"
    count, unit = int(match[1] or 0), match[2]
    shifted = f"now() - INTERVAL {count} {_SPANS[unit]}"
    if unit == "h" and not match[3]:
        return shifted
    if not match[3]:
        return f"toStartOfDay({shifted})"
    start = f"toStartOfWeek({shifted}, 0)" if unit == "w" else f"{_STARTS[unit]}({shifted})"
    return f"{start} + INTERVAL 1 {_SPANS[unit]}" if is_end else start


_RULES: tuple[Callable[[Question], Reading | None], ...] = (
    _catalogue,
    _exports,
    _lifecycle,
    _retention,
    _funnel,
    _numbers,
)


def event_words(event: str) -> tuple[str, ...]:
    """How to say an event's name."""
    return name_words(event)
