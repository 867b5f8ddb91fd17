"""Batch exports, their runs and backfills, what was delivered, logs."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime, json_type

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of batch exports."""
    op.create_table(
        "batch_export",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("destination_type", sa.String(), nullable=False),
        sa.Column("config", json_type(), nullable=False),
        sa.Column("secrets", sa.String(), nullable=True),
        sa.Column("interval", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("interval_offset", sa.Integer(), nullable=True),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("last_paused_at", UTCDateTime(), nullable=True),
        sa.Column("start_at", UTCDateTime(), nullable=True),
        sa.Column("end_at", UTCDateTime(), nullable=True),
        sa.Column("hogql_query", sa.String(), nullable=True),
        sa.Column("query_schema", json_type(), nullable=True),
        sa.Column("filters", json_type(), nullable=True),
        sa.Column("hogql_modifiers", json_type(), nullable=True),
        sa.Column("primary_key", json_type(), nullable=True),
        sa.Column("version_key", sa.String(), nullable=True),
        sa.Column("incremental_mode", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_updated_at", UTCDateTime(), nullable=False),
        sa.Column("next_start", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["user_account.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_export")),
    )
    op.create_index(op.f("ix_batch_export_due"), "batch_export", ["due_at"])
    op.create_index(op.f("ix_batch_export_project"), "batch_export", ["project_id", "created_at"])
    op.create_table(
        "batch_export_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("backfill_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("window_start", UTCDateTime(), nullable=True),
        sa.Column("window_end", UTCDateTime(), nullable=False),
        sa.Column("from_position", sa.BigInteger(), nullable=False),
        sa.Column("to_position", sa.BigInteger(), nullable=False),
        sa.Column("by_time", sa.Boolean(), nullable=False),
        sa.Column("stem", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("is_repeat", sa.Boolean(), nullable=False),
        sa.Column("is_resend", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("claimed_at", UTCDateTime(), nullable=True),
        sa.Column("commit_started_at", UTCDateTime(), nullable=True),
        sa.Column("records_completed", sa.BigInteger(), nullable=True),
        sa.Column("records_total_count", sa.BigInteger(), nullable=True),
        sa.Column("records_failed", sa.BigInteger(), nullable=False),
        sa.Column("bytes_exported", sa.BigInteger(), nullable=True),
        sa.Column("latest_error", sa.String(), nullable=True),
        sa.Column("files", json_type(), nullable=True),
        sa.Column("reconciliation", json_type(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_updated_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["export_id"], ["batch_export.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_export_run")),
    )
    op.create_index(op.f("ix_batch_export_run_backfill_id"), "batch_export_run", ["backfill_id"])
    op.create_index(op.f("ix_batch_export_run_created"), "batch_export_run", ["export_id", "created_at"])
    op.create_index(op.f("ix_batch_export_run_status"), "batch_export_run", ["export_id", "status"])
    op.create_index(op.f("ix_batch_export_run_window"), "batch_export_run", ["export_id", "window_start"])
    op.create_table(
        "batch_export_backfill",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("start_at", UTCDateTime(), nullable=True),
        sa.Column("end_at", UTCDateTime(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("is_retry", sa.Boolean(), nullable=False),
        sa.Column("is_resend", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("next_start", UTCDateTime(), nullable=True),
        sa.Column("adjusted_start_at", UTCDateTime(), nullable=True),
        sa.Column("total_records_count", sa.BigInteger(), nullable=True),
        sa.Column("total_runs", sa.Integer(), nullable=False),
        sa.Column("finished_runs", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_updated_at", UTCDateTime(), nullable=False),
        sa.Column("finished_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["export_id"], ["batch_export.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_export_backfill")),
    )
    op.create_index(op.f("ix_batch_export_backfill_created"), "batch_export_backfill", ["export_id", "created_at"])
    op.create_index(op.f("ix_batch_export_backfill_status"), "batch_export_backfill", ["project_id", "status"])
    op.create_table(
        "batch_export_delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("from_position", sa.BigInteger(), nullable=False),
        sa.Column("to_position", sa.BigInteger(), nullable=False),
        sa.Column("start_at", UTCDateTime(), nullable=True),
        sa.Column("end_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["export_id"], ["batch_export.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_export_delivery")),
    )
    op.create_index(op.f("ix_batch_export_delivery_export_id"), "batch_export_delivery", ["export_id"])
    op.create_table(
        "batch_export_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("timestamp", UTCDateTime(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["batch_export.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_export_log")),
    )
    op.create_index(op.f("ix_batch_export_log_export"), "batch_export_log", ["export_id", "timestamp"])
    op.create_index(op.f("ix_batch_export_log_run_id"), "batch_export_log", ["run_id"])


def downgrade() -> None:
    """Drop the tables of batch exports."""
    for table in ("log", "delivery", "backfill", "run"):
        op.drop_table(f"batch_export_{table}")
    op.drop_table("batch_export")
