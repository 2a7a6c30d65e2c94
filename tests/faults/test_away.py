"""A store that hangs, or can only be read, costs an answer of 503 while it does."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.conftest import add_people, make_config, mongo_settings_of, open_app
from tests.corpus import dataset_info
from tests.mongod import Mongod
from tests.private_servers import PrivateMariaDB, PrivatePostgreSQL, running

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
            done = app.test_client().post(
                "/dataset/register", json=info, headers=grumpy
            )
            assert done.status_code == 201

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


@pytest.mark.parametrize("server", [PrivatePostgreSQL, PrivateMariaDB])
def test_a_database_that_hangs(server, tmp_path, keys, ask, fill):
    with running(server) as database:
        url = database.url.format(port=database.port)
        with opened(make_config(tmp_path, keys, url)) as app:
            fill(app)
            database.freeze()
            try:
                statuses = ask_all(app, ask)
            finally:
                database.thaw()
            assert statuses == dict.fromkeys(EVERYTHING, 503)
            assert_recovers(app, ask)


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
