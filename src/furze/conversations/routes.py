"""conversations: list, ask and stream, retrieve, delete, append_message, cancel, queue."""

import random
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from sqlalchemy import Connection

from furze.conversations import approvals, messages, queue, store
from furze.conversations.errors import REFUSALS, NoConversation, NoQueuedMessage, NotRunning, NotYourQueue
from furze.conversations.throttle import Throttle
from furze.conversations.turns import Asked, Conversations, own
from furze.conversations.types import (
    AppendAnswer,
    AppendBody,
    BriefAnswer,
    Conversation,
    ConversationAnswer,
    EchoAnswer,
    MessageBody,
    QueueAnswer,
    QueueBody,
    QueueChange,
    TitleBody,
)
from furze.platform.auth import Access, ProjectAccess
from furze.platform.errors import FurzeError, InvalidInput, MethodNotAllowed, NotFound
from furze.platform.pagination import AskedPage, Page
from furze.platform.requests import BodyOf, read_body
from furze.platform.routing import Endpoints, provided

endpoints = Endpoints("conversations")

READ, WRITE = "conversation:read", "conversation:write"

Service = Annotated[Conversations, provided(Conversations)]

_STREAM_HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
_QUEUE = "/conversations/{conversation}/queue"


async def _throttle(
    request: Request, access: ProjectAccess, service: Service, throttle: Annotated[Throttle, provided(Throttle)]
) -> None:
    """Counts every request, whatever its body is worth."""
    if not (service.limits.rates or service.limits.research_rates):
        return
    try:
        body = await read_body(request)
    except FurzeError:
        body = None
    asked = body if isinstance(body, dict) else {}
    is_research = asked.get("agent_mode") == "research" or await service.database.read(
        _is_research, access.project.id, asked.get("conversation")
    )
    throttle.check(access.user.id, is_research=is_research)


@endpoints.get("/conversations", scope=READ, response=Page[ConversationAnswer])
async def list_conversations(access: ProjectAccess, service: Service, page: AskedPage) -> dict[str, Any]:
    """The caller's own conversations, newest change first."""
    rows, count = await service.database.read(_list, access, limit=page.limit, offset=page.offset)
    return page.page(rows, count)


@endpoints.post(
    "/conversations", scope=WRITE, response=EchoAnswer, guards=[Depends(_throttle)], also={200: EchoAnswer, **REFUSALS}
)
async def create_message(
    request: Request,
    access: ProjectAccess,
    service: Service,
    body: Annotated[MessageBody, Depends(BodyOf(MessageBody))],
) -> Response:
    """Ask, and read the answer as a stream of server-sent events; with `Accept: application/json` do not wait for it.

    `content` null joins the stream that runs; `Last-Event-ID` skips what the caller has read already. With
    `Accept: text/event-stream; profile=delta` a growing answer comes as `delta` events with what was added to its text.
    """
    wants_json = _wants_json(request.headers.get("accept", "*/*"))
    if not wants_json and service.log.open_streams >= service.limits.open_streams:
        wait = random.randint(15, 44)  # noqa: S311 - spreads the retries
        return Response(status_code=503, headers={"Retry-After": str(wait)})
    begun = await service.begin(access, _asked(request, body))
    status = 201 if begun.is_new else 200
    if wants_json:
        return JSONResponse(_echo(body), status_code=status)
    deltas = "profile=delta" in request.headers.get("accept", "").lower().replace(" ", "").replace('"', "")
    media_type = "text/event-stream; profile=delta" if deltas else "text/event-stream"
    events = service.log.follow(begun.conversation_id, after=begun.after, deltas=deltas)
    return StreamingResponse(events, status_code=status, media_type=media_type, headers=_STREAM_HEADERS)


@endpoints.get("/conversations/{conversation}", scope=READ, response=ConversationAnswer, also=REFUSALS)
async def get_conversation(access: ProjectAccess, service: Service, conversation: str) -> ConversationAnswer:
    """A conversation of the project, with its messages; any member who knows the id may read it."""
    return await service.database.read(_get, access.project.id, _identity(conversation))


@endpoints.patch("/conversations/{conversation}", scope=WRITE, response=ConversationAnswer, also=REFUSALS)
async def rename_conversation(
    access: ProjectAccess, service: Service, conversation: str, body: Annotated[TitleBody, Depends(BodyOf(TitleBody))]
) -> ConversationAnswer:
    """The conversation under another title."""
    return await service.database.write(_rename, access, _identity(conversation), body.title, service)


@endpoints.delete("/conversations/{conversation}", scope=WRITE, also=REFUSALS)
async def delete_conversation(access: ProjectAccess, service: Service, conversation: str) -> None:
    """Delete a conversation. Its id is not used again."""
    await service.database.write(_delete, access, _identity(conversation), service)


