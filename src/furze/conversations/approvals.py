"""People decide: dangerous tool calls wait for an approval, forms for their answers.

A tool is wrapped, not the loop: the wrapper pauses until the call has a decision, then acts on it. The records of
pauses, who decided what and when, live here too.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    insert,
    select,
)
from sqlalchemy import update as update_rows

from furze.conversations.types import Pause
from furze.database import UTCDateTime, json_type, metadata
from furze.llm.arguments import fault
from furze.llm.types import Tool, ToolContext, ToolPaused, ToolResult
from furze.platform.errors import Conflict, InvalidInput

pauses = Table(
    "conversation_pause",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("conversation_id", Uuid, ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Uuid, nullable=False),
    Column("kind", String, nullable=False),
    Column("status", String, nullable=False),
    Column("tool_name", String, nullable=False),
    Column("tool_call_id", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("preview", String, nullable=False),
    Column("payload", json_type(), nullable=False),
    Column("answer", json_type()),
    Column("decided_by_id", Integer, ForeignKey("user_account.id", ondelete="SET NULL")),
    Column("decided_at", UTCDateTime),
    Column("created_at", UTCDateTime, nullable=False),
    UniqueConstraint("conversation_id", "tool_call_id"),
)

_DECISIONS: Mapping[str, str] = {
    "approve": "approved",
    "reject": "rejected",
    "form": "approved",
    "dismiss_form": "rejected",
}
_APPROVAL_ACTIONS = ("approve", "reject")


def guarded(tool: Tool) -> Tool:
    """The tool with its dangerous calls held back until a person has decided."""

    async def run(arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        if not tool.is_dangerous(arguments):
            return await tool.run(arguments, context)
        decision = context.decision
        if decision is None:
            raise ToolPaused("approval", preview=tool.preview(arguments))
        if decision.get("action") != "approve":
            return ToolResult(_rejection(decision))
        return await tool.run(_edited(tool, arguments, decision), context)

    return replace(tool, run=run)


def _rejection(decision: Mapping[str, Any]) -> str:
    feedback = decision.get("feedback")
    said = f" They said: {feedback}" if feedback else ""
    return f"The person rejected this operation, so it was not carried out.{said} Do not try it again unasked."


def _edited(tool: Tool, arguments: dict[str, Any], decision: Mapping[str, Any]) -> dict[str, Any]:
    edited = decision.get("payload")
    return edited if isinstance(edited, dict) and fault(edited, tool.parameters) is None else arguments


def form_answers(context: ToolContext) -> dict[str, Any] | None:
    """The answers to the form that this call shows, or None when the person dismissed it; pauses until then."""
    if context.decision is None:
        raise ToolPaused("form")
    answers = context.decision.get("form_answers")
    return dict(answers) if isinstance(answers, Mapping) else None


def record(
    connection: Connection, conversation_id: UUID, *, turn_id: UUID, now: datetime, **values: Any
) -> tuple[Pause, bool]:
    """Note that a tool call waits; the same call waits only once. The pause, and whether it is new."""
    known = pause_of_call(connection, conversation_id, values["tool_call_id"])
    if known is not None:
        return known, False
    row = {"id": uuid4(), "conversation_id": conversation_id, "turn_id": turn_id, "status": "pending"}
    stored = connection.execute(insert(pauses).values(**row, **values, created_at=now).returning(*pauses.c)).one()
    return _pause(stored), True


def listed(connection: Connection, conversation_ids: list[UUID]) -> list[Pause]:
    """Every pause of conversations, decided ones too, oldest first."""
    query = select(pauses).where(pauses.c.conversation_id.in_(conversation_ids))
    return [_pause(row) for row in connection.execute(query.order_by(pauses.c.created_at, pauses.c.id))]


def pause_of_call(connection: Connection, conversation_id: UUID, tool_call_id: str) -> Pause | None:
    """The pause of a tool call."""
    own = (pauses.c.conversation_id == conversation_id, pauses.c.tool_call_id == tool_call_id)
    row = connection.execute(select(pauses).where(*own)).first()
    return _pause(row) if row else None


def decide(
    connection: Connection, conversation_id: UUID, payload: object, *, user_id: int, now: datetime
) -> tuple[Pause, bool] | None:
    """Record a person's decision, once: the pause it decides and whether it is news; None when nothing waits.

    Raises `InvalidInput` for an unknown action or proposal and `Conflict` for a second, different decision.
    """
    known = payload if isinstance(payload, dict) and payload.get("action") in _DECISIONS else None
    if known is None:
        raise InvalidInput(
            f"Unknown resume payload. Send an object whose action is one of {', '.join(_DECISIONS)}.",
            attr="resume_payload",
        )
    pause = _addressed(listed(connection, [conversation_id]), known)
    if pause is None:
        return None
    status = _DECISIONS[known["action"]]
    if pause.status != "pending":
        if pause.status == status:
            return pause, False
        raise Conflict(f"Proposal {str(pause.id)!r} has already been {pause.status}.")
    decided = {"status": status, "answer": known, "decided_by_id": user_id, "decided_at": now}
    row = connection.execute(update_rows(pauses).where(pauses.c.id == pause.id).values(**decided).returning(*pauses.c))
    return _pause(row.one()), True


def _addressed(all_pauses: list[Pause], payload: dict[str, Any]) -> Pause | None:
    if payload["action"] not in _APPROVAL_ACTIONS:
        return next((each for each in all_pauses if each.kind == "form" and each.status == "pending"), None)
    proposal = payload.get("proposal_id")
    approvals = [each for each in all_pauses if each.kind == "approval"]
    if proposal is None and not approvals:
        return None
    found = next((each for each in approvals if str(each.id) == str(proposal).lower()), None)
    if found is None:
        raise InvalidInput(f"No proposal {proposal!r} in this conversation.", attr="resume_payload")
    return found


def abandon(connection: Connection, conversation_id: UUID, *, user_id: int | None, now: datetime) -> None:
    """Reject whatever still waits: the person moved on."""
    waiting = (pauses.c.conversation_id == conversation_id, pauses.c.status == "pending")
    connection.execute(
        update_rows(pauses).where(*waiting).values(status="auto_rejected", decided_by_id=user_id, decided_at=now)
    )


def wire(pause: Pause) -> dict[str, Any]:
    """An approval on the wire."""
    return {
        "proposal_id": str(pause.id),
        "decision_status": pause.status,
        "tool_name": pause.tool_name,
        "preview": pause.preview,
        "payload": pause.payload,
        "original_tool_call_id": pause.tool_call_id,
        "message_id": pause.message_id,
    }


def _pause(row: Row[Any]) -> Pause:
    return Pause(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented mapping view
