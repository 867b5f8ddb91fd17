"""Questions about steps: conversion, drop-off, how long it takes. Pure."""

import re
from typing import Any

from furze.llm.builtin.dates import NUMBERS
from furze.llm.builtin.mentions import Mention
from furze.llm.builtin.narrowing import breakdown_filter, prefers_property, restore
from furze.llm.builtin.periods import dated
from furze.llm.builtin.phrases import BUYERS, COUNT, PEOPLE
from furze.llm.builtin.reading import Question, Reading, Unclear, breakdown, filters, find_names

_FUNNEL = (
    r"conver\w*(?: rates?)?|funnels?|drop(?:ping)?[ -]?(?:offs?|out|outs|ped)?|abandon\w*|completion rates?"
    r"|los(?:e|ing|t)(?= (?:most |the |our |many |more )*(?:people|users?|visitors?|customers?|shoppers?))"
    r"|(?:what |which )?(?:share|percentage|percent|proportion|fraction|portion|ratio|%) of|how likely"
)


_ARROWS = (
    r"->|→|and then|then|after that|followed by|and (?:finally|later|eventually"
    r"|afterwards)|and end(?:ed)? up|end(?:ed|s)? up|go(?:es)? on|went on|lead(?:s)? "
    r"to|make it|made it|reach(?:ed|es)?|finally|eventually|later|all the way"
)


_DURATION = (
    r"how (?:long|much time|many (?:minutes|hours|days))|(?:average|median|mean"
    r"|typical) (?:time|duration)|time (?:it takes|to convert|to conversion)"
)


def funnel(question: Question) -> Reading | None:
    is_duration = question.has(_DURATION) and question.has(r"from|between|to|after|before|until")
    cue = question.has(_FUNNEL) or is_duration
    if question.has(r"->|→"):
        # In “our purchase funnel: A -> B” the first word is what the funnel is called.
        question.take(r"(?:purchase|purchasing|checkout|buying|order|orders|sign ?up|sales) funnel", "funnel")
    after = question.has(r"after|following|once they|having")
    chain = question.has(_ARROWS)
    of_those = question.has(rf"(?:{PEOPLE}) (?:who|that)|of (?:the |those |all |our )*(?:{PEOPLE})")
    if not (cue or after or chain or of_those or question.has(r"before|who .* (?:also|and)")):
        return None
    mark = [each.role for each in question.tokens]
    find_names(question)
    steps = [each for each in question.mentions if each.event is not None and not prefers_property(question, each)]
    if cue and len(steps) == 1 and question.has(rf"visits?|visitors?|{PEOPLE}|sessions?") and not is_duration:
        return _visit_to(question, steps[0])
    if len(steps) < 2:
        restore(question, mark)
        return None
    if question.has(r"not|never|without|no") and not cue:
        raise Unclear("I can't leave out people who did something.")
    if not (cue or chain or after or question.has(r"before")) and question.has(r"and|also|or|as well"):
        return _joint(question, steps, mark)
    return _steps(question, steps, is_duration=is_duration)


def _joint(question: Question, _steps: list[Mention], mark: list[str | None]) -> Reading | None:
    restore(question, mark)
    if question.has(r"(?:who|that) .* (?:also|and)"):
        raise Unclear("I can't tell whether one step has to come after the other. Ask with “then”.")
    return None


def _visit_to(question: Question, step: Mention) -> Reading | None:
    first = question.taxonomy.visit_event
    if first is None or step.event == first or question.has(r"sessions?|visits"):
        raise Unclear("A conversion needs two steps; name the event it starts from.")
    question.take(PEOPLE, "people")
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
        (
            rf"within (?:a |the )?(?:same )?{COUNT} (minute|hour|day|week|month)s?|within (?:a"
            rf"|the same) (day|week|month|hour)"
        ),
        "window",
    )
    for pattern in (
        _DURATION,
        _FUNNEL,
        _ARROWS,
        r"after|following|before|having|once",
        PEOPLE,
        BUYERS,
        (
            r"average|mean|median|typical|biggest|most|lose|lost|losing|leak|leave|left|where"
            r"|worst|steps?|stages?|rates?|percentage|percent|next|actually|how far|takes?"
            r"|took|until|between|pass(?:ed|ing)?|from|overall|final|checkout funnel|purchase "
            r"funnel|finish\w*|complet\w*|success\w*|lately|likely"
        ),
    ):
        while question.take(pattern, "funnel"):
            pass
    find_names(question)
    by = breakdown(question)
    part = breakdown_filter(question, by, [events[0]]) if by is not None else None
    properties = filters(question, events)
    query: dict[str, Any] = {
        "kind": "FunnelsQuery",
        "series": [{"kind": "EventsNode", "event": event, "name": event} for event in events],
        "funnelsFilter": {"funnelVizType": "steps", "funnelOrderType": "ordered"} | _window(window),
    } | dated(question)
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
