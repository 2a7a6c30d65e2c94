"""The fields of terms in the text index, in place of terms with a label.

What can be searched alone was in the index twice, the second time with the name of its
field in front: a third of all terms, and each was found by the beginning of that name,
too. SQLite now has a column for the forms of each such field, and MariaDB a bit in each
row. PostgreSQL keeps the labels, which no word begins with any more.

Labels are made of the terms that are there: what is too long for a label ends in a
digest of both.
"""

import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from alembic import op

from dtool_lookup_server.engines import MARIADB
from dtool_lookup_server.plugins.sql import fts5, mariadb, postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

FIELDS = ("name", "identifiers", "readme")
BREAK = "_break_"
TERM_LENGTH, HEAD_LENGTH = 80, 63

TABLE = fts5.TABLE
OLD = f"{TABLE}_before"
UNCHANGED = "name, tags, creator, identifiers, readme, annotations, items"

TERMS = mariadb.TERMS
BITS = {"identifiers": 16, "readme": 32, "name": 64}
OTHER_TIER = 4
# Datasets, or rows of PostgreSQL, that are read at once.
AT_ONCE = 200

Label = Callable[[str, str], str]


def label_before(field: str, term: str) -> str:
    return fitting(f"{field}___{term}")


def label_after(field: str, term: str) -> str:
    return fitting(f"_{field}___{term}")


def fitting(term: str) -> str:
    if len(term) <= TERM_LENGTH:
        return term
    digest = blake2b(term.encode(), digest_size=8).hexdigest()
    return f"{term[:HEAD_LENGTH]}_{digest}"


def is_labelled(term: str) -> bool:
    return term.startswith(tuple(f"{field}___" for field in FIELDS))


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        if "name_forms" not in columns(connection):
            upgrade_sqlite(connection)
    elif connection.dialect.name == "postgresql":
        relabel(connection, label_before, label_after)
    elif connection.dialect.name in MARIADB:
        for_some_datasets(connection, bits_for_labels)


def downgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        if "name_forms" in columns(connection):
            downgrade_sqlite(connection)
    elif connection.dialect.name == "postgresql":
        relabel(connection, label_after, label_before)
    elif connection.dialect.name in MARIADB:
        for_some_datasets(connection, labels_for_bits)


def columns(connection: sa.Connection) -> set[str]:
    rows = connection.execute(sa.text(f"PRAGMA table_info({TABLE})"))
    return {row[1] for row in rows}


