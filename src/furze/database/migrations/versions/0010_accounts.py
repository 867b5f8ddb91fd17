"""Passwords; what is done in an organisation as a whole; invites; ids of projects that are gone."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what accounts need."""
    op.add_column("user_account", sa.Column("password_hash", sa.String()))
    with op.batch_alter_table("activity_log") as log:
        log.alter_column("project_id", existing_type=sa.Integer(), nullable=True)
        log.add_column(sa.Column("organization_id", sa.Uuid()))
        log.create_foreign_key(
            "fk_activity_log_organization_id_organization",
            "organization",
            ["organization_id"],
            ["id"],
            ondelete="CASCADE",
        )
    op.create_index(op.f("ix_activity_log_organization_id"), "activity_log", ["organization_id"])
    op.create_table(
        "deleted_project",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("deleted_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_project")),
    )
    op.create_table(
        "organization_invite",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("secure_value", sa.String(), nullable=False),
        sa.Column("target_email", sa.String(), nullable=True),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by_id"], ["user_account.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization_invite")),
        sa.UniqueConstraint("secure_value", name=op.f("uq_organization_invite_secure_value")),
    )
    op.create_index(op.f("ix_organization_invite_organization_id"), "organization_invite", ["organization_id"])
