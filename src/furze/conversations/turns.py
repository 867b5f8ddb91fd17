"""Turns: begin, join, resume, cancel, and the job that carries them through, queued messages included."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection

from furze.conversations import approvals, commands, memory, messages, own_tools, queue, store
from furze.conversations.agent import Agent, GoingInCircles
from furze.conversations.commands import Command
from furze.conversations.errors import Deleted, NothingToStream, NotYours
from furze.conversations.log import Log
from furze.conversations.prompts import system_prompt
from furze.conversations.types import BriefAnswer, Conversation, Entry, Limits, NewEntry, Pause, Turn
from furze.database import Database
from furze.jobs import Job, JobContext, Jobs
from furze.kit.clock import Clock
from furze.llm.types import Model, ModelError, Tool, ToolCall, ToolContext, ToolPaused
from furze.platform.auth import Access
from furze.platform.errors import Conflict, InvalidInput, NotFound
from furze.platform.scopes import allows
from furze.platform.store import get_project
from furze.platform.types import Project

log = logging.getLogger(__name__)

JOB = "conversation_turn"
FAILED = "Oops! Something went wrong. Please try again."
_CIRCLES = "I stopped, because I was repeating the same step without getting further. Please ask in another way."
_TOO_LONG = "I stopped, because this took longer than a turn may take. Please ask for less at a time."
_ATTEMPTS = 3
_TITLE_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Asked:
    """What POST conversations/ asks for. `content` None continues; `last_event_id` is how far the caller has read."""

    conversation_id: UUID
    trace_id: UUID
    content: str | None
    options: dict[str, Any]
    resume_payload: Any = None
    last_event_id: int | None = None
    is_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the answer is to be read: the conversation's log after `after`."""

    conversation_id: UUID
    after: int
    is_new: bool = False
    entries: tuple[Entry, ...] = ()
    is_started: bool = False
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class _Work:
    """What a job finds when it looks at its conversation."""

    conversation: Conversation
    turn: Turn
    project: Project
    entries: list[Entry]
    pauses: list[Pause]
    memory: str
    model: Model


