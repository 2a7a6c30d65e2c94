"""Attempts at passwords, which all workers count."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line, Timestamp

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "token_attempt",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("username", Line(64), nullable=False),
        sa.Column("address", Line(64), nullable=False),
        sa.Column("tried_at", Timestamp, nullable=False),
    )
    for column in ("username", "address", "tried_at"):
        op.create_index(f"ix_token_attempt_{column}", "token_attempt", [column])


def downgrade() -> None:
    op.drop_table("token_attempt")
