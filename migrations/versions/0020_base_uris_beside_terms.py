"""On PostgreSQL and MariaDB, the base URI in each row of the text index."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.engines import MARIADB
from dtool_lookup_server.plugins.sql import mariadb, postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE, COLUMN = postgresql.TABLE, "base_uri_id"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql" and not has_column(connection):
        upgrade_postgresql(connection)
    elif connection.dialect.name in MARIADB:
        upgrade_mariadb()


def upgrade_postgresql(connection: sa.Connection) -> None:
    # To make it anew is faster than to add each new row to it.
    op.drop_index(f"ix_{TABLE}_terms", TABLE, if_exists=True)
    op.add_column(TABLE, sa.Column(COLUMN, sa.Integer))
    op.execute(
        f"UPDATE {TABLE} SET {COLUMN} = dataset.{COLUMN}"
        f" FROM dataset WHERE dataset.id = {TABLE}.dataset_id"
    )
    op.execute(f"ALTER TABLE {TABLE} SET (toast_tuple_target = 128)")
    # Writes all rows anew.
    op.execute(f"CLUSTER {TABLE} USING {TABLE}_pkey")
    op.execute(f"ALTER TABLE {TABLE} SET WITHOUT CLUSTER")
    postgresql.create(connection)


def upgrade_mariadb() -> None:
    terms = mariadb.TERMS_TABLE
    op.execute(
        f"ALTER TABLE {terms}"
        f" ADD COLUMN IF NOT EXISTS {COLUMN} INTEGER NOT NULL DEFAULT 0"
    )
    # In the order of the terms, and not dataset by dataset.
    op.execute(
        f"UPDATE {terms} SET {COLUMN} = (SELECT dataset.{COLUMN} FROM dataset"
        f" WHERE dataset.id = {terms}.dataset_id) WHERE {COLUMN} = 0"
    )


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql" and has_column(connection):
        op.drop_column(TABLE, COLUMN)
    elif connection.dialect.name in MARIADB:
        op.execute(f"ALTER TABLE {mariadb.TERMS_TABLE} DROP COLUMN IF EXISTS {COLUMN}")


def has_column(connection: sa.Connection) -> bool:
    columns = sa.inspect(connection).get_columns(TABLE)
    return COLUMN in {column["name"] for column in columns}
