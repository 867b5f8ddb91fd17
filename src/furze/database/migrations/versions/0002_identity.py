"""Persons, their distinct ids, group types, groups, ingestion warnings, and how far the writer has come."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime, json_type

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of `furze.identity`."""
    op.create_table(
        "person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.Uuid(), nullable=False),
        sa.Column("properties", json_type(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("last_seen_at", UTCDateTime(), nullable=False),
        sa.Column("is_identified", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("project_id", "uuid", name=op.f("uq_person_project_id_uuid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_person_newest", "person", ["project_id", "created_at"])
    op.create_table(
        "distinct_id",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("distinct_id", sa.String(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distinct_id")),
        sa.UniqueConstraint("project_id", "distinct_id", name=op.f("uq_distinct_id_project_id_distinct_id")),
    )
    op.create_index(op.f("ix_distinct_id_person_id"), "distinct_id", ["person_id"])
    op.create_table(
        "group_type",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("group_type_index", sa.Integer(), nullable=False),
        sa.Column("group_type", sa.String(), nullable=False),
        sa.Column("name_singular", sa.String(), nullable=True),
        sa.Column("name_plural", sa.String(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "group_type_index", name=op.f("pk_group_type")),
        sa.UniqueConstraint("project_id", "group_type", name=op.f("uq_group_type_project_id_group_type")),
    )
    op.create_table(
        "group",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("group_type_index", sa.Integer(), nullable=False),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("group_properties", json_type(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("updated_at", UTCDateTime(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "group_type_index", "group_key", name=op.f("pk_group")),
    )
    op.create_table(
        "ingestion_warning",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("details", json_type(), nullable=False),
        sa.Column("timestamp", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ingestion_warning")),
    )
    op.create_index("ix_ingestion_warning_newest", "ingestion_warning", ["project_id", "timestamp"])
    op.create_table(
        "ingest_progress",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_ingest_progress")),
    )