@endpoints.post(
    "/conversations/{conversation}/append_message", scope=WRITE, status=200, response=AppendAnswer, also=REFUSALS
)
async def append_message(
    access: ProjectAccess,
    service: Service,
    conversation: str,
    body: Annotated[AppendBody, Depends(BodyOf(AppendBody))],
) -> dict[str, Any]:
    """Add an assistant message without running the assistant."""
    message_id = await service.append_message(access, _identity(conversation), body.content)
    return {"id": message_id, "content": body.content}


@endpoints.patch("/conversations/{conversation}/cancel", scope=WRITE, response=ConversationAnswer, also=REFUSALS)
async def cancel_conversation(access: ProjectAccess, service: Service, conversation: str) -> ConversationAnswer:
    """Stop the running turn and forget the queue; the conversation as it is then."""
    cancelled = await service.cancel(access, _identity(conversation))
    return (await service.database.read(_present, [cancelled]))[0]


@endpoints.get(_QUEUE, scope=READ, response=QueueAnswer, also=REFUSALS)
async def get_queue(access: ProjectAccess, service: Service, conversation: str) -> QueueAnswer:
    """The conversation with its queued messages as `messages`."""
    return await service.database.read(_queue, access, _identity(conversation), service, _nothing)


@endpoints.post(_QUEUE, scope=WRITE, status=200, response=QueueAnswer, also=REFUSALS)
async def add_to_queue(request: Request, access: ProjectAccess, service: Service, conversation: str) -> QueueAnswer:
    """Queue a message for when the running turn ends."""
    identity = _identity(conversation)
    await service.database.read(_queue_owner, access, identity)
    body = await BodyOf(QueueBody)(request)
    options = {**body.options(), "session_id": _session_id(request), "scopes": list(access.key.scopes)}

    def add(connection: Connection, found: Conversation) -> None:
        if not found.is_queue_open:
            raise NotRunning
        limit, now = service.limits.queued_messages, service.clock.now()
        queue.add(connection, identity, content=body.content, options=options, limit=limit, now=now)

    return await service.database.write(_queue, access, identity, service, add)


@endpoints.post(f"{_QUEUE}/clear", scope=WRITE, status=200, response=QueueAnswer, also=REFUSALS)
async def clear_queue(access: ProjectAccess, service: Service, conversation: str) -> QueueAnswer:
    """Forget every queued message."""

    def clear(connection: Connection, found: Conversation) -> None:
        queue.clear(connection, found.id)

    return await service.database.write(_queue, access, _identity(conversation), service, clear)


@endpoints.patch(f"{_QUEUE}/{{queue_id}}", scope=WRITE, response=QueueAnswer, also=REFUSALS)
async def change_queued(
    request: Request, access: ProjectAccess, service: Service, conversation: str, queue_id: str
) -> QueueAnswer:
    """Change a queued message's text, and with `position` its place."""
    _refuse_clear(request, queue_id)
    identity = _identity(conversation)
    await service.database.read(_queue_owner, access, identity)
    body = await BodyOf(QueueChange)(request)

    def change(connection: Connection, found: Conversation) -> None:
        if not queue.edit(connection, found.id, _queued_identity(queue_id), body.content):
            raise NoQueuedMessage
        if body.position is not None:
            queue.move(connection, found.id, _queued_identity(queue_id), body.position)

    return await service.database.write(_queue, access, identity, service, change)


@endpoints.delete(f"{_QUEUE}/{{queue_id}}", scope=WRITE, also={200: QueueAnswer, **REFUSALS})
async def delete_queued(
    request: Request, access: ProjectAccess, service: Service, conversation: str, queue_id: str
) -> Response:
    """Take a message out of the queue; with `Prefer: return=representation`, what is left."""
    _refuse_clear(request, queue_id)

    def remove(connection: Connection, found: Conversation) -> None:
        if not queue.remove(connection, found.id, _queued_identity(queue_id)):
            raise NoQueuedMessage

    left = await service.database.write(_queue, access, _identity(conversation), service, remove)
    if "return=representation" in request.headers.get("prefer", "").replace(" ", "").lower():
        headers = {"Preference-Applied": "return=representation"}
        return JSONResponse(left.model_dump(mode="json"), headers=headers)
    return Response(status_code=204)


@endpoints.post(
    "/conversations/{conversation}/open", scope=WRITE, status=200, guards=[Depends(_throttle)], also=REFUSALS
)
async def open_sandbox(access: ProjectAccess, service: Service, conversation: str) -> None:
    """Refused: there are no sandboxes here."""
    await service.database.read(_get_own, access, _identity(conversation))
    raise InvalidInput("This conversation is not on the sandbox runtime.")


