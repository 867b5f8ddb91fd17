"""Conversations: their log, turns, queue and pauses."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime, json_type

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CONVERSATION = "conversation.id"


def upgrade() -> None:
    """Create the tables of the conversations slice."""
    op.create_table(
        "conversation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("title", sa.String(250), nullable=True),
        sa.Column("topic", sa.String(), nullable=True),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=True),
        sa.Column("slack_thread_key", sa.String(), nullable=True),
        sa.Column("slack_workspace_domain", sa.String(), nullable=True),
        sa.Column("agent_mode", sa.String(), nullable=True),
        sa.Column("is_queue_open", sa.Boolean(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.String(), nullable=True),
        sa.Column("stream_sequence", sa.Integer(), nullable=False),
        sa.Column("last_sequence", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("deleted_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
    )
    op.create_index("ix_conversation_owner", "conversation", ["project_id", "user_id", "updated_at"])
    op.create_table(
        "conversation_turn",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("trace_id", sa.Uuid(), nullable=False),
        sa.Column("start_sequence", sa.Integer(), nullable=False),
        sa.Column("options", json_type(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], [_CONVERSATION], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_turn")),
        sa.UniqueConstraint("conversation_id", "trace_id"),
    )
    op.create_table(
        "conversation_log",
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("turn_id", sa.Uuid(), nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("payload", json_type(), nullable=False),
        sa.Column("private", json_type(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], [_CONVERSATION], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("conversation_id", "sequence", name=op.f("pk_conversation_log")),
    )
    op.create_table(
        "conversation_queue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("options", json_type(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], [_CONVERSATION], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_queue")),
    )
    op.create_index(op.f("ix_conversation_queue_conversation_id"), "conversation_queue", ["conversation_id"])
    op.create_table(
        "conversation_pause",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("turn_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("tool_name", sa.String(), nullable=False),
        sa.Column("tool_call_id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("preview", sa.String(), nullable=False),
        sa.Column("payload", json_type(), nullable=False),
        sa.Column("answer", json_type(), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_at", UTCDateTime(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], [_CONVERSATION], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["decided_by_id"], ["user_account.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation_pause")),
        sa.UniqueConstraint("conversation_id", "tool_call_id"),
    )