@dataclass
class Conversations:
    """The conversations of one process. `tools` come from the slices they concern.

    `model` answers, or where `model_of` is given the one that it names for a project.
    """

    database: Database
    jobs: Jobs
    clock: Clock
    model: Model
    tools: Sequence[Tool] = ()
    limits: Limits = field(default_factory=Limits)
    keepalive_seconds: float = 15.0
    model_of: Callable[[Connection, int], Model] | None = None
    log: Log = field(init=False)
    _has_data: bool = field(init=False)

    def __post_init__(self) -> None:
        """Offer to carry turns through."""
        self._has_data = bool(self.tools)
        self.tools = (*own_tools.tools(self.database, self.clock), *self.tools)
        self.log = Log(self.database, self.clock, keepalive_seconds=self.keepalive_seconds)
        # A turn mostly waits for its model: as many go on at once as streams may be open.
        self.jobs.register(JOB, self._work, limit=self.limits.open_streams)

    async def begin(self, access: Access, asked: Asked) -> Begun:
        """Start a turn, or join the one that runs."""
        # A caller who leaves at this very moment must not leave a turn behind that nobody carries through.
        return await asyncio.shield(self._begin_and_run(access, asked))

    async def cancel(self, access: Access, conversation_id: UUID) -> Conversation:
        """Stop whatever runs, now; forget what waits."""
        conversation, entries, job_id = await self.database.write(self._cancel, access, conversation_id)
        self.log.publish(conversation_id, entries)
        if job_id is not None:
            self.jobs.interrupt(job_id)
        return conversation

    async def append_message(self, access: Access, conversation_id: UUID, content: str) -> str:
        """Add an assistant message, whatever the conversation is doing; its id."""
        entries = await self.database.write(self._append_message, access, conversation_id, content)
        self.log.publish(conversation_id, entries)
        return str(entries[0].payload["id"])

    async def _begin_and_run(self, access: Access, asked: Asked) -> Begun:
        begun = await self.database.write(self._begin, access, asked)
        self.log.publish(begun.conversation_id, begun.entries)
        if begun.is_started:
            self.jobs.run(begun.job)
        return begun

    def _begin(self, connection: Connection, access: Access, asked: Asked) -> Begun:
        conversation, is_new = self._conversation(connection, access, asked)
        turn = None if is_new else store.get_turn_by_trace(connection, conversation.id, asked.trace_id)
        if turn is not None and (asked.content is not None or asked.resume_payload is not None):
            return Begun(conversation.id, max(turn.start_sequence, asked.last_event_id or 0))
        if conversation.status != "idle":
            return _join(conversation, asked)
        if asked.content is None and asked.resume_payload is None:
            return _reread(conversation, asked)
        resumed: tuple[str, ...] = ()
        if asked.resume_payload is not None and not is_new:
            decided = self._decide(connection, access, conversation, asked)
            if isinstance(decided, Begun):
                return decided
            resumed = decided
        return self._start(connection, access, conversation, asked, is_new=is_new, resumed=resumed)

    def _conversation(self, connection: Connection, access: Access, asked: Asked) -> tuple[Conversation, bool]:
        conversation = store.get_conversation(connection, asked.conversation_id, lock=True)
        if conversation is None and asked.content is None:
            raise NothingToStream
        if conversation is not None:
            if (conversation.user.id, conversation.project_id) != (access.user.id, access.project.id):
                raise NotYours
            if conversation.deleted_at is not None:
                raise Deleted
        if asked.is_sandbox:
            raise InvalidInput("Sandbox conversations must be opened via the open endpoint.")
        if conversation is not None:
            return conversation, False
        kind = "deep_research" if asked.options.get("agent_mode") == "research" else "assistant"
        owner = {"project_id": access.project.id, "user_id": access.user.id}
        is_new = store.create_conversation(connection, asked.conversation_id, **owner, kind=kind, now=self.clock.now())
        if not is_new:
            return self._conversation(connection, access, asked)
        return _existing(connection, asked.conversation_id), True

    def _decide(
        self, connection: Connection, access: Access, conversation: Conversation, asked: Asked
    ) -> Begun | tuple[str, ...]:
        """Record the person's decision: the tool calls to carry out now, or where a repeated decision's answer is."""
        decided = approvals.decide(
            connection, conversation.id, asked.resume_payload, user_id=access.user.id, now=self.clock.now()
        )
        if decided is None and asked.content is None:
            raise InvalidInput(_IDLE)
        if decided is None:
            return ()
        pause, is_news = decided
        if not is_news and asked.content is None:
            return Begun(conversation.id, conversation.stream_sequence)
        return (pause.tool_call_id,) if is_news else ()

    def _start(
        self,
        connection: Connection,
        access: Access,
        conversation: Conversation,
        asked: Asked,
        *,
        is_new: bool,
        resumed: tuple[str, ...],
    ) -> Begun:
        now = self.clock.now()
        turn = Turn(
            uuid4(),
            conversation.id,
            asked.trace_id,
            conversation.last_sequence,
            {**asked.options, "scopes": list(access.key.scopes), "resumed_calls": resumed},
            now,
        )
        changes: dict[str, Any] = {"turn_id": turn.id, "job_id": f"turn-{turn.id}", "is_queue_open": True}
        changes["stream_sequence"] = conversation.last_sequence
        if asked.content is not None:
            approvals.abandon(connection, conversation.id, user_id=access.user.id, now=now)
            changes |= _moved_on(conversation, asked, is_new=is_new, now=now)
        if not store.start(connection, conversation.id, **changes):
            raise Conflict(_BUSY)
        store.insert_turn(connection, turn)
        started = replace(conversation, status="in_progress", **changes)
        new = _opening(conversation, started, turn, asked, is_new=is_new)
        entries = store.append(connection, conversation.id, new, turn_id=turn.id, now=now) if new else []
        work, group = {"conversation_id": str(conversation.id)}, str(conversation.project_id)
        job = self.jobs.take(connection, JOB, work, job_id=changes["job_id"], group=group)
        return Begun(conversation.id, turn.start_sequence, is_new, tuple(entries), is_started=True, job=job)

    def _cancel(
        self, connection: Connection, access: Access, conversation_id: UUID
    ) -> tuple[Conversation, list[Entry], str | None]:
        conversation = own(connection, access, conversation_id)
        now = self.clock.now()
        queue.clear(connection, conversation_id)
        approvals.abandon(connection, conversation_id, user_id=access.user.id, now=now)
        store.change(connection, conversation_id, is_queue_open=False, updated_at=now)
        if conversation.status == "idle":
            return _existing(connection, conversation_id), [], None
        if conversation.job_id is not None:
            self.jobs.request_cancel(connection, conversation.job_id)
        entries = store.finish(connection, conversation_id, reason="cancelled", now=now)
        return _existing(connection, conversation_id), entries, conversation.job_id

    def _append_message(
        self, connection: Connection, access: Access, conversation_id: UUID, content: str
    ) -> list[Entry]:
        own(connection, access, conversation_id)
        return store.append(connection, conversation_id, [messages.ai(content)], now=self.clock.now())

    async def _work(self, context: JobContext) -> None:
        """Carry a conversation's turn through, then the turns of the messages that waited meanwhile."""
        conversation_id = UUID(context.job.arguments["conversation_id"])
        while (work := await self.database.read(self._find_work, conversation_id, context.job.id)) is not None:
            try:
                reason = await self._attempt(work, is_last=context.job.attempt > _ATTEMPTS)
                entries, goes_on = await self.database.write(self._finish, work, reason)
            except store.TurnOver:
                return
            self.log.publish(conversation_id, entries)
            if not goes_on:
                return

    def _find_work(self, connection: Connection, conversation_id: UUID, job_id: str) -> _Work | None:
        conversation = store.get_conversation(connection, conversation_id)
        if conversation is None or conversation.status != "in_progress" or conversation.job_id != job_id:
            return None
        turn = store.get_turn(connection, conversation.turn_id) if conversation.turn_id else None
        project = get_project(connection, conversation.project_id)
        if turn is None or project is None:
            return None
        return _Work(
            conversation,
            turn,
            project,
            store.entries_after(connection, conversation_id, 0)[0],
            approvals.listed(connection, [conversation_id]),
            memory.read(connection, project.id),
            self.model if self.model_of is None else self.model_of(connection, project.id),
        )

    async def _attempt(self, work: _Work, *, is_last: bool) -> str:
        """Run the agent; `done`, `paused` or `failed`. What failed is told in the conversation."""
        told: str | None = FAILED
        if not is_last:
            is_research = work.conversation.type == "deep_research"
            seconds = self.limits.research_seconds if is_research else self.limits.turn_seconds
            try:
                async with asyncio.timeout(seconds):
                    return "done" if await self._command(work) else await self._agent(work).run()
            except store.TurnOver:
                raise
            except ModelError as error:
                log.warning("the model of project %d did not answer: %s", work.project.id, error)
                told = error.text
            except GoingInCircles:
                told = _CIRCLES
            except TimeoutError:
                told = _TOO_LONG
            except Exception:
                log.exception("the turn %s failed", work.turn.id)
                told = None
        await self.log.append(work.conversation.id, work.turn.id, [messages.failure(told)])
        return "failed"

    async def _command(self, work: _Work) -> bool:
        """Answer the turn's message if it is a command; whether it was one."""
        own = [entry for entry in work.entries if entry.turn_id == work.turn.id and entry.event == "message"]
        if [entry.payload["type"] for entry in own] != ["human"]:
            return False

        def command(text: str) -> Command:
            contexts = _Contexts(self, work)
            tools = {tool.name: tool for tool in self.tools if tool.scope is None or contexts.may(tool.scope)}
            context = contexts.make(ToolCall("", "", {}), own[0])
            return Command(text, work.project.id, work.entries, self.database, self.clock, tools, context)

        said = await commands.answer(command, own[0].payload["content"])
        if said is not None:
            await self.log.append(work.conversation.id, work.turn.id, [messages.ai(said)])
        return said is not None

    def _agent(self, work: _Work) -> Agent:
        return Agent(
            model=work.model,
            log=self.log,
            turn=work.turn,
            contexts=_Contexts(self, work),
            entries=work.entries,
            resumed_calls=frozenset(work.turn.options.get("resumed_calls", ())),
            steps=self.limits.steps,
            checks_numbers=self._has_data,
        )

    def _finish(self, connection: Connection, work: _Work, reason: str) -> tuple[list[Entry], bool]:
        """End the turn: with the next waiting message as a new turn of the same stream, or with the stream's end."""
        conversation_id, now = work.conversation.id, self.clock.now()
        conversation = store.get_conversation(connection, conversation_id, lock=True)
        if conversation is None or conversation.turn_id != work.turn.id or conversation.status != "in_progress":
            raise store.TurnOver(conversation_id)
        if any(pause.status == "pending" for pause in approvals.listed(connection, [conversation_id])):
            queue.clear(connection, conversation_id)
        waiting = queue.pop(connection, conversation_id)
        if waiting is None:
            store.change(connection, conversation_id, is_queue_open=False)
            return store.finish(connection, conversation_id, reason=reason, now=now), False
        said = {name: value for name, value in waiting.options.items() if value is not None}
        inherited = {**work.turn.options, "ui_context": None, "resumed_calls": ()}
        turn = Turn(uuid4(), conversation_id, uuid4(), conversation.last_sequence, {**inherited, **said}, now)
        store.insert_turn(connection, turn)
        store.change(connection, conversation_id, turn_id=turn.id)
        if "agent_mode" in said:
            store.change(connection, conversation_id, agent_mode=said["agent_mode"])
        echo = messages.human(waiting.content, trace_id=turn.trace_id, ui_context=turn.options.get("ui_context"))
        return store.append(connection, conversation_id, [echo], turn_id=turn.id, now=now), True


