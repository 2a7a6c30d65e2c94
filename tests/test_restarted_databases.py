"""A database that is killed under load costs answers of 503 while it is away."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.conftest import add_people, make_config, open_app
from tests.corpus import dataset_info
from tests.private_servers import PrivateMariaDB, PrivatePostgreSQL, running
from tests.sql.test_concurrency import every, serving

CLIENTS = 6


@pytest.fixture(params=[PrivatePostgreSQL, PrivateMariaDB])
def database(request):
    """A database server of the test's own."""
    with running(request.param) as server:
        yield server


def use(server, who, number, deadline):
    """Register until the deadline; return the statuses, and what was acknowledged."""
    statuses, acknowledged = [], []
    session = requests.Session()
    while time.monotonic() < deadline():
        info = dataset_info(f"client-{number}-{len(statuses)}", readme="apple")
        response = session.post(
            f"{server}/dataset/register", json=info, headers=who, timeout=60
        )
        statuses.append(response.status_code)
        if response.status_code == 201:
            acknowledged.append(response.json()["uri"])
    return statuses, acknowledged


def test_a_database_that_is_killed_and_comes_back(database, tmp_path, keys, headers):
    config = make_config(tmp_path, keys, database.url.format(port=database.port))
    grumpy = headers("grumpy")
    with open_app(config) as app:
        add_people(app)
    end = [float("inf")]
    with serving(config) as server, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [
            pool.submit(use, server, grumpy, number, lambda: end[0])
            for number in range(CLIENTS)
        ]
        time.sleep(3)
        database.kill()
        time.sleep(2)
        database.start()
        end[0] = time.monotonic() + 4
        results = [client.result() for client in clients]
        found = {row["uri"] for row in every(server, "/dataset/search", grumpy)}
    for statuses, acknowledged in results:
        assert set(statuses) == {201, 503}
        assert statuses[-1] == 201
        assert found.issuperset(acknowledged)
