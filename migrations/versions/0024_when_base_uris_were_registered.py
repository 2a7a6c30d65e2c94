"""When a base URI was registered, which tells it from one that was deleted."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server import dataset_json
from dtool_lookup_server.columns import Timestamp
from dtool_lookup_server.sql_models import utc_now

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BASE_URI = sa.table(
    "base_uri",
    sa.column("id", sa.Integer),
    sa.column("registered_at", Timestamp),
)


def upgrade() -> None:
    # MariaDB commits after every statement: a step that was interrupted is run again.
    columns = sa.inspect(op.get_bind()).get_columns("base_uri")
    if "registered_at" not in {column["name"] for column in columns}:
        op.add_column("base_uri", sa.Column("registered_at", Timestamp))
    # One of before throws the JSON of all datasets away when a base URI gets a time.
    dataset_json.make_triggers_anew(op.get_bind())
    unknown = _BASE_URI.c.registered_at.is_(None)
    op.execute(sa.update(_BASE_URI).where(unknown).values(registered_at=utc_now()))


def downgrade() -> None:
    op.drop_column("base_uri", "registered_at")