@dataclass
class _Contexts:
    """What the agent's loop must be told about the world around its turn."""

    conversations: Conversations
    work: _Work
    mode: str = own_tools.DEFAULT_MODE
    _is_first: bool = True

    async def setting(self) -> tuple[Mapping[str, Tool], str]:
        conversation = self.work.conversation
        if self._is_first:  # what the job has just read
            stored, known = conversation.agent_mode, self.work.memory
        else:  # tools may have changed them
            stored, known = await self.conversations.database.read(_mode_and_memory, conversation)
        self.mode, self._is_first = stored or own_tools.DEFAULT_MODE, False
        at_hand = [tool for tool in self.conversations.tools if own_tools.usable(tool, self.mode)]
        system = system_prompt(
            self.work.project,
            mode=self.mode,
            memory=memory.shown(known),
            options=self.work.turn.options,
            now=self.conversations.clock.now(),
        )
        return {tool.name: approvals.guarded(tool) for tool in at_hand}, system

    def make(self, call: ToolCall, entry: Entry) -> ToolContext:
        conversation, options = self.work.conversation, self.work.turn.options
        decided = next((each for each in self.work.pauses if each.tool_call_id == call.id), None)

        async def update(text: str) -> None:
            payload = {"id": entry.payload["id"], "tool_call_id": call.id, "content": text}
            await self.conversations.log.append(conversation.id, self.work.turn.id, [NewEntry("update", payload)])

        return ToolContext(
            project=self.work.project,
            user=conversation.user,
            scopes=tuple(options.get("scopes", ())),
            conversation_id=conversation.id,
            tool_call_id=call.id,
            agent_mode=self.mode,
            update=update,
            decision=decided.answer if decided is not None and decided.status != "pending" else None,
            page=(options.get("contextual_tools") or {}).get(call.name) or {},
        )

    def may(self, scope: str) -> bool:
        return allows(tuple(self.work.turn.options.get("scopes", ())), scope)

    async def pause(self, call: ToolCall, entry: Entry, pause: ToolPaused) -> None:
        entries = await self.conversations.database.write(self._record, call, entry, pause)
        self.conversations.log.publish(self.work.conversation.id, entries)

    def _record(self, connection: Connection, call: ToolCall, entry: Entry, pause: ToolPaused) -> list[Entry]:
        now = self.conversations.clock.now()
        conversation_id, turn_id = self.work.conversation.id, self.work.turn.id
        recorded, is_new = approvals.record(
            connection,
            conversation_id,
            turn_id=turn_id,
            now=now,
            kind=pause.kind,
            tool_name=call.name,
            tool_call_id=call.id,
            message_id=entry.payload["id"],
            preview=pause.preview,
            payload=call.arguments,
        )
        if not is_new or recorded.kind != "approval":
            return []
        shown = NewEntry("approval", approvals.wire(recorded))
        return store.append(connection, conversation_id, [shown], turn_id=turn_id, now=now)


