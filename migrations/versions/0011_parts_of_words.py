"""What parts of words are looked for in, filled from the datasets and their manifests.

With another retrieve plugin the paths of items come with the next indexing.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.plugins.packing import unpack_json
from dtool_lookup_server.plugins.parts import rows_of
from dtool_lookup_server.substrings import Searched, create_index, drop_index

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = "dataset_part"
COLUMNS = ("name", "tag", "creator", "uri", "item")
# Datasets that are read at once; their manifests are read one by one.
BATCH = 500

DATASET = sa.table(
    "dataset",
    sa.column("id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("creator_username", sa.String),
    sa.column("uri", sa.String),
)
TAG = sa.table(
    "dataset_tag",
    sa.column("dataset_id", sa.Integer),
    sa.column("tag", sa.String),
    sa.column("position", sa.Integer),
)
CONTENT = sa.table(
    "dataset_content",
    sa.column("dataset_id", sa.Integer),
    sa.column("kind", sa.String),
    sa.column("part", sa.Integer),
    sa.column("content", sa.LargeBinary),
)


def upgrade() -> None:
    # MariaDB commits after every statement: one that was interrupted is run again.
    drop()
    table = op.create_table(
        TABLE,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "dataset_id",
            sa.Integer,
            sa.ForeignKey("dataset.id", ondelete="CASCADE"),
            nullable=False,
        ),
        *(sa.Column(name, Searched, nullable=False) for name in COLUMNS),
    )
    op.create_index(f"ix_{TABLE}_dataset_id", TABLE, ["dataset_id"])
    # SQLite's index follows the table, PostgreSQL's is faster made of all rows.
    follows = op.get_bind().dialect.name == "sqlite"
    if follows:
        create_index(op.get_bind(), TABLE, COLUMNS)
    fill(op.get_bind(), table)
    if not follows:
        create_index(op.get_bind(), TABLE, COLUMNS)


def downgrade() -> None:
    drop()


def drop() -> None:
    drop_index(op.get_bind(), TABLE)
    op.execute(f"DROP TABLE IF EXISTS {TABLE}")


def fill(connection: sa.Connection, table: sa.Table) -> None:
    for dataset in every_dataset(connection):
        tags = sa.select(TAG.c.tag).where(TAG.c.dataset_id == dataset.id)
        info = {
            **dataset._asdict(),
            "tags": list(connection.scalars(tags.order_by(TAG.c.position))),
            "manifest": manifest_of(connection, dataset.id),
        }
        for row in rows_of(info):
            connection.execute(table.insert(), {"dataset_id": dataset.id, **row})


def every_dataset(connection: sa.Connection) -> Iterator[Any]:
    last = -1
    page = sa.select(DATASET).order_by(DATASET.c.id).limit(BATCH)
    while rows := connection.execute(page.where(DATASET.c.id > last)).all():
        yield from rows
        last = rows[-1].id


def manifest_of(connection: sa.Connection, dataset_id: int) -> Any:
    parts = (
        sa.select(CONTENT.c.content)
        .where(CONTENT.c.dataset_id == dataset_id, CONTENT.c.kind == "manifest")
        .order_by(CONTENT.c.part)
    )
    packed = b"".join(connection.scalars(parts))
    return json.loads(unpack_json(packed)) if packed else None
