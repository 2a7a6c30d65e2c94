"""The words of each base URI, for misspelled ones, filled from what is registered.

With another retrieve plugin those of READMEs come with the next indexing.
"""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line
from dtool_lookup_server.plugins.packing import unpack_json, unpack_text
from dtool_lookup_server.plugins.spelling import words_of_dataset
from dtool_lookup_server.services.spelling import remember

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "base_uri_word"
# Datasets that are read at once; their contents are read one by one.
BATCH = 500
KINDS = ("readme", "annotations", "manifest")

DATASET = sa.table(
    "dataset",
    sa.column("id", sa.Integer),
    sa.column("base_uri_id", sa.Integer),
    sa.column("name", sa.String),
    sa.column("creator_username", sa.String),
)
TAG = sa.table(
    "dataset_tag", sa.column("dataset_id", sa.Integer), sa.column("tag", sa.String)
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
    op.execute(f"DROP TABLE IF EXISTS {TABLE}")
    op.create_table(
        TABLE,
        sa.Column("word", Line(32), primary_key=True),
        sa.Column(
            "base_uri_id",
            sa.Integer,
            sa.ForeignKey("base_uri.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("backwards", Line(32), nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
    )
    op.create_index(f"ix_{TABLE}_base_uri_id", TABLE, ["base_uri_id"])
    op.create_index(f"ix_{TABLE}_backwards", TABLE, ["backwards", "base_uri_id"])
    fill(op.get_bind())


def downgrade() -> None:
    op.execute(f"DROP TABLE IF EXISTS {TABLE}")


def fill(connection: sa.Connection) -> None:
    for dataset in every_dataset(connection):
        tags = sa.select(TAG.c.tag).where(TAG.c.dataset_id == dataset.id)
        contents = {kind: content_of(connection, dataset.id, kind) for kind in KINDS}
        info = {**dataset._asdict(), **contents, "tags": list(connection.scalars(tags))}
        remember(connection, dataset.base_uri_id, words_of_dataset(info))


def every_dataset(connection: sa.Connection) -> Iterator[Any]:
    last = -1
    page = sa.select(DATASET).order_by(DATASET.c.id).limit(BATCH)
    while rows := connection.execute(page.where(DATASET.c.id > last)).all():
        yield from rows
        last = rows[-1].id


def content_of(connection: sa.Connection, dataset_id: int, kind: str) -> Any:
    parts = (
        sa.select(CONTENT.c.content)
        .where(CONTENT.c.dataset_id == dataset_id, CONTENT.c.kind == kind)
        .order_by(CONTENT.c.part)
    )
    packed = b"".join(connection.scalars(parts))
    if not packed:
        return None
    return unpack_text(packed) if kind == "readme" else json.loads(unpack_json(packed))