def upgrade_sqlite(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("forms_of", 2, forms_of, deterministic=True)
    driver.create_function("forms_of_others", 1, forms_of_others, deterministic=True)
    move_away()
    fts5.create(connection)
    alone = ", ".join(f"forms_of('{field}', forms)" for field in FIELDS)
    op.execute(
        f"INSERT INTO {TABLE} (rowid, {UNCHANGED}, forms,"
        f" {', '.join(f'{field}_forms' for field in FIELDS)}, place)"
        f" SELECT rowid, {UNCHANGED}, forms_of_others(forms), {alone}, place"
        f" FROM {OLD} ORDER BY rowid"
    )
    op.execute(f"DROP TABLE {OLD}")


def forms_of(field: str, forms: str) -> str:
    """Return the forms of a field, of all forms and labelled terms of a dataset."""
    held = set(forms.split())
    return " ".join(form for form in held if label_before(field, form) in held)


def forms_of_others(forms: str) -> str:
    """Return the forms that are in none of the fields that have a column."""
    held = set(forms.split())
    return " ".join(
        form
        for form in held
        if not is_labelled(form)
        and all(label_before(field, form) not in held for field in FIELDS)
    )


def downgrade_sqlite(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.create_function("with_labels", 2, with_labels, deterministic=True)
    move_away()
    op.execute(
        f"CREATE VIRTUAL TABLE {TABLE} USING fts5({UNCHANGED}, forms, place,"
        " tokenize = \"unicode61 tokenchars '_'\")"
    )
    labels = " || ' ' || ".join(
        f"with_labels('{field}', {field} || ' ' || {field}_forms)" for field in FIELDS
    )
    forms = " || ' ' || ".join(f"{field}_forms" for field in FIELDS)
    op.execute(
        f"INSERT INTO {TABLE} (rowid, {UNCHANGED}, forms, place)"
        f" SELECT rowid, {UNCHANGED}, forms || ' ' || {forms} || ' ' || {labels}, place"
        f" FROM {OLD} ORDER BY rowid"
    )
    op.execute(f"DROP TABLE {OLD}")
    # Its trigger.
    fts5.create(connection)


def with_labels(field: str, terms: str) -> str:
    held = set(terms.split()) - {BREAK}
    return " ".join(label_before(field, term) for term in held)


def move_away() -> None:
    """Give the table another name, without the trigger that writes to it."""
    op.execute(f"DROP TRIGGER IF EXISTS {TABLE}_forget")
    op.execute(f"ALTER TABLE {TABLE} RENAME TO {OLD}")


# Terms that change, as rows of TERMS; the other terms of a dataset stay.
Rows = dict[str, dict[str, Any]]


def for_some_datasets(
    connection: sa.Connection, change: Callable[[Rows], tuple[list[str], Rows]]
) -> None:
    """Change the terms of all datasets on MariaDB, a few datasets at a time.

    :param change: returns the terms to leave out, and the rows to write, of a dataset
    """
    id_ = TERMS.c.dataset_id
    last = -1
    following = sa.select(id_).distinct().order_by(id_).limit(AT_ONCE)
    while ids := connection.scalars(following.where(id_ > last)).all():
        datasets: dict[int, Rows] = {}
        for row in connection.execute(sa.select(TERMS).where(id_.in_(ids))):
            datasets.setdefault(row.dataset_id, {})[row.term] = row._asdict()
        for dataset_id, held in datasets.items():
            gone, written = change(held)
            write(connection, dataset_id, [*gone, *written], [*written.values()])
        last = ids[-1]


def write(
    connection: sa.Connection,
    dataset_id: int,
    replaced: Iterable[str],
    rows: list[dict[str, Any]],
) -> None:
    of_dataset = TERMS.c.dataset_id == dataset_id
    connection.execute(TERMS.delete().where(of_dataset, TERMS.c.term.in_(replaced)))
    if rows:
        connection.execute(TERMS.insert(), rows)


def bits_for_labels(held: Rows) -> tuple[list[str], Rows]:
    written: Rows = {}
    for term, row in held.items():
        bits = sum(BITS[f] for f in FIELDS if label_before(f, term) in held)
        if bits:
            written[term] = row | {"tiers": row["tiers"] | bits}
    return [term for term in held if is_labelled(term)], written


def labels_for_bits(held: Rows) -> tuple[list[str], Rows]:
    written: Rows = {}
    for term, row in held.items():
        fields = [field for field in FIELDS if row["tiers"] & BITS[field]]
        if fields:
            written[term] = row | {"tiers": row["tiers"] & ~sum(BITS.values())}
        for field in fields:
            label = label_before(field, term)
            written[label] = row | {"term": label, "tiers": OTHER_TIER}
    return [], written


def relabel(connection: sa.Connection, before: Label, after: Label) -> None:
    """Give the terms on PostgreSQL other labels, a few rows at a time."""
    # To make it anew is faster than to add each row to it once more.
    op.drop_index(f"ix_{TABLE}_terms", TABLE, if_exists=True)
    following = sa.text(
        f"SELECT dataset_id, part, CAST(terms AS text) AS terms FROM {TABLE}"
        " WHERE (dataset_id, part) > (:dataset_id, :part)"
        f" ORDER BY dataset_id, part LIMIT {AT_ONCE}"
    )
    changing = sa.text(
        f"UPDATE {TABLE} SET terms = CAST(:terms AS tsvector)"
        " WHERE dataset_id = :dataset_id AND part = :part"
    )
    last = {"dataset_id": -1, "part": -1}
    while rows := connection.execute(following, last).all():
        changed = [
            {**row._asdict(), "terms": relabelled(row.terms, before, after)}
            for row in rows
        ]
        connection.execute(changing, changed)
        last = {name: changed[-1][name] for name in last}
    postgresql.create(connection)


def relabelled(vector: str, before: Label, after: Label) -> str:
    """Return the text of a tsvector with other labels."""
    terms = re.findall(r"'([a-z0-9_]+)'", vector)
    # What does not fit beside one label or the other cannot be told from the label.
    long = [term for term in terms if len(term) >= HEAD_LENGTH]
    labels = {before(f, term): after(f, term) for f in FIELDS for term in long}

    def other(found: re.Match[str]) -> str:
        label, field = found[0][1:], found[1]
        return f"'{labels.get(label) or after(field, found[2])}"

    label = before("@", "").replace("@", f"({'|'.join(FIELDS)})")
    return re.sub(rf"'{label}([a-z0-9_]+)", other, vector)