def _asked(request: Request, body: MessageBody) -> Asked:
    last = request.headers.get("last-event-id", "")
    return Asked(
        conversation_id=body.conversation,
        trace_id=body.trace_id,
        content=body.content,
        options={**body.options(), "session_id": _session_id(request)},
        resume_payload=body.resume_payload,
        last_event_id=int(last) if last.isascii() and last.isdigit() and len(last) < 10 else None,
        is_sandbox=body.is_sandbox,
    )


def _echo(body: MessageBody) -> dict[str, Any]:
    sent = body.model_dump(mode="json", exclude_unset=True)
    return {name: sent.get(name) for name in EchoAnswer.model_fields}


def _session_id(request: Request) -> str | None:
    # The body's own session_id is accepted and ignored, as PostHog does.
    return request.headers.get("x-posthog-session-id")


def _wants_json(accept: str) -> bool:
    """Whether JSON is what the caller would rather have: the best of `Accept`, the first of equals."""
    offers = []
    for place, offer in enumerate(accept.lower().split(",")):
        media, *parameters = [part.strip() for part in offer.split(";")]
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        offers.append((-_weight(weights), place, media))
    best = min(offers)[2]
    return best in ("application/json", "application/*")


def _weight(texts: list[str]) -> float:
    try:
        return float(texts[0]) if texts else 1.0
    except ValueError:
        return 1.0


def _refuse_clear(request: Request, queue_id: str) -> None:
    if queue_id == "clear":  # a verb of its own, which takes POST only
        raise MethodNotAllowed(f'Method "{request.method}" not allowed.')


def _identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None


def _queued_identity(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NoQueuedMessage from None


def _is_research(connection: Connection, project_id: int, identity: object) -> bool:
    try:
        found = store.get_conversation(connection, UUID(str(identity)))
    except ValueError:
        return False
    return found is not None and found.project_id == project_id and found.type == "deep_research"


def _list(connection: Connection, access: Access, *, limit: int, offset: int) -> tuple[list[ConversationAnswer], int]:
    rows, count = store.list_shown(connection, access.project.id, access.user.id, limit=limit, offset=offset)
    return _present(connection, rows), count


def _get(connection: Connection, project_id: int, identity: UUID) -> ConversationAnswer:
    found = store.get_shown(connection, project_id, identity)
    if found is None:
        raise NotFound
    return _present(connection, [found])[0]


def _get_own(connection: Connection, access: Access, identity: UUID) -> Conversation:
    return own(connection, access, identity)


def _rename(
    connection: Connection, access: Access, identity: UUID, title: str, service: Conversations
) -> ConversationAnswer:
    own(connection, access, identity)
    store.change(connection, identity, title=title, updated_at=service.clock.now())
    return _present(connection, [own(connection, access, identity)])[0]


def _delete(connection: Connection, access: Access, identity: UUID, service: Conversations) -> None:
    own(connection, access, identity)
    store.change(connection, identity, deleted_at=service.clock.now())


def _queue_owner(connection: Connection, access: Access, identity: UUID) -> Conversation:
    found = store.get_conversation(connection, identity, lock=True)
    if found is None or found.deleted_at is not None:
        raise NoConversation
    if (found.user.id, found.project_id) != (access.user.id, access.project.id):
        raise NotYourQueue
    return found


def _nothing(_connection: Connection, _found: Conversation) -> None:
    """The change that a read makes."""


def _queue(
    connection: Connection,
    access: Access,
    identity: UUID,
    service: Conversations,
    change: Callable[[Connection, Conversation], None],
) -> QueueAnswer:
    """Change the queue while nobody else does; the conversation with what waits now."""
    found = _queue_owner(connection, access, identity)
    change(connection, found)
    waiting = [queue.wire(message) for message in queue.listed(connection, identity)]
    shown = _present(connection, [found])[0].model_dump() | {"messages": waiting}
    return QueueAnswer(**shown, max_queue_messages=service.limits.queued_messages)


def _present(connection: Connection, rows: list[Conversation]) -> list[ConversationAnswer]:
    identities = [row.id for row in rows]
    said = store.messages_of(connection, identities)
    waiting: dict[UUID, list[dict[str, Any]]] = {identity: [] for identity in identities}
    for pause in approvals.listed(connection, identities):
        if pause.kind == "approval":
            waiting[pause.conversation_id].append(approvals.wire(pause))
    return [
        ConversationAnswer(
            **BriefAnswer.model_validate(row).model_dump(),
            messages=[messages.in_full(message) for message in said[row.id]],
            agent_mode=_mode(row.agent_mode),
            pending_approvals=waiting[row.id],
        )
        for row in rows
    ]


def _mode(stored: str | None) -> str:
    if stored in (None, "execution", "research"):
        return "product_analytics"
    return "sql" if stored == "plan" else str(stored)
