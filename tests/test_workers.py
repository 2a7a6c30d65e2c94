"""Several workers of a real server, and many clients at once."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conftest import add_people, make_config, open_app
from tests.corpus import SNOW_WHITE, dataset_info

CLIENTS = 16

#: How long the clients go on; the environment asks for a minute and more by hand.
SECONDS = float(os.environ.get("WORKERS_TEST_SECONDS", "4"))


@pytest.fixture(scope="module")
def server(tmp_path_factory, keys):
    """The URL of a server with two workers, and users and base URIs in it."""
    home = tmp_path_factory.mktemp("workers")
    with open_app(make_config(home, keys)) as app:
        add_people(app)
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
    environment = {
        **os.environ,
        "DTOOL_LOOKUP_SERVER_HOME": str(home),
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{home}/lookup.db",
        "JWT_PUBLIC_KEY": keys.public,
    }
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "--workers=2", "--threads=4"),
            *(f"--bind={address}", "--log-level=error"),
            "dtool_lookup_server:create_app()",
        ],
        env=environment,
    )
    try:
        _wait_for(f"http://{address}/config/versions")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


def _post(url, body, headers):
    """Return status, total and JSON of a POST; an error status is not an exception."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode(),
        {**headers, "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            paging = json.loads(response.headers.get("X-Pagination") or "{}")
            return response.status, paging.get("total"), json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None, None


def _use(server, headers, number):
    """Register and search as one client; return the statuses and what was new."""
    statuses, registered, turn = set(), set(), 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        # Every other dataset is one that all clients register.
        name = f"shared-{turn}" if turn % 2 else f"client-{number}-{turn}"
        info = dataset_info(name, SNOW_WHITE, readme=f"by: worker\nname: {name}\n")
        status, _total, answer = _post(f"{server}/dataset/register", info, headers)
        statuses.add(status)
        registered.add(answer["uri"])
        status, *_rest = _post(
            f"{server}/dataset/search", {"free_text": "worker"}, headers
        )
        statuses.add(status)
        turn += 1
    return statuses, registered


def test_many_clients_lose_nothing_and_double_nothing(server, headers):
    grumpy = headers("grumpy")
    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(lambda n: _use(server, grumpy, n), range(CLIENTS)))
    assert set().union(*(statuses for statuses, _new in results)) == {200, 201}
    registered = set().union(*(new for _statuses, new in results))
    _status, total, _rows = _post(
        f"{server}/dataset/search", {"free_text": "worker"}, grumpy
    )
    assert total == len(registered)
    found = _every_uri(server, grumpy)
    assert len(found) == len(set(found))
    assert set(found) == registered


def _every_uri(server, headers):
    uris, page = [], 1
    while True:
        url = f"{server}/dataset/search?page_size=100&page={page}"
        _status, _total, rows = _post(url, {}, headers)
        if not rows:
            return uris
        uris += [row["uri"] for row in rows]
        page += 1
