"""The moment before which a user's tokens are worthless."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Timestamp

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    known = sa.inspect(op.get_bind()).get_columns("user")
    if "tokens_valid_from" not in {column["name"] for column in known}:
        op.add_column("user", sa.Column("tokens_valid_from", Timestamp))


def downgrade() -> None:
    op.drop_column("user", "tokens_valid_from")
