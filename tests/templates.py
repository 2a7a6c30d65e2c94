"""Tables and people that are made once in a run, and copied for each test.

To make them anew would take longer than most tests. They are made by the server's own
functions, called with an application's context.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from flask import current_app

from dtool_lookup_server import sql_db
from tests.databases import tables_in

# The content of an SQLite database with tables, by the names of the tables.
_with_tables = {}

# The content of SQLite databases, by the function that filled them.
_with_datasets = {}

# Statements that fill the tables, by the function that did and the kind of database.
_filled = {}


def make_tables():
    """Make all tables in the database of the current application."""
    tables = frozenset(sql_db.metadata.tables)
    path = sql_db.engine.url.database
    if sql_db.engine.dialect.name != "sqlite":
        if not tables <= tables_in.pop(_url(), frozenset()):
            sql_db.create_all()
    elif not path or Path(path).exists():
        sql_db.create_all()
    elif tables in _with_tables:
        Path(path).write_bytes(_with_tables[tables])
    else:
        sql_db.create_all()
        with closing(sqlite3.connect(path)) as connection:
            _with_tables[tables] = connection.serialize()


def fill_tables(fill):
    """Fill the tables of the current application's database.

    :param fill: does it, and leaves the same each time; it is called for the first, and
        where something was written before
    """
    engine = sql_db.engine
    with engine.connect() as connection:
        is_new = _is_new(connection)
        if is_new and (fill, engine.name) in _filled:
            for statement, rows in _filled[fill, engine.name]:
                connection.exec_driver_sql(statement, rows)
            connection.commit()
            return
    fill()
    if is_new:
        with engine.connect() as connection:
            _filled[fill, engine.name] = list(_statements(connection))


def fill_database(fill):
    """Fill the new database of the current application, with datasets too.

    :param fill: does it, and leaves the same each time; where all is in one file it is
        called for the first alone
    """
    engine, config = sql_db.engine, current_app.config
    plugins = {config["SEARCH_PLUGIN"], config["RETRIEVE_PLUGIN"]}
    if engine.name != "sqlite" or plugins != {"sql"}:
        fill()
    elif fill not in _with_datasets:
        fill()
        sql_db.session.remove()
        with closing(sqlite3.connect(engine.url.database)) as connection:
            _with_datasets[fill] = bytearray(connection.serialize())
            # In memory there is no log: bytes 18 and 19 say that there is one.
            _with_datasets[fill][18:20] = b"\1\1"
    else:
        with (
            closing(sqlite3.connect(":memory:")) as template,
            closing(sqlite3.connect(engine.url.database)) as target,
        ):
            template.deserialize(_with_datasets[fill])
            target.execute("PRAGMA synchronous = OFF")
            template.backup(target)


def _is_new(connection):
    # Whatever is written leaves a trace there.
    entries = connection.exec_driver_sql("SELECT id FROM audit_entry LIMIT 1")
    return entries.first() is None


def _statements(connection):
    """Give statements that fill empty tables as they are now, each with its rows.

    In the driver's own words: to compile an insertion for each app takes longest.
    """
    preparer = connection.dialect.identifier_preparer
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    for table in sql_db.metadata.sorted_tables:
        name = preparer.format_table(table)
        columns = ", ".join(map(preparer.format_column, table.c))
        select = connection.exec_driver_sql(f"SELECT {columns} FROM {name}")
        if rows := list(map(tuple, select)):
            marks = ", ".join([mark] * len(table.c))
            yield f"INSERT INTO {name} ({columns}) VALUES ({marks})", rows
            if connection.dialect.name == "postgresql" and "id" in table.c:
                last = max(row[list(table.c).index(table.c.id)] for row in rows)
                sequence = f"pg_get_serial_sequence('{name}', 'id')"
                yield f"SELECT setval({sequence}, {last})", None


def _url():
    return sql_db.engine.url.render_as_string(hide_password=False)
