"""A whole conversation over an OpenAI-compatible provider that misbehaves in every way a provider can."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conversations.conftest import Chat, said, serving
from tests.llm.conftest import Provider, provider

from furze.conversations.agent import LONGEST_ANSWER
from furze.llm.openai import OpenAIModel
from furze.llm.types import Tool, ToolContext, ToolResult

__all__ = ["provider"]

TEMPORARY = "I'm unable to respond right now due to a temporary service issue. Please try again later."


async def _add(arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult(str(arguments["a"] + arguments["b"]))


async def _huge(_arguments: dict[str, Any], _context: ToolContext) -> ToolResult:
    return ToolResult("x" * 10_000_000)


NUMBERS = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
    "required": ["a", "b"],
}
TOOLS = [Tool("add", "Adds.", NUMBERS, _add), Tool("huge", "Says much.", {"type": "object"}, _huge)]


@pytest.fixture
def chat(tmp_path: Path, provider: Provider) -> Iterator[Chat]:
    with serving(tmp_path, OpenAIModel("m", base_url=f"{provider.url}/v1"), tools=TOOLS) as running:
        yield running


def text(words: str, finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": finish}]}


def piece(index: int, arguments: str, **head: Any) -> dict[str, Any]:
    function = {"arguments": arguments} | ({"name": head.pop("name")} if "name" in head else {})
    return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": function, **head}]}}]}


def end(reason: str) -> list[Any]:
    return [{"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}, b"data: [DONE]\n\n"]


SUM = [piece(0, '{"a": 1, ', id="one", name="add"), piece(0, '"b": 2}'), *end("tool_calls")]


def results(provider: Provider) -> list[str]:
    """What the provider was told about its calls in the last request."""
    return [each["content"] for each in provider.requests[-1]["messages"] if each["role"] == "tool"]


def test_parallel_calls_in_mixed_pieces_are_carried_out_and_told(
    chat: Chat,
    conversation: str,
    provider: Provider,
) -> None:
    mixed = [
        piece(0, '{"a": 1', id="one", name="add"),
        piece(1, '{"a":', id="two", name="add"),
        piece(0, ', "b": 2}'),
        piece(1, ' 30, "b": 4}'),
        *end("tool_calls"),
    ]
    provider.scripts += [mixed, [text("3 and 34", "stop")]]
    assert said(chat.ask("add", conversation))[-1] == ("ai", "3 and 34")
    assert results(provider) == ["3", "34"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [('{"a": 1', "not valid JSON"), ('{"a": "x", "b": 2}', "can't be used"), ("[]", "a JSON object is needed")],
)
def test_arguments_that_cannot_be_used_are_told_and_mended_under_the_same_id(
    chat: Chat,
    conversation: str,
    provider: Provider,
    arguments: str,
    told: str,
) -> None:
    broken = [piece(0, arguments, id="one", name="add"), *end("tool_calls")]
    provider.scripts += [broken, SUM, [text("3", "stop")]]
    assert said(chat.ask("add", conversation))[-1] == ("ai", "3")
    assert told in results(provider)[0]
    assert results(provider)[1] == "3"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (429, "its quota is reached"),
        (401, "key"),
        (500, TEMPORARY),
        ([text("half of"), None], TEMPORARY),
        ([piece(0, '{"a": 1', id="one", name="add"), None], TEMPORARY),
        ([b"data: {nonsense\n\n"], TEMPORARY),
        ([text("half of")], TEMPORARY),
    ],
)
def test_what_breaks_off_ends_the_turn_in_words_and_the_next_one_starts_afresh(
    chat: Chat,
    conversation: str,
    provider: Provider,
    script: Any,
    words: str,
) -> None:
    provider.scripts.append(script)
    heard = said(chat.ask("hello", conversation))
    assert [kind for kind, _ in heard] == ["human", "ai/failure"]
    assert words in heard[-1][1]
    provider.scripts.append([text("better", "stop")])
    assert said(chat.ask("again", conversation))[-1] == ("ai", "better")


def test_a_refusal_is_said_and_not_carried_out(
    chat: Chat,
    conversation: str,
    provider: Provider,
) -> None:
    provider.scripts.append([{"choices": [{"index": 0, "delta": {"refusal": "No."}}]}, *end("stop")])
    assert said(chat.ask("something bad", conversation))[-1] == ("ai", "No.")


def test_an_answer_without_end_is_cut(
    chat: Chat,
    conversation: str,
    provider: Provider,
) -> None:
    endless = [piece(0, "{", id="one", name="add"), *([text("again and again " * 64)] * 1_000)]
    provider.scripts.append(endless)
    said_last = said(chat.ask("hello", conversation))[-1]
    assert said_last[0] == "ai"
    assert "length limit" in said_last[1]
    assert len(said_last[1]) < LONGEST_ANSWER + 1000


def test_ten_megabytes_in_one_line_and_in_a_result_are_bounded(
    chat: Chat,
    conversation: str,
    provider: Provider,
) -> None:
    provider.scripts += [[piece(0, "{}", id="one", name="huge"), *end("tool_calls")], [text("y" * 10_000_000, "stop")]]
    last = said(chat.ask("hello", conversation))[-1][1]
    assert len(last) < LONGEST_ANSWER + 1000
    assert "[cut: 9940000 more characters]" in results(provider)[0]
