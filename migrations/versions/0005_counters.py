"""Counters of datasets, so that nobody has to count them."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line
from dtool_lookup_server.services.counters import fill

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_counter",
        sa.Column("kind", Line(16), primary_key=True),
        sa.Column("value", Line(255), primary_key=True),
        sa.Column(
            "base_uri_id",
            sa.Integer(),
            sa.ForeignKey("base_uri.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("size_upper", sa.BigInteger(), nullable=False),
        sa.Column("size_lower", sa.BigInteger(), nullable=False),
        if_not_exists=True,
    )
    op.create_index(
        "ix_dataset_counter_base_uri_id",
        "dataset_counter",
        ["base_uri_id"],
        if_not_exists=True,
    )
    fill(op.get_bind())


def downgrade() -> None:
    op.drop_table("dataset_counter", if_exists=True)
