"""Datasets as lists show them, kept as JSON beside their rows: on SQLite alone.

To make a page of its rows, and of its tags, takes SQLite and Python several times as
long as to find the page; the JSON of a dataset is ready to be sent. It is never more
than a copy: the database itself throws it away with any change of a row that it is made
of, whoever makes it, and a page where one is missing is made of its rows.
"""

from typing import Any

from sqlalchemy import Connection, Integer, String, Table, column, event, table, text

#: Name of the table, and what the names of its triggers begin with.
TABLE = "dataset_json"

#: The table, by the ids of the datasets.
dataset_json = table(TABLE, column("dataset_id", Integer), column("json", String()))

_FORGET = f"DELETE FROM {TABLE} WHERE dataset_id"

# What is thrown away, by the name of the trigger and by when.
_TRIGGERS = {
    "changed": ("UPDATE ON dataset", f"{_FORGET} = old.id"),
    "gone": ("DELETE ON dataset", f"{_FORGET} = old.id"),
    "tagged": ("INSERT ON dataset_tag", f"{_FORGET} = new.dataset_id"),
    "untagged": ("DELETE ON dataset_tag", f"{_FORGET} = old.dataset_id"),
    "retagged": (
        "UPDATE ON dataset_tag",
        f"{_FORGET} IN (old.dataset_id, new.dataset_id)",
    ),
    "moved": (
        "UPDATE OF base_uri ON base_uri",
        f"{_FORGET} IN (SELECT id FROM dataset WHERE base_uri_id = old.id)",
    ),
}


def is_kept(dialect_name: str) -> bool:
    """Return whether a database keeps datasets as JSON.

    :param dialect_name: SQLAlchemy's name of it
    """
    return dialect_name == "sqlite"


def keep_as_json(tags: Table) -> None:
    """Have the table, and its triggers, made and dropped with that of tags.

    :param tags: the last to be made of those that datasets are shown from
    """

    @event.listens_for(tags, "after_create")
    def add(target: Table, connection: Connection, **kw: Any) -> None:
        create(connection)

    @event.listens_for(tags, "before_drop")
    def remove(target: Table, connection: Connection, **kw: Any) -> None:
        drop(connection)


def create(connection: Connection) -> None:
    """Make the table and its triggers where they are not there.

    Migrations that rebuild one of the other tables call it again, since its triggers go
    with the old one.
    """
    if not is_kept(connection.dialect.name):
        return
    connection.execute(
        text(
            f"CREATE TABLE IF NOT EXISTS {TABLE}"
            " (dataset_id INTEGER NOT NULL PRIMARY KEY, json TEXT NOT NULL)"
        )
    )
    for name, (when, what) in _TRIGGERS.items():
        connection.execute(
            text(
                f"CREATE TRIGGER IF NOT EXISTS {TABLE}_{name} AFTER {when}"
                f" BEGIN {what}; END"
            )
        )


def make_triggers_anew(connection: Connection) -> None:
    """Put the triggers as they are now in place of what they were once."""
    if is_kept(connection.dialect.name):
        _drop_triggers(connection)
        create(connection)


def drop(connection: Connection) -> None:
    """Remove the table and its triggers if they are there."""
    if not is_kept(connection.dialect.name):
        return
    _drop_triggers(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {TABLE}"))


def _drop_triggers(connection: Connection) -> None:
    for name in _TRIGGERS:
        connection.execute(text(f"DROP TRIGGER IF EXISTS {TABLE}_{name}"))
