"""Refusals that PostHog words outside its envelope; clients match on these bodies."""

from typing import ClassVar

from furze.platform.errors import ErrorAnswer, FurzeError
from furze.platform.fields import Answer


class PlainError(FurzeError):
    """A refusal whose body is `{"error": …}`, with a `detail` where there is one."""

    error: ClassVar[str]
    explanation: ClassVar[str | None] = None

    def envelope(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"error": self.error, **({"detail": self.explanation} if self.explanation else {})}


class NotYours(PlainError):
    """The conversation belongs to somebody else, or to another project."""

    status = 400
    error = "Cannot access other users' conversations"


class NotYourQueue(PlainError):
    """The queue belongs to somebody else's conversation, or to another project."""

    status = 403
    error = "Cannot access other users' conversations"


class Deleted(PlainError):
    """The conversation was deleted; its id is not used again."""

    status = 404
    error = "Conversation does not exist"


class NoConversation(PlainError):
    """There is no such conversation, or no longer."""

    status = 404
    error = "Conversation not found"


class NothingToStream(PlainError):
    """There is no such conversation, and no message to begin it with."""

    status = 400
    error = "Cannot stream from non-existent conversation"


class NotRunning(PlainError):
    """No turn runs that would take messages from the queue."""

    status = 409
    error = "not_running"
    explanation = "The assistant is not running. Send the message as a new message."


class QueueIsFull(PlainError):
    """As many messages wait as may."""

    status = 409
    error = "queue_full"
    explanation = "Only two messages can be queued at a time."


class NoQueuedMessage(FurzeError):
    """Queue message not found."""

    status = 404

    def envelope(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"detail": self.detail}


class ErrorOnlyAnswer(Answer):
    """The body of a `PlainError`."""

    error: str
    detail: str | None = None


class DetailOnlyAnswer(Answer):
    """The body of `NoQueuedMessage`."""

    detail: str


#: The refusals of an endpoint about one conversation, by status.
REFUSALS = dict.fromkeys((400, 403, 404, 409), ErrorAnswer | ErrorOnlyAnswer | DetailOnlyAnswer)
