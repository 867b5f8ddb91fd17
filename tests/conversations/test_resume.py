"""Readers come and go; what they see in the end is the same."""

import random
import threading
from uuid import uuid4

import httpx2 as httpx
from tests.conversations.conftest import Chat, Event, events_of, finals, rounds, said

from furze.llm.types import Finished, TextDelta, Tool, ToolResult
from furze.testing import Gate, ScriptedModel
from furze.testing.model import calls, says


def _long_script() -> list:
    return [step for index in range(40) for step in (TextDelta(f"{index} "), 0.004)] + [Finished("stop")]


def _folded(events: list[Event]) -> list[tuple[str, str]]:
    """The thread as a client folds it: finals by id, partials dropped when a final comes."""
    kept = {
        str(body["id"]): (body["type"], body.get("content", ""))
        for name, body, _ in finals(events)
        if name == "message"
    }
    return list(kept.values())


def test_a_reader_that_drops_at_any_point_resumes_where_it_was(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    model.otherwise = lambda _request: _long_script()
    whole: list[Event] = []

    def undisturbed() -> None:
        whole.extend(chat.ask("hello", conversation))

    thread = threading.Thread(target=undisturbed)
    thread.start()
    while not whole and chat.client.get(chat.path(conversation)).status_code != 200:
        pass
    seen: list[Event] = []
    for drops_after in (1, 2, 1, 3, 1, 4, 2, 5, 1, 100):
        last = seen[-1][2] if seen else None
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        with chat.streaming(None, conversation, headers=headers) as events:
            for number, event in enumerate(events, 1):
                seen.append(event)
                if number == drops_after:
                    break
    thread.join()
    assert _folded(seen) == _folded(whole) == [("human", "hello"), ("ai", "".join(f"{index} " for index in range(40)))]
    ids = [number for _, _, number in finals(seen)]
    assert ids == sorted(set(ids)), "no entry comes twice"


def _until_cut(chat: Chat, conversation: str, last: int | None, size: int) -> list[Event]:
    """The whole events among the next `size` bytes of a stream that is joined, or reloaded when `last` is None."""
    headers = dict(chat.client.headers) | ({} if last is None else {"Last-Event-ID": str(last)})
    taken = b""
    with (
        httpx.Client(base_url=chat.url, headers=headers, timeout=30) as client,
        client.stream("POST", chat.path(), json=chat.body(None, conversation)) as response,
    ):
        if response.status_code == 400:
            return []  # idle already, and a reload reads the conversation instead
        for chunk in response.iter_raw():
            taken += chunk
            if len(taken) >= size:
                break
    return events_of(taken[:size].rpartition(b"\n\n")[0])


def test_readers_that_are_cut_at_any_byte_and_resume_or_reload_end_with_the_same_transcript(
    chat: Chat, model: ScriptedModel
) -> None:
    model.otherwise = lambda _request: _long_script()
    chance, cuts = random.Random(7), 0
    while cuts < rounds(100):
        conversation, whole = str(uuid4()), list[Event]()
        with chat.streaming("hello", conversation) as events:
            whole.append(next(events))
            undisturbed = threading.Thread(target=whole.extend, args=(events,))
            undisturbed.start()
            seen: list[Event] = []
            while undisturbed.is_alive():
                last = None if not seen or chance.random() < 0.2 else seen[-1][2]
                seen = [*([] if last is None else seen), *_until_cut(chat, conversation, last, chance.randint(1, 3000))]
                cuts += 1
            undisturbed.join()
        last = seen[-1][2] if seen else 0
        seen += chat.ask(None, conversation, headers={"Last-Event-ID": str(last)})
        assert _folded(seen) == _folded(whole)
        assert chat.messages(conversation) == _folded(whole)
        ids = [number for _, _, number in finals(seen)]
        assert ids == sorted(set(ids)), "no entry comes twice"


def test_a_reader_that_comes_after_the_end_reads_the_rest(chat: Chat, conversation: str) -> None:
    whole = chat.ask("hello", conversation)
    for name, _, number in finals(whole):
        rest = chat.ask(None, conversation, headers={"Last-Event-ID": str(number)})
        assert finals(rest) == [each for each in finals(whole) if each[2] > number], name


def test_a_second_tab_sees_finals_once_and_only_the_current_partial(
    chat: Chat, conversation: str, model: ScriptedModel
) -> None:
    gate = Gate()

    async def look(_arguments, _context) -> ToolResult:
        return ToolResult("seen")

    chat.service.tools = [Tool("look", "Looks.", {"type": "object"}, look)]
    model.scripts += [calls("look"), [TextDelta("half of "), 0.1, TextDelta("it"), 0.1, gate, *says("!")]]
    with chat.streaming("hello", conversation) as first:
        next(first)
        assert gate.reached.wait(5)
        with chat.streaming(None, conversation) as second:
            seen = [next(second) for _ in range(6)]
            assert [name for name, _, _ in seen] == ["conversation", "message", "conversation", *["message"] * 3]
            assert (seen[-1][1]["id"], seen[-1][1]["content"]) == ("temp-0", "half of it")
            gate.open()
            rest = list(second)
        assert said(list(first))[-1] == said(rest)[-1] == ("ai", "half of it!")


def test_many_readers_follow_one_turn(chat: Chat, conversation: str, model: ScriptedModel) -> None:
    gate = Gate()
    model.scripts.append([gate, *_long_script()])
    heard: list[list[tuple[str, str]]] = []
    threads = [threading.Thread(target=lambda: heard.append(said(chat.ask(None, conversation)))) for _ in range(12)]
    with chat.streaming("hello", conversation) as events:
        next(events)
        for thread in threads:
            thread.start()
        assert gate.reached.wait(5)
        gate.open()
        mine = said(list(events))
    for thread in threads:
        thread.join()
    assert len(heard) == 12
    assert all(each == heard[0] and each[-1] == mine[-1] for each in heard)
    assert chat.service.log.open_streams == 0
