"""Usage metrics, and the definitions of events and properties."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime, json_type

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of `furze.people`."""
    _create_usage_metrics()
    _create_definitions()


def _create_usage_metrics() -> None:
    op.create_table(
        "usage_metric",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("display", sa.String(), nullable=False),
        sa.Column("filters", json_type(), nullable=False),
        sa.Column("math", sa.String(), nullable=False),
        sa.Column("math_property", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_metric")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_usage_metric_project_id_name")),
    )


def _create_definitions() -> None:
    op.create_table(
        "event_definition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", json_type(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_definition")),
        sa.UniqueConstraint("project_id", "name", name=op.f("uq_event_definition_project_id_name")),
    )
    op.create_table(
        "property_definition",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("group_type_index", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kinds", sa.Integer(), nullable=False),
        sa.Column("property_type", sa.String(), nullable=True),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("tags", json_type(), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_property_definition")),
        sa.UniqueConstraint("project_id", "type", "group_type_index", "name"),
    )
    op.create_table(
        "event_property",
        sa.Column("project_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("property", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "event", "property", name=op.f("pk_event_property")),
    )
    op.create_index("ix_event_property_property", "event_property", ["project_id", "property"])
