"""Tags, contents and the full-text index beside the datasets; longer URIs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGBLOB

from dtool_lookup_server.plugins.sql.tables import (
    create_text_index,
    drop_text_index,
)
from dtool_lookup_server.services.base_uris import normalised
from dtool_lookup_server.sql_models import Timestamp

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PERMISSIONS = ("search_permissions", "register_permissions")

CONTENT = sa.LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")

BASE_URI = sa.table("base_uri", sa.column("id"), sa.column("base_uri"))
DATASET = sa.table("dataset", sa.column("base_uri_id"))


def upgrade() -> None:
    widen()
    unify_base_uris(op.get_bind())
    for name in PERMISSIONS:
        op.create_index(f"ix_{name}_base_uri_id", name, ["base_uri_id"])
    op.create_table(
        "dataset_tag",
        sa.Column(
            "dataset_id",
            sa.Integer(),
            sa.ForeignKey("dataset.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("tag", sa.String(255), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
    )
    op.create_index("ix_dataset_tag_tag", "dataset_tag", ["tag", "dataset_id"])
    op.create_table(
        "dataset_content",
        sa.Column(
            "dataset_id",
            sa.Integer(),
            sa.ForeignKey("dataset.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("readme", CONTENT, nullable=False),
        sa.Column("manifest", CONTENT, nullable=False),
        sa.Column("annotations", CONTENT, nullable=False),
    )
    create_text_index(op.get_bind())


def downgrade() -> None:
    drop_text_index(op.get_bind())
    op.drop_table("dataset_content")
    op.drop_table("dataset_tag")
    for name in PERMISSIONS:
        op.drop_index(f"ix_{name}_base_uri_id", name)
    narrow()


def widen() -> None:
    with op.batch_alter_table("user") as table:
        table.alter_column("username", existing_type=sa.String(64), nullable=False)
    with op.batch_alter_table("base_uri") as table:
        table.alter_column("base_uri", type_=sa.String(1024), nullable=False)
    with op.batch_alter_table("dataset") as table:
        table.alter_column("uri", type_=sa.String(1024), existing_nullable=False)
        table.alter_column("name", type_=sa.String(255), existing_nullable=False)
        table.alter_column("number_of_items", type_=sa.BigInteger())
        for column in ("frozen_at", "created_at"):
            table.alter_column(column, type_=Timestamp, existing_nullable=False)
        table.add_column(sa.Column("type", sa.String(255)))
        table.add_column(sa.Column("dtoolcore_version", sa.String(255)))
        table.add_column(sa.Column("digest", sa.String(64)))
        table.create_index("ix_dataset_base_uri_id", ["base_uri_id"])
        table.create_index("ix_dataset_frozen_at", ["frozen_at"])


def unify_base_uris(connection: sa.Connection) -> None:
    """Give each base URI its one spelling, which 0.18 did not ask for.

    Where a base URI was registered in several, the first row takes the permissions
    and the datasets of the others.
    """
    rows = connection.execute(sa.select(BASE_URI).order_by(BASE_URI.c.id)).all()
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(one_spelling(row.base_uri), []).append(row.id)
    for spelling, (kept, *others) in ids.items():
        for other in others:
            for name in PERMISSIONS:
                move_permissions(connection, name, other, kept)
            moved = DATASET.update().where(DATASET.c.base_uri_id == other)
            connection.execute(moved.values(base_uri_id=kept))
            connection.execute(BASE_URI.delete().where(BASE_URI.c.id == other))
        kept_row = BASE_URI.update().where(BASE_URI.c.id == kept)
        connection.execute(kept_row.values(base_uri=spelling))


def one_spelling(base_uri: str) -> str:
    # 0.18 took any text over HTTP; what is no URI stays as it is, and is of no use.
    is_one = base_uri.startswith("/") or "://" in base_uri
    return normalised(base_uri) if is_one else base_uri


def move_permissions(
    connection: sa.Connection, name: str, source: int, target: int
) -> None:
    table = sa.table(name, sa.column("user_id"), sa.column("base_uri_id"))

    def holders(base_uri_id: int) -> set[int]:
        held = sa.select(table.c.user_id).where(table.c.base_uri_id == base_uri_id)
        return set(connection.scalars(held))

    for user_id in holders(source) - holders(target):
        connection.execute(table.insert().values(user_id=user_id, base_uri_id=target))
    connection.execute(table.delete().where(table.c.base_uri_id == source))


def narrow() -> None:
    with op.batch_alter_table("dataset") as table:
        table.drop_index("ix_dataset_frozen_at")
        table.drop_index("ix_dataset_base_uri_id")
        for column in ("digest", "dtoolcore_version", "type"):
            table.drop_column(column)
        table.alter_column("number_of_items", type_=sa.Integer())
        for column in ("frozen_at", "created_at"):
            table.alter_column(column, type_=sa.DateTime(), existing_nullable=False)
        table.alter_column("name", type_=sa.String(80), existing_nullable=False)
        table.alter_column("uri", type_=sa.String(255), existing_nullable=False)
    with op.batch_alter_table("base_uri") as table:
        table.alter_column("base_uri", type_=sa.String(255), nullable=True)
    with op.batch_alter_table("user") as table:
        table.alter_column("username", existing_type=sa.String(64), nullable=True)
