"""A database that is killed under load costs answers of 503 while it is away."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import add_people, make_config, open_app
from tests.corpus import dataset_info
from tests.private_servers import PrivateMariaDB, PrivatePostgreSQL, running
from tests.sql.test_concurrency import every, serving

CLIENTS = 6

#: Longest wait for an answer or a change, in seconds.
TIMEOUT = 120


@pytest.fixture(params=[PrivatePostgreSQL, PrivateMariaDB])
def database(request):
    """A database server of the test's own."""
    with running(request.param) as server:
        yield server


class Client:
    """Registers one dataset after the other until it is stopped."""

    def __init__(self, server, who, number):
        self.statuses = []
        self.acknowledged = []
        self._url = f"{server}/dataset/register"
        self._who = who
        self._number = number

    def run(self, stopped):
        """Register, whatever the answers are."""
        session = requests.Session()
        while not stopped.is_set():
            name = f"client-{self._number}-{len(self.statuses)}"
            info = dataset_info(name, readme="apple")
            response = session.post(
                self._url, json=info, headers=self._who, timeout=TIMEOUT
            )
            if response.status_code == 201:
                self.acknowledged.append(info["uri"])
            self.statuses.append(response.status_code)


def wait_for(clients, status):
    """Return when each client was answered with a status, after now."""
    seen = [len(client.statuses) for client in clients]
    deadline = time.monotonic() + TIMEOUT
    while not all(
        status in client.statuses[number:]
        for client, number in zip(clients, seen, strict=True)
    ):
        assert time.monotonic() < deadline, f"not everybody is answered with {status}"
        time.sleep(0.05)


def test_a_database_that_is_killed_and_comes_back(database, tmp_path, keys, headers):
    config = make_config(tmp_path, keys, database.url.format(port=database.port))
    grumpy = headers("grumpy")
    with open_app(config) as app:
        add_people(app)
    stopped = threading.Event()
    with serving(config) as server, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [Client(server, grumpy, number) for number in range(CLIENTS)]
        running_clients = [pool.submit(client.run, stopped) for client in clients]
        try:
            wait_for(clients, 201)
            database.kill()
            wait_for(clients, 503)
            database.start()
            wait_for(clients, 201)
        finally:
            stopped.set()
        for client in running_clients:
            client.result()
        found = {row["uri"] for row in every(server, "/dataset/search", grumpy)}
    for client in clients:
        assert set(client.statuses) == {201, 503}
        assert found.issuperset(client.acknowledged)
