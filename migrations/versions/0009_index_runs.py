"""The newest run of indexing each base URI."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line, Timestamp

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "index_run",
        sa.Column(
            "base_uri_id",
            sa.Integer(),
            sa.ForeignKey("base_uri.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("state", Line(16), nullable=False),
        sa.Column("started_at", Timestamp, nullable=False),
        sa.Column("finished_at", Timestamp),
        sa.Column("registered", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("forgotten", sa.Integer(), nullable=False),
        sa.Column("error", Line(1000)),
        # A migration that was interrupted is run again.
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("index_run")
