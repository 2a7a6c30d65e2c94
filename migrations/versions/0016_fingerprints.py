"""What datasets looked like in their storage when they were read."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line

revision = "0016"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dataset_fingerprint",
        sa.Column(
            "dataset_id",
            sa.Integer(),
            sa.ForeignKey("dataset.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("fingerprint", Line(64), nullable=False),
        sa.Column("digest", Line(64), nullable=False),
        # A migration that was interrupted is run again.
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("dataset_fingerprint", if_exists=True)
