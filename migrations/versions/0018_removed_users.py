"""When a user was removed, so that a token of before is not the next one's."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line, Timestamp

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    op.create_table(
        "removed_user",
        sa.Column("username", Line(64), primary_key=True),
        sa.Column("removed_at", Timestamp, nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    op.drop_table("removed_user", if_exists=True)
