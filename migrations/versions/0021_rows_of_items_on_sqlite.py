"""On SQLite, rows for the terms of very many items beside the text index.

What is in one row stays there, and is found there, until it is registered again.
"""

from alembic import op

from dtool_lookup_server.plugins.sql import fts5

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE, MORE = fts5.TABLE, fts5.MORE
TRIGGER = f"{TABLE}_forget"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        # That of before knows of one table.
        op.execute(f"DROP TRIGGER IF EXISTS {TRIGGER}")
        fts5.create(connection)


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    of_dataset = f"BETWEEN {TABLE}.rowid * 4096 AND {TABLE}.rowid * 4096 + 4095"
    op.execute(
        f"UPDATE {TABLE} SET"
        " items = items || ' ' || (SELECT group_concat(items, ' ') FROM"
        f" (SELECT items FROM {MORE} WHERE rowid {of_dataset} ORDER BY rowid)),"
        " place = (SELECT '_in_' || base_uri_id || '_' FROM dataset"
        f" WHERE dataset.id = {TABLE}.rowid)"
        f" WHERE rowid IN (SELECT rowid / 4096 FROM {MORE})"
    )
    op.execute(f"DROP TRIGGER IF EXISTS {TRIGGER}")
    op.execute(f"DROP TABLE {MORE}")
    op.execute(
        f"CREATE TRIGGER {TRIGGER} AFTER DELETE ON dataset "
        f"BEGIN DELETE FROM {TABLE} WHERE rowid = old.id; END"
    )
