"""On MariaDB, the terms in a table of their own in place of a FULLTEXT index."""

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.engines import MARIADB
from dtool_lookup_server.plugins.sql import mariadb

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEX = "ix_dataset_text_terms"
# What stood in front of a term that is not only in paths of the manifest, beside the
# letters of its tiers.
OUTSIDE_ITEMS = "t"

TEXT = sa.table(
    mariadb.TABLE, sa.column("dataset_id"), sa.column("part"), sa.column("terms")
)


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name not in MARIADB:
        return
    mariadb.create(connection)
    if not has_old_terms(connection):
        return
    ids = sa.select(TEXT.c.dataset_id).distinct()
    for dataset_id in list(connection.scalars(ids)):
        copy_terms(connection, dataset_id)
    # Rows of terms alone have no text.
    op.execute(f"DELETE FROM {mariadb.TABLE} WHERE words = ''")
    # The index goes with its only column.
    op.drop_column(mariadb.TABLE, "terms")


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name not in MARIADB:
        return
    op.execute(
        f"ALTER TABLE {mariadb.TABLE} ADD COLUMN IF NOT EXISTS"
        " terms LONGTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''"
        " AFTER part"
    )
    if INDEX not in {
        index["name"] for index in sa.inspect(connection).get_indexes(mariadb.TABLE)
    }:
        op.create_index(INDEX, mariadb.TABLE, ["terms"], mysql_prefix="FULLTEXT")
    for dataset_id in list(connection.scalars(sa.select(TEXT.c.dataset_id).distinct())):
        restore_terms(connection, dataset_id)
    op.drop_table(mariadb.TERMS_TABLE, if_exists=True)


def has_old_terms(connection: sa.Connection) -> bool:
    columns = sa.inspect(connection).get_columns(mariadb.TABLE)
    return "terms" in {column["name"] for column in columns}


def copy_terms(connection: sa.Connection, dataset_id: int) -> None:
    """Copy a dataset's terms; once more, where it was interrupted."""
    of_dataset = TEXT.c.dataset_id == dataset_id
    tiers: dict[str, int] = {}
    for marked in connection.scalars(sa.select(TEXT.c.terms).where(of_dataset)):
        for letter, term in ((word[0], word[1:]) for word in marked.split()):
            if letter != OUTSIDE_ITEMS:
                tiers[term] = tiers.get(term, 0) | mariadb.BITS[letter]
    terms = mariadb.TERMS
    connection.execute(terms.delete().where(terms.c.dataset_id == dataset_id))
    if tiers:
        rows = [
            {"term": term, "dataset_id": dataset_id, "tiers": bits}
            for term, bits in sorted(tiers.items())
        ]
        connection.execute(terms.insert(), rows)


def restore_terms(connection: sa.Connection, dataset_id: int) -> None:
    """Keep a dataset's terms as they were, all of them in its first row."""
    terms = mariadb.TERMS
    items = mariadb.BITS[mariadb.TIERS["items"]]
    kept = sa.select(terms.c.term, terms.c.tiers).where(
        terms.c.dataset_id == dataset_id
    )
    marked = []
    for term, bits in connection.execute(kept):
        letters = [letter for letter, bit in mariadb.BITS.items() if bits & bit]
        letters += [OUTSIDE_ITEMS] if bits & ~items else []
        marked += [letter + term for letter in letters]
    first = sa.select(sa.func.min(TEXT.c.part)).where(TEXT.c.dataset_id == dataset_id)
    part = connection.scalar(first)
    connection.execute(
        TEXT.update()
        .where(TEXT.c.dataset_id == dataset_id, TEXT.c.part == part)
        .values(terms=" ".join(marked))
    )
