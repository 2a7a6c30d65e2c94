"""On SQLite, datasets as JSON beside their rows, as lists show them."""

from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import op

from dtool_lookup_server import dataset_json

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_AT_ONCE = 500
_EPOCH = datetime(1970, 1, 1)

# As the tables are at this step, whatever becomes of the models.
_ROWS = sa.text(
    "SELECT dataset.id, base_uri, uri, uuid, name, creator_username, created_at,"
    " frozen_at, number_of_items, size_in_bytes, coalesce(type, 'dataset') AS type,"
    " dtoolcore_version, (SELECT json_group_array(tag) FROM"
    " (SELECT tag FROM dataset_tag WHERE dataset_id = dataset.id ORDER BY position))"
    " AS tags,"
    " uploaded_by, uploaded_at"
    " FROM dataset JOIN base_uri ON base_uri.id = base_uri_id"
    " WHERE dataset.id > :last ORDER BY dataset.id LIMIT :limit"
)
_KEEP = sa.text(
    f"INSERT OR REPLACE INTO {dataset_json.TABLE} (dataset_id, json)"
    " VALUES (:id, :json)"
)


def upgrade() -> None:
    connection = op.get_bind()
    if not dataset_json.is_kept(connection.dialect.name):
        return
    dataset_json.create(connection)
    last = -1
    while rows := connection.execute(_ROWS, {"last": last, "limit": _AT_ONCE}).all():
        kept = [{"id": row.id, "json": _json_of(row._asdict())} for row in rows]
        connection.execute(_KEEP, kept)
        last = rows[-1].id


def _json_of(row: dict[str, Any]) -> str:
    del row["id"]
    row["tags"] = orjson.loads(row["tags"])
    for name in ("created_at", "frozen_at", "uploaded_at"):
        if row[name] is not None:
            moment = datetime.fromisoformat(row[name])
            row[name] = (moment - _EPOCH).total_seconds()
    return orjson.dumps(row).decode()


def downgrade() -> None:
    dataset_json.drop(op.get_bind())
