"""Integrations: connections that exports share."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime, json_type

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of integrations, and let exports go by one."""
    op.create_table(
        "integration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("config", json_type(), nullable=False),
        sa.Column("secrets", sa.String(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["created_by_id"], ["user_account.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_integration_project", "integration", ["project_id"])
    # In one statement: SQLite adds a reference only together with its column.
    op.execute("ALTER TABLE batch_export ADD COLUMN integration_id INTEGER REFERENCES integration (id)")
