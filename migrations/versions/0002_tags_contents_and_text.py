"""Tags, contents and the full-text index beside the datasets; longer URIs.

Each part looks whether it is done already: MariaDB commits after every statement,
PostgreSQL before the indexes, and a step that was interrupted is run again.
"""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.columns import (
    DIGEST_SUFFIX,
    Bytes,
    Line,
    Timestamp,
    add_digest,
)
from dtool_lookup_server.engines import MARIADB
from dtool_lookup_server.plugins.sql.tables import (
    create_text_index,
    drop_text_index,
)
from dtool_lookup_server.services.base_uris import normalised

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PERMISSIONS = ("search_permissions", "register_permissions")

# The columns of URIs, each with a unique index.
URIS = {"base_uri": "base_uri", "dataset": "uri"}

# What is looked up by, beside what 0.18 had.
INDEXES = {
    "ix_dataset_base_uri_id": ("dataset", ["base_uri_id"]),
    "ix_dataset_frozen_at": ("dataset", ["frozen_at"]),
    **{f"ix_{name}_base_uri_id": (name, ["base_uri_id"]) for name in PERMISSIONS},
}

# Of the dataset table, and how long each is.
NEW_COLUMNS = {"type": 255, "dtoolcore_version": 255, "digest": 64}

BASE_URI = sa.table("base_uri", sa.column("id"), sa.column("base_uri"))
DATASET = sa.table("dataset", sa.column("base_uri_id"))


def upgrade() -> None:
    widen()
    unify_base_uris(op.get_bind())
    if on(*MARIADB):
        make_unique()
    create_tables()
    create_text_index(op.get_bind())
    create_indexes()


def downgrade() -> None:
    drop_indexes()
    drop_text_index(op.get_bind())
    for table in ("dataset_content", "dataset_tag"):
        op.drop_table(table, if_exists=True)
    narrow()


def on(*databases: str) -> bool:
    return op.get_bind().dialect.name in databases


def columns_of(table: str) -> set[str]:
    return {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}


def indexes_of(table: str) -> set[str | None]:
    return {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}


def create_tables() -> None:
    def dataset_id() -> sa.Column[int]:
        key = sa.ForeignKey("dataset.id", ondelete="CASCADE")
        return sa.Column("dataset_id", sa.Integer(), key, primary_key=True)

    op.create_table(
        "dataset_tag",
        dataset_id(),
        sa.Column("tag", Line(255), primary_key=True),
        sa.Column("position", sa.Integer(), nullable=False),
        if_not_exists=True,
    )
    if "ix_dataset_tag_tag" not in indexes_of("dataset_tag"):
        op.create_index("ix_dataset_tag_tag", "dataset_tag", ["tag", "dataset_id"])
    op.create_table(
        "dataset_content",
        dataset_id(),
        sa.Column("kind", Line(16), primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True),
        sa.Column("content", Bytes, nullable=False),
        if_not_exists=True,
    )


def create_indexes() -> None:
    """Make the indexes, on PostgreSQL without keeping anybody from writing."""
    if not on("postgresql"):
        for name, (table, columns) in INDEXES.items():
            if name not in indexes_of(table):
                op.create_index(name, table, columns)
        return
    with op.get_context().autocommit_block():
        for name, (table, columns) in INDEXES.items():
            # One that was interrupted is there, and of no use.
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True)


def drop_indexes() -> None:
    for name, (table, columns) in INDEXES.items():
        if on(*MARIADB) and columns == ["base_uri_id"]:
            # The foreign key needs it, and had one of its own name before.
            op.execute(f"ALTER TABLE {table} RENAME INDEX {name} TO base_uri_id")
        else:
            op.drop_index(name, table)


def widen() -> None:
    for table, column in URIS.items():
        if on(*MARIADB) and f"ix_{table}_{column}" in indexes_of(table):
            op.drop_index(f"ix_{table}_{column}", table)
    with op.batch_alter_table("user") as batch:
        batch.alter_column("username", type_=Line(64), nullable=False)
    with op.batch_alter_table("base_uri") as batch:
        batch.alter_column("base_uri", type_=Line(1024), nullable=False)
    there = columns_of("dataset")
    with op.batch_alter_table("dataset") as batch:
        batch.alter_column("uri", type_=Line(1024), nullable=False)
        batch.alter_column("uuid", type_=Line(36), nullable=False)
        batch.alter_column("name", type_=Line(255), nullable=False)
        batch.alter_column("creator_username", type_=Line(255), nullable=False)
        batch.alter_column("number_of_items", type_=sa.BigInteger())
        for name in ("frozen_at", "created_at"):
            batch.alter_column(name, type_=Timestamp, nullable=False)
        for name, length in NEW_COLUMNS.items():
            if name not in there:
                batch.add_column(sa.Column(name, Line(length)))


def make_unique() -> None:
    """Make the long columns unique again, on MariaDB, where they had to be freed."""
    for table, column in URIS.items():
        if f"{column}{DIGEST_SUFFIX}" not in columns_of(table):
            add_digest(op.get_bind(), table, column)
        name = f"ix_{table}_{column}_start"
        if name not in indexes_of(table):
            lengths = {f"{database}_length": 700 for database in MARIADB}
            op.create_index(name, table, [column], **lengths)


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
    for table, column in URIS.items():
        if on(*MARIADB):
            op.drop_index(f"ix_{table}_{column}_start", table)
            op.drop_column(table, f"{column}{DIGEST_SUFFIX}")
    with op.batch_alter_table("dataset") as batch:
        for name in NEW_COLUMNS:
            batch.drop_column(name)
        batch.alter_column("number_of_items", type_=sa.Integer())
        for name in ("frozen_at", "created_at"):
            batch.alter_column(name, type_=sa.DateTime(), nullable=False)
        batch.alter_column("creator_username", type_=sa.String(255), nullable=False)
        batch.alter_column("name", type_=sa.String(80), nullable=False)
        batch.alter_column("uuid", type_=sa.String(36), nullable=False)
        batch.alter_column("uri", type_=sa.String(255), nullable=False)
    with op.batch_alter_table("base_uri") as batch:
        batch.alter_column("base_uri", type_=sa.String(255), nullable=True)
    with op.batch_alter_table("user") as batch:
        batch.alter_column("username", type_=sa.String(64), nullable=True)
    for table, column in URIS.items():
        if on(*MARIADB):
            op.create_index(f"ix_{table}_{column}", table, [column], unique=True)
