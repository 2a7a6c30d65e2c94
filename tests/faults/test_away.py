"""A store that hangs, or can only be read, costs an answer of 503 while it does."""

import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.engines import with_driver
from tests.conftest import add_people, make_config, mongo_settings_of, open_app
from tests.corpus import dataset_info
from tests.databases import connected
from tests.mongod import Mongod
from tests.private_servers import PrivateMariaDB, PrivatePostgreSQL, running
from tests.sql.test_concurrency import wait_until

#: Seconds, in place of the longest waits that the defaults allow.
HASTY = {
    "SQL_TIMEOUT": 1,
    "SQL_STATEMENT_TIMEOUT": 1,
    "SQL_CONNECT_TIMEOUT": 1,
    "SEARCH_MONGO_TIMEOUT": 1,
    "RETRIEVE_MONGO_TIMEOUT": 1,
}
#: Seconds in which an answer comes for sure, on a busy machine too.
SURELY = 30

READS = {
    "list": ("GET", "/dataset/list", None),
    "find": ("POST", "/uris", {"tags": ["veg"]}),
    "summary": ("GET", "/dataset/summary", None),
    "search": ("POST", "/dataset/search", {"free_text": "mandragora"}),
    "readme": ("POST", "/dataset/readme", {"uri": dataset_info("there")["uri"]}),
    "health": ("GET", "/config/health", None),
}
WRITES = {
    "register": ("POST", "/dataset/register", dataset_info("new")),
    "change": ("POST", "/dataset/register", dataset_info("there", tags=["veg"])),
    "bulk": ("PUT", f"/uris/{dataset_info('put')['uri']}", dataset_info("put")),
    "delete": ("DELETE", f"/uris/{dataset_info('old')['uri']}", None),
}
EVERYTHING = READS | WRITES


@contextmanager
def opened(config):
    """Give an app with people and datasets, which does not wait for long."""
    with open_app(config | HASTY) as app:
        app.config["PROPAGATE_EXCEPTIONS"] = False
        add_people(app)
        yield app


@pytest.fixture
def ask(grumpy):
    """Send a request to an app: ask(app, "list") -> its status, in time."""

    def ask(app, name):
        method, path, body = EVERYTHING[name]
        began = time.monotonic()
        answer = app.test_client().open(path, method=method, json=body, headers=grumpy)
        assert time.monotonic() - began < SURELY
        if answer.status_code >= 400:
            assert answer.json["code"] == answer.status_code
            assert set(answer.json) == {"code", "status", "message"}
        return answer.status_code

    return ask


@pytest.fixture
def fill(grumpy):
    """Register the datasets that are there before anything happens."""

    def fill(app):
        for name in ("there", "old"):
            info = dataset_info(name, readme="mandragora")
            asked = {"json": info, "headers": grumpy}
            # A store that has just begun need not answer within a second.
            deadline = time.monotonic() + SURELY
            while (
                app.test_client().post("/dataset/register", **asked).status_code != 201
            ):
                assert time.monotonic() < deadline

    return fill


def ask_all(app, ask, names=EVERYTHING):
    """Send requests at once; return the status of each."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(
            zip(names, pool.map(lambda name: ask(app, name), names), strict=True)
        )


def assert_recovers(app, ask):
    """Fail unless everything is answered again, with nobody doing anything."""
    deadline = time.monotonic() + SURELY
    while ask(app, "health") != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert {ask(app, name) for name in EVERYTHING} <= {200, 201}


@pytest.fixture(scope="module", params=[PrivatePostgreSQL, PrivateMariaDB])
def server(request):
    """A database server of the module's own."""
    with running(request.param) as server:
        yield server


@pytest.fixture
def database(server):
    """The URL of an empty database on it, for a user with no right beyond it."""
    root = with_driver(server.url.format(port=server.port))
    name = f"lookup_{uuid.uuid4().hex}"
    is_mariadb = isinstance(server, PrivateMariaDB)
    with connected(root) as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
        if is_mariadb:
            account = f"{name[:32]}@localhost"
            connection.execute(sa.text(f"CREATE USER {account}"))
            connection.execute(sa.text(f"GRANT ALL ON {name}.* TO {account}"))
    user = name[:32] if is_mariadb else root.username
    url = root.set(username=user, database=name)
    return url.render_as_string(hide_password=False)


def test_a_database_that_hangs(server, database, tmp_path, keys, ask, fill):
    with opened(make_config(tmp_path, keys, database)) as app:
        fill(app)
        server.freeze()
        try:
            statuses = ask_all(app, ask)
        finally:
            server.thaw()
        assert statuses == dict.fromkeys(EVERYTHING, 503)
        assert_recovers(app, ask)


#: How a server is made read-only and back; whoever owns it may write all the same.
SET_READ_ONLY = {
    PrivatePostgreSQL: (
        "ALTER SYSTEM SET default_transaction_read_only = {}",
        "SELECT pg_reload_conf()",
    ),
    PrivateMariaDB: ("SET GLOBAL read_only = {}",),
}


def set_read_only(server, value):
    with connected(with_driver(server.url.format(port=server.port))) as connection:
        for statement in SET_READ_ONLY[type(server)]:
            connection.execute(sa.text(statement.format(value)))


def test_a_server_that_can_only_be_read(server, database, tmp_path, keys, ask, fill):
    with opened(make_config(tmp_path, keys, database)) as app:
        fill(app)
        set_read_only(server, "on")
        try:
            # PostgreSQL looks at its configuration a moment later.
            wait_until(lambda: ask(app, "register") == 503)
            assert set(ask_all(app, ask, WRITES).values()) == {503}
            assert set(ask_all(app, ask, READS).values()) == {200}
        finally:
            set_read_only(server, "off")
        wait_until(lambda: ask(app, "register") == 201)
        assert_recovers(app, ask)


def test_a_file_that_can_only_be_read(tmp_path, keys, ask, fill):
    config = make_config(tmp_path, keys)
    with opened(config) as app:
        fill(app)
    file = f"sqlite:///file:{tmp_path}/lookup.db?mode=ro&uri=true"
    app = create_app(config | HASTY | {"SQLALCHEMY_DATABASE_URI": file})
    try:
        assert {ask(app, name) for name in READS} == {200}
        assert {ask(app, name) for name in WRITES} == {503}
    finally:
        with app.app_context():
            sql_db.engine.dispose()


def test_a_mongodb_that_hangs(tmp_path, keys, ask, fill):
    mongod = Mongod(tmp_path / "mongod")
    mongod.start()
    try:
        config = make_config(tmp_path, keys) | mongo_settings_of(mongod)
        with opened(config) as app:
            fill(app)
            mongod.freeze()
            try:
                statuses = ask_all(app, ask)
            finally:
                mongod.thaw()
            # SQL alone knows these.
            assert {statuses.pop(name) for name in ("list", "find", "summary")} == {200}
            assert set(statuses.values()) == {503}
            assert_recovers(app, ask)
    finally:
        mongod.stop()


#: Takes SQLite's write lock, and keeps it until its input ends.
HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_sqlite_database_that_another_program_writes_to(tmp_path, keys, ask, fill):
    with opened(make_config(tmp_path, keys)) as app:
        fill(app)
        with subprocess.Popen(
            [sys.executable, "-c", HOLD, tmp_path / "lookup.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as other:
            assert other.stdout.readline() == b"held\n"
            assert {ask(app, name) for name in READS} == {200}
            assert {ask(app, name) for name in WRITES} == {503}
        assert_recovers(app, ask)
