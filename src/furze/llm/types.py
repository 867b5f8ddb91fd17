"""What a model is, what a tool is, and what passes between them: plain values."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol
from uuid import UUID

from furze.platform.auth import Access
from furze.platform.types import PersonalApiKey, Project, User

Role = Literal["user", "assistant", "tool"]
FinishReason = Literal["stop", "tool_calls", "length", "refusal"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to call a tool. `error` says what was wrong with arguments that could not be read."""

    id: str
    name: str
    arguments: dict[str, Any]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the history a model sees. A `tool` message answers the call `tool_call_id`."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """A tool call whose arguments are still on their way."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them."""

    input_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete; always the last event."""

    reason: FinishReason
    usage: Usage = Usage()


ModelEvent = TextDelta | ToolCallStarted | ToolCall | Finished


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool as a model sees it. `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What one answer is made from."""

    system: str
    messages: tuple[Message, ...]
    tools: tuple[ToolDefinition, ...] = ()


class Model(Protocol):
    """Answers a request as a stream of events, `Finished` last. Raises a `ModelError` when it can't."""

    @property
    def name(self) -> str:
        """How answers name their author."""
        ...

    @property
    def is_language_model(self) -> bool:
        """Whether its words are generated, so that its numbers are checked; the built-in assistant computes them."""
        ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """The answer, piece by piece. Closing it closes the connection behind it."""
        ...


class ModelError(Exception):
    """The model did not answer. `text` is what the person in the conversation reads."""

    text: ClassVar[str] = "I'm unable to respond right now. Please try again later."


class ModelUnavailable(ModelError):
    """The provider is unreachable, too slow, over its quota, or failing: the same request may work later."""

    text = "I'm unable to respond right now due to a temporary service issue. Please try again later."


class ModelUnreachable(ModelUnavailable):
    """Nothing answers at the model's address."""

    text = f"{ModelUnavailable.text} Nothing answers at the address of the model."


class ModelOverQuota(ModelUnavailable):
    """The provider counts too many requests or tokens, or an unpaid bill."""

    text = f"{ModelUnavailable.text} The model's provider says that its limit or its quota is reached."


class ModelKeyRefused(ModelError):
    """The provider does not take the key."""

    text = f"{ModelError.text} The model's provider refused the API key: whoever runs this server can change it."


class ModelNotFound(ModelError):
    """The provider has no such model, or the address leads elsewhere."""

    text = f"{ModelError.text} There is no such model at its address: whoever runs this server can change it."


class ModelRejectedRequest(ModelError):
    """The provider refuses this request as it is: usually the conversation is longer than the model's context."""

    text = "I'm unable to process this request. The conversation may be too long. Please start a new conversation."


class ModelContextFull(ModelRejectedRequest):
    """The request is longer than what the model can read at once."""

    text = (
        f"{ModelRejectedRequest.text} If a new one fails too, the model's context is too small for the tools here: "
        "choose a larger model, or give this one more context."
    )


class ModelWithoutTools(ModelRejectedRequest):
    """The model can't call tools."""

    text = f"{ModelError.text} This model can't call tools, without which it has no data: choose another one."


@dataclass(frozen=True, slots=True)
class Artifact:
    """Something to open, edit and rerun: `content` as in an `ai/artifact` message."""

    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gives back: text for the model, and optionally a chart or data for the page."""

    text: str
    artifact: Artifact | None = None
    ui_payload: Any = None


@dataclass(frozen=True, slots=True)
class ToolContext:
    """Where and for whom a tool runs. `update` shows a progress line; `decision` is a person's answer to a pause."""

    project: Project
    user: User
    scopes: tuple[str, ...]
    conversation_id: UUID
    tool_call_id: str
    agent_mode: str
    update: Callable[[str], Awaitable[None]]
    decision: Mapping[str, Any] | None = None
    page: Mapping[str, Any] = field(default_factory=dict)

    @property
    def access(self) -> Access:
        """The person of the conversation, as whom the assistant acts: within the scopes of the key in use."""
        since = self.user.created_at
        key = PersonalApiKey("", self.user.id, "assistant", "", self.scopes, (), (), since, None, None)
        return Access(self.user, key, self.project)


class ToolError(Exception):
    """A tool can't do what was asked. The model reads the message and may try again differently."""


class ToolPaused(Exception):
    """The tool waits for a person. The turn ends here and goes on when the answer comes."""

    def __init__(self, kind: Literal["approval", "form"], *, preview: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.preview = preview


ToolRun = Callable[[dict[str, Any], ToolContext], Awaitable[ToolResult]]


@dataclass(frozen=True)
class Tool:
    """A tool, declared: the loop runs it, times it out, records it and asks for approval.

    `scope` is what the caller's key must hold. `is_dangerous` tells from the arguments whether a person must approve,
    and `preview` says in Markdown what would happen. A tool that is not `repeatable` is never run twice for one call,
    not even when the server died in the middle of it. `modes` None means every mode. `said` is what people will read of
    its arguments as the assistant's own words: numbers that no tool returned are refused there too.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: ToolRun
    scope: str | None = None
    is_dangerous: Callable[[dict[str, Any]], bool] = lambda _arguments: False
    preview: Callable[[dict[str, Any]], str] = lambda _arguments: ""
    repeatable: bool = True
    deadline_seconds: float = 120
    modes: frozenset[str] | None = None
    said: Callable[[dict[str, Any]], str] | None = None

    @property
    def definition(self) -> ToolDefinition:
        """The tool as a model sees it."""
        return ToolDefinition(self.name, self.description, self.parameters)
