"""Three members of a MongoDB replica set: one is killed while clients go on."""

import contextlib
import threading
import time

import pymongo
import pytest

from tests.conftest import add_people, make_config, mongo_settings_of, open_app
from tests.corpus import dataset_info
from tests.mongod import Mongod

NAME = "lookup"
#: Longest time until a new primary is there, in seconds, on a busy machine.
PATIENCE = 90


@pytest.fixture
def members(tmp_path):
    """Three mongod processes that are one replica set."""
    options = ("--replSet", NAME, "--setParameter", "ttlMonitorEnabled=false")
    with contextlib.ExitStack() as stack:
        members = []
        for number in range(3):
            folder = tmp_path / f"member-{number}"
            members.append(Mongod(folder, *options, "--oplogSize", "50"))
            stack.callback(members[-1].stop)
            members[-1].start()
        hosts = [f"127.0.0.1:{member.port}" for member in members]
        config = {
            "_id": NAME,
            "members": [{"_id": n, "host": host} for n, host in enumerate(hosts)],
            # Elections after 2 seconds without the primary, not after 10.
            "settings": {"electionTimeoutMillis": 2000},
        }
        with pymongo.MongoClient(members[0].uri, directConnection=True) as client:
            client.admin.command("replSetInitiate", config)
        yield members


class ReplicaSet:
    """The set as a client sees it."""

    def __init__(self, members):
        self._members = members
        hosts = ",".join(f"127.0.0.1:{member.port}" for member in members)
        self.uri = f"mongodb://{hosts}/?replicaSet={NAME}"

    def kill_primary(self):
        """End the primary as a power cut does."""
        with pymongo.MongoClient(self.uri) as client:
            client.admin.command("ping")
            _host, port = client.primary
        [primary] = [member for member in self._members if member.port == port]
        primary.stop()


@pytest.fixture
def replica_set(members):
    return ReplicaSet(members)


@pytest.fixture
def app(replica_set, tmp_path, keys):
    settings = mongo_settings_of(replica_set)
    hasty = {"SEARCH_MONGO_TIMEOUT": 3, "RETRIEVE_MONGO_TIMEOUT": 3}
    with open_app(make_config(tmp_path, keys) | settings | hasty) as app:
        add_people(app)
        yield app


class Registrar(threading.Thread):
    """Registers one dataset after the other until it is stopped, and searches."""

    def __init__(self, app, headers, prefix):
        super().__init__()
        self.acknowledged = []
        self.refused = []
        self.others = []
        self.stopped = threading.Event()
        self._client = app.test_client()
        self._headers = headers
        self._prefix = prefix

    def run(self):
        """Register until stopped, whatever the answers are."""
        number = 0
        while not self.stopped.is_set():
            number += 1
            self._register(f"{self._prefix}-{number}")
            self._post("/dataset/search", "grumpy", {"free_text": "mandragora"})

    def _register(self, name):
        info = dataset_info(name, readme="description: mandragora")
        status = self._post("/dataset/register", "librarian", info)
        (self.acknowledged if status == 201 else self.refused).append(name)

    def _post(self, path, user, body):
        answer = self._client.post(path, json=body, headers=self._headers(user))
        if answer.status_code not in (200, 201, 503):
            self.others.append((answer.status_code, answer.text))
        return answer.status_code


def wait_for(condition):
    """Return when a condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.05)


def test_no_acknowledged_registration_is_lost_with_the_primary(
    app, replica_set, headers
):
    registrars = [Registrar(app, headers, f"client-{n}") for n in range(3)]
    for registrar in registrars:
        registrar.start()
    try:
        wait_for(lambda: all(len(each.acknowledged) > 3 for each in registrars))
        replica_set.kill_primary()
        before = [len(each.acknowledged) for each in registrars]
        wait_for(
            lambda: all(
                len(each.acknowledged) > count + 3
                for each, count in zip(registrars, before, strict=True)
            )
        )
    finally:
        for registrar in registrars:
            registrar.stopped.set()
        for registrar in registrars:
            registrar.join()
    assert [each.others for each in registrars] == [[], [], []]
    acknowledged = {name for each in registrars for name in each.acknowledged}
    refused = {name for each in registrars for name in each.refused}
    client, grumpy = app.test_client(), headers("grumpy")

    def names(path, method, **body):
        found, page = [], 1
        while True:
            options = {"json": body} if body else {}
            where = f"{path}?page_size=100&page={page}"
            rows = client.open(where, method=method, headers=grumpy, **options).json
            found += [row["name"] for row in rows]
            page += 1
            if len(rows) < 100:
                return found

    listed = names("/dataset/list", "GET")
    assert acknowledged <= set(listed) <= acknowledged | refused
    found = names("/dataset/search", "POST", free_text="mandragora")
    assert sorted(found) == sorted(listed)
    done = app.test_cli_runner().invoke(args=["dataset", "reindex", "--prune"])
    assert f"{len(listed)} unchanged, 0 failed" in done.output
