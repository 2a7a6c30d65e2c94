"""The databases that tests run on: SQLite files, and servers where there are any.

TEST_DATABASE names the one for a whole run: sqlite (the default), postgresql or
mariadb. A server is looked for on this machine, or where TEST_POSTGRESQL_URL and
TEST_MARIADB_URL say; the user there must be allowed to make databases.
"""

import os
import uuid
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from dtool_lookup_server.engines import with_driver

#: The servers, and where each is if the environment does not say.
SERVERS = {
    "postgresql": "postgresql://postgres@127.0.0.1/postgres",
    "mariadb": "mariadb://root@127.0.0.1/",
}

#: The database of this run.
KIND = os.environ.get("TEST_DATABASE", "sqlite")

#: The names of the tables of databases that were used before, by URL.
tables_in: dict[str, set[str]] = {}

_CREATE = {
    # No test needs what it wrote to survive a power cut.
    "postgresql": [
        "CREATE DATABASE {}",
        "ALTER DATABASE {} SET synchronous_commit = off",
    ],
    # As old installations have it: the tables are to compare alike all the same.
    "mariadb": ["CREATE DATABASE {} CHARACTER SET latin1"],
}
_DROP = {
    "postgresql": "DROP DATABASE IF EXISTS {} WITH (FORCE)",
    "mariadb": "DROP DATABASE IF EXISTS {}",
}


def server(kind):
    """Return the URL of a server; skip where there is none, and fail under CI."""
    name = f"TEST_{kind.upper()}_URL"
    url = with_driver(os.environ.get(name, SERVERS[kind]))
    try:
        with connected(url):
            return url
    except sa.exc.OperationalError:
        reason = f"no {kind} server answers at {url}: set {name}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def listening(engine, name, listener):
    """Let somebody listen to an engine for a while."""
    sa.event.listen(engine, name, listener)
    try:
        yield
    finally:
        sa.event.remove(engine, name, listener)


@contextmanager
def connected(url):
    """Give a connection of one's own that commits each statement."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@contextmanager
def empty_database(kind, folder):
    """Give the URL of a database that holds nothing, and drop it in the end."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/lookup.db"
        return
    url = server(kind)
    name = f"lookup_test_{uuid.uuid4().hex[:12]}"
    with connected(url) as connection:
        for statement in _CREATE[kind]:
            connection.execute(sa.text(statement.format(name)))
    try:
        yield url.set(database=name).render_as_string(hide_password=False)
    finally:
        with connected(url) as connection:
            connection.execute(sa.text(_DROP[kind].format(name)))


class Shelf:
    """Databases with the server's tables, used again after they were emptied.

    To make them anew for each test would take longer than most tests.
    """

    def __init__(self, stack):
        self._stack = stack
        self._free = []
        # Connections that stay open, by URL: to connect takes as long as to empty.
        self._connections = {}

    def take(self):
        """Return the URL of a database that is in nobody's use."""
        if self._free:
            return self._free.pop()
        url = self._stack.enter_context(empty_database(KIND, None))
        self._connections[url] = self._stack.enter_context(connected(sa.make_url(url)))
        return url

    def put_back(self, url):
        """Empty a database's tables and keep it for the next."""
        connection = self._connections[url]
        tables = set(sa.inspect(connection).get_table_names())
        for statement in _emptying(tables):
            connection.exec_driver_sql(statement)
        tables_in[url] = tables
        self._free.append(url)


def _emptying(tables):
    if "audit_entry" in tables:
        yield from _EMPTY_AUDIT_TRAIL[KIND]
    # In one transaction: the disk is waited for once.
    yield "BEGIN"
    yield from (f"DELETE FROM {_quoted(name)}" for name in _TABLES if name in tables)
    yield "COMMIT"


# Its triggers refuse a plain DELETE.
_EMPTY_AUDIT_TRAIL = {
    "postgresql": [
        "ALTER TABLE audit_entry DISABLE TRIGGER USER",
        "DELETE FROM audit_entry",
        "ALTER TABLE audit_entry ENABLE TRIGGER USER",
    ],
    "mariadb": ["TRUNCATE audit_entry"],
}

# In the order in which they can be emptied.
_TABLES = (
    "token_attempt",
    "access_token_base_uri",
    "access_token",
    "dataset_text",
    "dataset_content",
    "dataset_tag",
    "dataset_counter",
    "dataset_annotation",
    "dataset_fingerprint",
    "dataset_part",
    "base_uri_word",
    "dataset",
    "search_permissions",
    "register_permissions",
    "index_run",
    "base_uri",
    "user",
    "removed_user",
)


def _quoted(table):
    return '"user"' if table == "user" and KIND == "postgresql" else table
