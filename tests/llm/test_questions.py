"""What the built-in reader makes of questions: every one in `questions.txt` was judged by hand."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from furze.llm.builtin import planning, taxonomy
from furze.llm.builtin.reading import Declined, Reading

HERE = Path(__file__).parent
SHOP = taxonomy.read(json.loads((HERE / "shop_taxonomy.json").read_text()))
NOW = datetime(2026, 11, 22, 6)  # noqa: DTZ001 - local time of the project
JUDGED = [tuple(line.split(" => ")) for line in (HERE / "questions.txt").read_text().splitlines()]


def read(question: str) -> Reading | Declined:
    return planning.read(question, SHOP, NOW)


def signature(found: Reading | Declined) -> str:
    """A reading in one line."""
    if isinstance(found, Declined):
        return "declined"
    query = found.query
    parts = [found.shape, *([found.picks + (str(found.limit) if found.limit else "")] if found.picks else [])]
    parts += [_series(node) for node in query.get("series", [])]
    dates = query.get("dateRange") or {}
    parts += [f"{dates['date_from']}..{dates['date_to'] or ''}"] if dates.get("date_from") else []
    parts += [f"per {query['interval']}"] if query.get("interval") else []
    parts += [
        f"by {each['type']} {each['property']}" for each in query.get("breakdownFilter", {}).get("breakdowns", [])
    ]
    parts += [
        f"{each['type']} {each['key']} {each.get('operator', '')} {each.get('value', '')}".strip()
        for each in query.get("properties", [])
    ]
    if query.get("compareFilter"):
        parts.append("against " + query["compareFilter"].get("compare_to", "before"))
    if options := query.get("retentionFilter"):
        parts.append(f"{options['period']}: {options['targetEntity']['id']} > {options['returningEntity']['id']}")
    window = query.get("funnelsFilter", {})
    if window.get("funnelWindowInterval"):
        parts.append(f"within {window['funnelWindowInterval']} {window['funnelWindowIntervalUnit']}")
    if query.get("kind") == "HogQLQuery":
        parts.append(" ".join(query["query"].split()))
    return " | ".join(parts)


def _series(node: dict[str, Any]) -> str:
    return "+".join(
        filter(None, [node["event"], node.get("math"), node.get("math_property") or node.get("math_hogql")])
    )


@pytest.mark.parametrize(("question", "expected"), JUDGED)
def test_a_question_is_read_as_it_was_judged(question: str, expected: str) -> None:
    assert signature(read(question)) == expected


def test_most_questions_are_answered() -> None:
    kinds = Counter("declined" if expected == "declined" else "answered" for _, expected in JUDGED)
    assert kinds["answered"] >= 165


@pytest.mark.parametrize("question", [question for question, expected in JUDGED if expected != "declined"])
def test_an_unknown_word_anywhere_makes_the_reader_decline(question: str) -> None:
    words = question.rstrip("?").split()
    for place in (0, len(words) // 2, len(words)):
        changed = " ".join([*words[:place], "zorblatt", *words[place:]])
        found = read(changed)
        assert isinstance(found, Declined) or "zorblatt" in str(found), changed


@pytest.mark.parametrize(
    "question",
    [
        "",
        "?",
        "hello",
        "help",
        "    ",
        "$$$",
        "how many",
        "by country",
        "'",
        "a" * 5000,
        "drop table events; --",
        "日本",
    ],
)
def test_what_is_no_question_is_declined(question: str) -> None:
    assert isinstance(read(question), Declined)


def test_a_project_without_page_views_is_asked_by_its_own_names() -> None:
    found = taxonomy.read(
        {
            "events": [
                {"event": "Invoice Paid", "properties": ["amount", "tier"]},
                {"event": "userLoggedIn", "properties": []},
                {"event": "level_up", "properties": ["level"]},
            ],
            "event_properties": {"amount": {"type": "number"}, "tier": {"type": "text", "values": ["gold", "silver"]}},
            "group_types": [],
        }
    )

    def said(question: str) -> str:
        return signature(planning.read(question, found, NOW))

    assert said("how many invoices were paid last week") == "number | Invoice Paid+total | -1wStart..-1wEnd"
    assert said("paid invoices by tier") == "ranking | Invoice Paid+total | all.. | by event tier"
    assert (
        said("how many invoices were paid on gold") == "number | Invoice Paid+total | all.. | event tier exact ['gold']"
    )
    assert said("average amount of invoices paid") == "number | Invoice Paid+avg+amount | all.."
    assert said("how many level ups today") == "number | level_up+total | dStart.."
    assert said("how many visitors yesterday") == "declined"