def _mode_and_memory(connection: Connection, conversation: Conversation) -> tuple[str | None, str]:
    return _existing(connection, conversation.id).agent_mode, memory.read(connection, conversation.project_id)


def own(connection: Connection, access: Access, conversation_id: UUID) -> Conversation:
    """The caller's own conversation, locked; raises `NotFound` for anything else."""
    found = store.get_conversation(connection, conversation_id, lock=True)
    mine = (access.user.id, access.project.id)
    if found is None or found.deleted_at is not None or (found.user.id, found.project_id) != mine:
        raise NotFound
    return found


_BUSY = "Cannot resume streaming with a new message"
_IDLE = "Cannot continue streaming from an idle conversation"


def _join(conversation: Conversation, asked: Asked) -> Begun:
    if asked.content is not None:
        raise Conflict(_BUSY)
    after = conversation.stream_sequence if asked.last_event_id is None else asked.last_event_id
    return Begun(conversation.id, after)


def _reread(conversation: Conversation, asked: Asked) -> Begun:
    """The rest of an ended stream, for a caller who says how far it has read."""
    if asked.last_event_id is None:
        raise InvalidInput(_IDLE)
    return Begun(conversation.id, asked.last_event_id)


def _moved_on(conversation: Conversation, asked: Asked, *, is_new: bool, now: datetime) -> dict[str, Any]:
    """What a new message changes: the mode sticks; research covers only the first turn; the first gives the title."""
    changes: dict[str, Any] = {}
    if asked.options.get("agent_mode") is not None:
        changes["agent_mode"] = asked.options["agent_mode"]
    if conversation.type == "deep_research" and not is_new:
        changes |= {"type": "assistant", "updated_at": now}
    if conversation.title is None and asked.content is not None:
        changes |= {"title": " ".join(asked.content.split())[:_TITLE_LENGTH], "updated_at": now}
    return changes


def _opening(before: Conversation, started: Conversation, turn: Turn, asked: Asked, *, is_new: bool) -> list[NewEntry]:
    """The first entries of a stream: the conversation, the person's message, the title."""
    new = [_described(replace(started, title=before.title))] if is_new else []
    if asked.content is not None:
        new.append(messages.human(asked.content, trace_id=turn.trace_id, ui_context=turn.options.get("ui_context")))
    if started.title != before.title:
        new.append(_described(started))
    return new


def _described(conversation: Conversation) -> NewEntry:
    return NewEntry("conversation", BriefAnswer.model_validate(conversation).model_dump(mode="json"))


def _existing(connection: Connection, conversation_id: UUID) -> Conversation:
    conversation = store.get_conversation(connection, conversation_id)
    if conversation is None:
        raise NotFound
    return conversation
