"""Annotations that can be searched and counted, filled from the embedded contents.

With another retrieve plugin they come with the next indexing.
"""

import json

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import Line
from dtool_lookup_server.plugins.packing import unpack_json
from dtool_lookup_server.query.annotations import searchable_values

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "dataset_annotation"
INDEX = "ix_dataset_annotation_name_value"
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
    table = op.create_table(
        TABLE,
        sa.Column(
            "dataset_id",
            sa.Integer,
            sa.ForeignKey("dataset.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("name", Line(255), primary_key=True),
        sa.Column("value", Line(255), primary_key=True),
    )
    fill(op.get_bind(), table)
    op.create_index(INDEX, TABLE, ["name", "value", "dataset_id"])


def downgrade() -> None:
    op.drop_table(TABLE)


def fill(connection: sa.Connection, table: sa.Table) -> None:
    annotated = sa.select(CONTENT.c.dataset_id).where(CONTENT.c.kind == "annotations")
    for dataset_id in connection.scalars(annotated.distinct()).all():
        parts = (
            sa.select(CONTENT.c.content)
            .where(CONTENT.c.dataset_id == dataset_id, CONTENT.c.kind == "annotations")
            .order_by(CONTENT.c.part)
        )
        packed = b"".join(connection.scalars(parts))
        values = searchable_values(json.loads(unpack_json(packed)))
        rows = [
            {"dataset_id": dataset_id, "name": name, "value": value}
            for name, value in sorted(values)
        ]
        if rows:
            connection.execute(table.insert(), rows)
