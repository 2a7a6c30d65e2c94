"""Workers and the whole server are killed at random moments under load.

What was acknowledged is in every store, and what was not is there whole or not at all.
A run of seconds; for a longer one, or to repeat one, say so:

    FAULTS_SECONDS=600 FAULTS_SEED=7 pytest -n 0 tests/faults/test_killed.py
"""

import os
import random
import signal
import threading
import time

import pytest
import requests

from tests.conftest import add_people, open_app
from tests.corpus import dataset_info, uri_of
from tests.faults.server import AWAY, running
from tests.security.agreement import assert_all_agree, every_row

CLIENTS = 5
#: Datasets of each client, which are registered, changed and deleted again and again.
DATASETS = 6
SECONDS = float(os.environ.get("FAULTS_SECONDS", "3"))
SEED = int(os.environ.get("FAULTS_SEED", random.SystemRandom().randrange(10**6)))

ABSENT = None


def version_of(name, number):
    """Return a version of a dataset; each of its parts says which one it is."""
    info = dataset_info(
        name,
        creator_username=f"creator-{number % 3}",
        readme=f"---\nversion: {number}\nword: {word_of(name, number)}\n",
        annotations={"version": number},
        tags=[f"v{number}", "all"],
        items=[f"data/{n}-v{number}.txt" for n in range(number % 4 + 1)],
    )
    return info | {"name": f"{name}-v{number}"}


def word_of(name, number):
    """Return a word that is in one version of one dataset alone."""
    return f"mandragora{name.replace('-', '')}v{number}"


class Client(threading.Thread):
    """Registers, changes and deletes datasets of its own until it is stopped.

    `possible` has for each dataset the versions that the server may have: the one
    that was acknowledged last, and those that were sent since and not answered.
    """

    def __init__(self, url, headers, number):
        super().__init__()
        self.possible = {f"client-{number}-{n}": {ABSENT} for n in range(DATASETS)}
        self.acknowledged = 0
        self.others = []
        self.stopped = threading.Event()
        self._url = url
        self._headers = headers
        self._chance = random.Random(f"{SEED} {number}")

    def run(self):
        """Send one request after the other, whatever becomes of them."""
        with requests.Session() as self._session:
            number = 0
            while not self.stopped.is_set():
                number += 1
                name = self._chance.choice(list(self.possible))
                self.send(name, number if self._chance.random() < 0.8 else ABSENT)

    def send(self, name, version):
        """Register a version of a dataset, or delete the dataset."""
        self.possible[name].add(version)
        try:
            status = self._request(name, version).status_code
        except requests.RequestException:
            time.sleep(0.05)  # nobody listens
            return
        if status in (200, 201):
            self.possible[name] = {version}
            self.acknowledged += 1
        elif status != AWAY:
            self.others.append(status)

    def _request(self, name, version):
        if version is ABSENT:
            method, path, body = "DELETE", f"/uris/{uri_of(name)}", None
        else:
            body = version_of(name, version)
            method, path = "POST", "/dataset/register"
        return self._session.request(
            method, self._url + path, json=body, headers=self._headers, timeout=60
        )


def kill_at_random(server, seconds):
    """Kill a worker or the whole server at random moments; return how often."""
    chance = random.Random(SEED)
    killed = {"worker": 0, "server": 0}
    end = time.monotonic() + seconds
    # However slow the machine is, each happens.
    while time.monotonic() < end or 0 in killed.values():
        time.sleep(chance.uniform(0.1, 0.8))
        workers = server.workers()
        if killed["worker"] > 2 * killed["server"] or not workers:
            server.kill()
            killed["server"] += 1
            server.start()
        else:
            os.kill(chance.choice(workers), signal.SIGKILL)
            killed["worker"] += 1
    return killed


def version_in(row):
    """Return which version of a dataset a row is of."""
    [tag] = [tag for tag in row["tags"] if tag != "all"]
    return int(tag.removeprefix("v"))


def what_is_there(app, headers, clients):
    """Return the version of each dataset, having compared all that the server says."""
    assert_all_agree(app, headers)
    client, grumpy = app.test_client(), headers("grumpy")
    rows = every_row(client, grumpy, "POST", "/dataset/search", json={})
    versions = {row["uri"]: version_in(row) for row in rows}
    found = {}
    for name, possible in every_dataset(clients):
        found[name] = versions.pop(uri_of(name), ABSENT)
        for version in {*possible, found[name]} - {ABSENT}:
            query = {"free_text": word_of(name, version)}
            hits = client.post("/dataset/search", json=query, headers=grumpy).json
            here = version == found[name]
            assert [hit["uri"] for hit in hits] == [uri_of(name)] * here
        if found[name] is not ABSENT:
            assert_one_version(client, grumpy, name, found[name])
    assert versions == {}
    return found


def every_dataset(clients):
    """Yield the name of each dataset, and the versions that there may be of it."""
    for client in clients:
        yield from client.possible.items()


def assert_one_version(client, headers, name, number):
    """Fail unless each part of a dataset is of one version."""
    wanted = version_of(name, number)
    path = f"/uris/{uri_of(name)}"
    row = client.get(path, headers=headers).json
    for key in ("name", "creator_username", "tags", "number_of_items"):
        assert row[key] == wanted[key]
    for part in ("readme", "manifest", "annotations"):
        body = {"uri": wanted["uri"]}
        told = client.post(f"/dataset/{part}", json=body, headers=headers).json
        assert told == wanted[part]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb", "mongo"])
def test_what_was_acknowledged_is_there_and_the_rest_is_whole_or_absent(
    config, kind, headers
):
    print(f"FAULTS_SEED={SEED}")
    with open_app(config) as app:
        add_people(app)
        with running(config) as server:
            clients = [
                Client(server.url, headers("grumpy"), number)
                for number in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            try:
                killed = kill_at_random(server, SECONDS)
            finally:
                for client in clients:
                    client.stopped.set()
                for client in clients:
                    client.join()
            print(killed, sum(client.acknowledged for client in clients))
            if kind == "mongo":
                ask_again(app, clients)
        assert [client.others for client in clients] == [[]] * CLIENTS
        assert all(client.acknowledged for client in clients)
        found = what_is_there(app, headers, clients)
        for name, possible in every_dataset(clients):
            assert found[name] in possible, name
        done = app.test_cli_runner().invoke(args=["dataset", "verify"])
        assert done.exit_code == 0, done.output


def ask_again(app, clients):
    """Send again what was not answered.

    Two stores cannot commit at once: a change that was cut off may be in MongoDB and
    not in SQL. `dataset verify` names it, and nothing else; sent again it is whole.
    """
    unanswered = {
        uri_of(name): (client, name, possible)
        for client in clients
        for name, possible in client.possible.items()
        if len(possible) > 1
    }
    done = app.test_cli_runner().invoke(args=["dataset", "verify"])
    different = [line for line in done.output.splitlines() if "Different: " in line]
    for line in different:
        assert line.split()[1] in unanswered, line
    for client, name, possible in unanswered.values():
        client.send(name, max(possible - {ABSENT}, default=ABSENT))
        assert len(client.possible[name]) == 1
