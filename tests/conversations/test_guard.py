"""A number that nothing in the conversation produced is a defect: the answer is written again, or flagged."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.conversations.conftest import Chat, said, serving

from furze.conversations import guard
from furze.conversations.types import Entry
from furze.llm.types import Tool, ToolContext, ToolResult
from furze.testing import ScriptedModel
from furze.testing.model import calls, says


async def _count(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult('{"results": [[1234, 0.416, 617]], "data": [3, 4, 5]}')


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with serving(tmp_path, ScriptedModel(), tools=[Tool("count", "Counts.", {"type": "object"}, _count)]) as made:
        yield made


def _asked(chat: Chat, *answers: str) -> str:
    chat.model.scripts = [calls("count"), *map(says, answers)]
    return said(chat.ask("how many orders in the last 30 days?", str(uuid4())))[-1][1]


def test_an_answer_with_numbers_of_its_queries_stays_as_it_is(chat: Chat) -> None:
    text = "There were **1,234** orders in the last 30 days (41.6%), that is 617 fewer, about 1.2k."
    assert _asked(chat, text) == text


def test_an_answer_that_makes_up_a_number_is_written_again(chat: Chat) -> None:
    assert _asked(chat, "There were 1,250 orders.", "There were 1,234 orders.") == "There were 1,234 orders."
    assert "1,250" in chat.model.requests[-1].messages[-1].content


def test_an_answer_that_insists_on_a_made_up_number_is_flagged(chat: Chat) -> None:
    told = _asked(chat, "There were 1,250 orders.", "Really, 1,250.")
    assert told.startswith("Really, 1,250.")
    assert "No query of this conversation produced 1,250" in told


def test_the_share_of_two_numbers_of_one_result_is_known_whatever_was_looked_up_before() -> None:
    taxonomy = json.dumps({"values": list(range(1000, 1100))})
    texts = (taxonomy, '{"results": [[200, 50]]}')
    entries = [
        Entry(number, None, "message", {"type": "tool", "content": text, "tool_call_id": "c"})
        for number, text in enumerate(texts, 1)
    ]
    assert guard.unsupported("That is 25% of them.", entries) == []
    assert guard.unsupported("That is 26% of them.", entries) == ["26%"]


def test_a_model_that_computes_its_answers_is_not_asked_again(tmp_path: Path) -> None:
    class Reader(ScriptedModel):
        is_language_model = False

    with serving(tmp_path, Reader(), tools=[Tool("count", "Counts.", {"type": "object"}, _count)]) as chat:
        assert _asked(chat, "In the last 7 days, 1,250.") == "In the last 7 days, 1,250."


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("no numbers", []),
        ("1,234 of them, 1234.0, 1.2k, 41.6% or 42%", []),
        ("half of it: 50.0%", []),
        ("12 in all, 4 on average, three rows of 3", []),
        ("on 2026-11-22 at 10:30, in 2026, on 3 May and May 4", []),
        ("1. first\n2. second", []),
        ("`LIMIT 77` and ```\nselect 88\n``` and https://x.example/99", []),
        ("1,235 orders", ["1,235"]),
        ("87 orders and 87 again", ["87"]),
        ("93.7% of all", ["93.7%"]),
    ],
)
def test_what_counts_as_made_up(text: str, missing: list[str]) -> None:
    result = json.dumps({"results": [[1234, 0.416, 617]], "data": [3, 4, 5]})
    entries = [
        Entry(1, None, "message", {"type": "human", "content": "how many?"}),
        Entry(2, None, "message", {"type": "tool", "content": result, "tool_call_id": "c"}),
    ]
    assert guard.unsupported(text, entries) == missing
