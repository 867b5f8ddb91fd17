"""Sessions of browsers, and the links that begin one."""

import sqlalchemy as sa
from alembic import op

from furze.database.schema import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_USER = "user_account.id"


def upgrade() -> None:
    """Create the tables of sessions."""
    op.create_table(
        "session",
        sa.Column("secure_value", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [_USER], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secure_value", name=op.f("pk_session")),
    )
    op.create_table(
        "sign_in_link",
        sa.Column("secure_value", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], [_USER], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("secure_value", name=op.f("pk_sign_in_link")),
    )
    for table in ("session", "sign_in_link"):
        op.create_index(op.f(f"ix_{table}_user_id"), table, ["user_id"])
        op.create_index(op.f(f"ix_{table}_expires_at"), table, ["expires_at"])
