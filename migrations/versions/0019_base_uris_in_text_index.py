"""On SQLite, a term for the base URI in each row of the text index."""

from alembic import op
from sqlalchemy import Connection, text

from dtool_lookup_server.plugins.sql import fts5

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FIELDS = "name, tags, creator, identifiers, readme, annotations, items, forms"
WORDS = "tokenize = \"unicode61 tokenchars '_'\""
OLD = "dataset_text_before"
TRIGGER = (
    f"CREATE TRIGGER {fts5.TABLE}_forget AFTER DELETE ON dataset "
    f"BEGIN DELETE FROM {fts5.TABLE} WHERE rowid = old.id; END"
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    if "place" not in columns(connection, fts5.TABLE):
        move_away(connection)
        op.execute(
            f"CREATE VIRTUAL TABLE {fts5.TABLE} USING fts5({FIELDS}, place, {WORDS})"
        )
        op.execute(
            f"INSERT INTO {fts5.TABLE} (rowid, {FIELDS}, place)"
            f" SELECT o.rowid, {FIELDS_OF_OLD}, '_in_' || d.base_uri_id || '_'"
            f" FROM {OLD} o JOIN dataset d ON d.id = o.rowid ORDER BY o.rowid"
        )
        op.execute(f"DROP TABLE {OLD}")
        op.execute(TRIGGER)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    if "place" in columns(connection, fts5.TABLE):
        move_away(connection)
        op.execute(f"CREATE VIRTUAL TABLE {fts5.TABLE} USING fts5({FIELDS}, {WORDS})")
        op.execute(
            f"INSERT INTO {fts5.TABLE} (rowid, {FIELDS})"
            f" SELECT rowid, {FIELDS} FROM {OLD} ORDER BY rowid"
        )
        op.execute(f"DROP TABLE {OLD}")
        op.execute(TRIGGER)


FIELDS_OF_OLD = ", ".join(f"o.{field}" for field in FIELDS.split(", "))


def move_away(connection: Connection) -> None:
    """Give the table another name, without the trigger that writes to it."""
    op.execute(f"DROP TRIGGER IF EXISTS {fts5.TABLE}_forget")
    op.execute(f"ALTER TABLE {fts5.TABLE} RENAME TO {OLD}")


def columns(connection: Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))}
