"""Conversations, as values, and the bodies of their requests and answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from furze.platform.fields import Answer, Body, RequiredText, Text, WireTime, WireUUID
from furze.platform.types import User, UserBasic

Status = Literal["idle", "in_progress", "canceling"]
AgentMode = Literal[
    "product_analytics",
    "sql",
    "session_replay",
    "error_tracking",
    "plan",
    "execution",
    "survey",
    "research",
    "flags",
    "llm_analytics",
    "sandbox",
    "user_interview",
    "customer_analytics",
]

#: Entries of the log that readers see, by event name; the others are the log's own notes.
WIRE_EVENTS = frozenset(["conversation", "message", "update", "status", "approval"])
#: The log entry that ends a stream.
END = "end"
#: The log entry that says a tool call which must not run twice has begun.
STARTED = "started"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation. `stream_sequence` is the log position just before the newest stream's first event."""

    id: UUID
    project_id: int
    user: User
    status: Status
    title: str | None
    topic: str | None
    type: str
    is_internal: bool | None
    slack_thread_key: str | None
    slack_workspace_domain: str | None
    agent_mode: str | None
    is_queue_open: bool
    turn_id: UUID | None
    job_id: str | None
    stream_sequence: int
    last_sequence: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message, or one resume, and what the assistant does about it. `options` are the request's fields."""

    id: UUID
    conversation_id: UUID
    trace_id: UUID
    start_sequence: int
    options: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to append to the log. `private` is for us: models need it, clients never see it."""

    event: str
    payload: dict[str, Any]
    private: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log."""

    sequence: int
    turn_id: UUID | None
    event: str
    payload: dict[str, Any]
    private: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """A tool call that waits, or waited, for a person: an approval or a form. `answer` is what the person sent."""

    id: UUID
    conversation_id: UUID
    turn_id: UUID
    kind: Literal["approval", "form"]
    status: Literal["pending", "approved", "rejected", "auto_rejected"]
    tool_name: str
    tool_call_id: str
    message_id: str
    preview: str
    payload: dict[str, Any]
    answer: dict[str, Any] | None
    decided_by_id: int | None
    decided_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message that waits for the running turn to end."""

    id: UUID
    content: str
    options: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one person may ask. A rate is (requests, seconds); none by default, as on any self-hosted server."""

    rates: tuple[tuple[int, int], ...] = ()
    research_rates: tuple[tuple[int, int], ...] = ()
    queued_messages: int = 2
    open_streams: int = 2_000
    steps: int = 96
    turn_seconds: float = 30 * 60
    research_seconds: float = 60 * 60


#: PostHog's own rates, for a server that is open to many.
HOSTED_RATES = ((10, 60), (100, 86_400))
HOSTED_RESEARCH_RATES = ((3, 60), (10, 86_400))


def _not_null(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("null", "This field may not be null.")
    return value


def _is_ui_context(value: dict[str, Any]) -> bool:
    lists = (value.get(name) for name in ("dashboards", "insights", "events", "actions", "error_tracking_issues"))
    return all(each is None or _is_list_of_objects(each) for each in lists)


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _billing_context(value: Any) -> Any:
    if not isinstance(value, dict):
        return None
    history = value.get("spend_history")
    return {**value, "spend_history": None} if isinstance(history, list) and len(history) > 20 else value


def _at_most(length: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > length:
            raise PydanticCustomError("max_length", f"Ensure this field has no more than {length} characters.")
        return value

    return AfterValidator(check)


MessageText = Annotated[RequiredText, _at_most(40_000), WithJsonSchema({"type": "string", "maxLength": 40_000})]
ContextualTools = dict[str, Annotated[Any, AfterValidator(_not_null)]]
BillingContext = Annotated[dict[str, Any] | None, BeforeValidator(_billing_context)]


class _Steered(Body):
    """The fields that steer the assistant; PostHog validates `ui_context` after the others, without naming it."""

    @model_validator(mode="after")
    def _check_ui_context(self) -> "_Steered":
        if not _is_ui_context(getattr(self, "ui_context", {})):
            raise PydanticCustomError("invalid_input", "Invalid message content.")
        return self

    def options(self) -> dict[str, Any]:
        """What the turn needs to know of the request; None for what it did not say."""
        sent = self.model_dump(include=set(_OPTIONS), exclude_unset=True)
        return {name: sent.get(name) for name in _OPTIONS}


_OPTIONS = ("contextual_tools", "ui_context", "billing_context", "agent_mode")


class MessageBody(_Steered):
    """What POST conversations/ takes."""

    content: MessageText | None
    conversation: WireUUID
    contextual_tools: ContextualTools = {}
    ui_context: dict[str, Any] = {}
    billing_context: BillingContext = None
    trace_id: WireUUID
    session_id: Text | None = None
    agent_mode: AgentMode = "product_analytics"
    is_sandbox: bool = False
    resume_payload: Any = None


class QueueBody(_Steered):
    """What POST queue/ takes."""

    content: MessageText
    contextual_tools: ContextualTools = {}
    ui_context: dict[str, Any] = {}
    billing_context: BillingContext = None
    session_id: Text | None = None
    agent_mode: AgentMode = "product_analytics"


class QueueChange(Body):
    """What PATCH queue/:queue_id/ takes.

    `position`, which PostHog does not have, moves the message: the one at 0 is answered next.
    """

    content: MessageText
    position: Annotated[int, Field(ge=0)] | None = None


class TitleBody(Body):
    """What PATCH of a conversation takes, which PostHog does not have."""

    title: Annotated[RequiredText, _at_most(250), WithJsonSchema({"type": "string", "maxLength": 250})]


class AppendBody(Body):
    """What POST append_message/ takes."""

    content: Annotated[RequiredText, _at_most(10_000), WithJsonSchema({"type": "string", "maxLength": 10_000})]


class AppendAnswer(Answer):
    """The assistant message that was added."""

    id: UUID
    content: str


class EchoAnswer(Answer):
    """What POST conversations/ answers to a caller who asks for JSON: the request, as understood."""

    content: str | None
    conversation: UUID
    contextual_tools: dict[str, Any] | None
    ui_context: dict[str, Any] | None
    billing_context: dict[str, Any] | None
    trace_id: UUID
    session_id: str | None
    agent_mode: str | None
    resume_payload: Any


class BriefAnswer(Answer):
    """A conversation without its contents: what the `conversation` event carries."""

    id: UUID
    status: Status
    title: str | None
    topic: str | None
    user: UserBasic
    created_at: WireTime
    updated_at: WireTime
    type: str
    is_internal: bool | None
    slack_thread_key: str | None
    slack_workspace_domain: str | None
    task: dict[str, Any] | None = None


class ConversationAnswer(BriefAnswer):
    """A conversation."""

    messages: list[dict[str, Any]]
    has_unsupported_content: bool = False
    agent_mode: str | None
    agent_runtime: str = "langgraph"
    is_sandbox: bool = False
    pending_approvals: list[dict[str, Any]]


class QueueAnswer(ConversationAnswer):
    """A conversation with its queued messages as `messages`."""

    max_queue_messages: int
