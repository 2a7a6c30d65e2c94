"""Several workers and many clients that write the same and different things."""

import os
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
import requests
from sqlalchemy import select, update

from dtool_lookup_server import sql_db
from dtool_lookup_server.database import transactional
from dtool_lookup_server.sql_models import User
from tests.conftest import add_people, make_config, open_app
from tests.corpus import dataset_info
from tests.databases import SERVERS, empty_database

CLIENTS = 12

#: How long the clients go on; the environment asks for more by hand.
SECONDS = float(os.environ.get("WORKERS_TEST_SECONDS", "4"))

CONTESTED = "s3://contested"
#: The permissions that clients give in turn: all of one, or all of the other.
PERMISSIONS = [
    {
        "base_uri": CONTESTED,
        "users_with_search_permissions": [who, "noone"],
        "users_with_register_permissions": [who],
    }
    for who in ("grumpy", "sleepy")
]


@contextmanager
def serving(config, workers=2):
    """Run a real server with the settings of a test, and give its URL."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", f"--workers={workers}", "--threads=4"),
            *(f"--bind={address}", "--log-level=error"),
            "dtool_lookup_server:create_app()",
        ],
        env={
            **os.environ,
            **{name: str(value) for name, value in config.items() if name.isupper()},
        },
    )
    try:
        wait_until(lambda: answers(f"http://{address}"))
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_until(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(url):
    try:
        return requests.get(f"{url}/config/versions", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture
def server(config):
    """The URL of a server with people and base URIs in its database."""
    with open_app(config) as app:
        add_people(app)
    with serving(config) as url:
        yield url


def use(server, headers, number):
    """Write as one client of many; return every status, and the datasets' URIs."""
    admin, grumpy = headers("snow-white"), headers("grumpy")
    chance = random.Random(number)
    statuses, uris = [], set()
    session = requests.Session()

    def post(path, body, who=admin):
        response = session.post(f"{server}{path}", json=body, headers=who, timeout=60)
        statuses.append((path, response.status_code))
        return response

    deadline = time.monotonic() + SECONDS
    turn = 0
    while time.monotonic() < deadline:
        turn += 1
        # Half of everything is written by all clients at once.
        name = chance.choice([f"shared-{turn}", f"client-{number}-{turn}"])
        tags = chance.sample(["a", "b", "c", "d"], 2)
        info = dataset_info(name, tags=tags, readme=" ".join(tags), items=[name])
        uris.add(post("/dataset/register", info, grumpy).json()["uri"])
        post("/admin/user/register", [{"username": name}, {"username": "everyone"}])
        post("/admin/base_uri/register", {"base_uri": f"s3://{name}"})
        post("/admin/permission/update_on_base_uri", chance.choice(PERMISSIONS))
        held = post("/admin/permission/info", {"base_uri": CONTESTED}).json()
        for permissions in PERMISSIONS:
            if held["users_with_register_permissions"] == [
                permissions["users_with_register_permissions"][0]
            ]:
                break
        else:
            statuses.append(("mixed permissions", held))
    return statuses, uris


def test_nothing_is_lost_doubled_mixed_or_refused(server, headers):
    admin, grumpy = headers("snow-white"), headers("grumpy")
    for path, body in [
        ("/admin/base_uri/register", {"base_uri": CONTESTED}),
        ("/admin/permission/update_on_base_uri", PERMISSIONS[0]),
    ]:
        requests.post(f"{server}{path}", json=body, headers=admin, timeout=60)
    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(lambda n: use(server, headers, n), range(CLIENTS)))
    refused = [
        status
        for statuses, _uris in results
        for status in statuses
        if status[1] not in (200, 201)
    ]
    assert refused == []
    registered = set().union(*(uris for _statuses, uris in results))
    rows = list(every(server, "/dataset/search", grumpy))
    assert sorted(row["uri"] for row in rows) == sorted(registered)
    for row in rows:
        # The tags, and what is searched, are those of one and the same registration.
        assert len(row["tags"]) == 2
    names = [user["username"] for user in every(server, "/admin/user/list", admin)]
    assert len(names) == len(set(names))
    for tag in "bcd":
        found = {row["uri"] for row in every(server, "/dataset/search", grumpy, tag)}
        assert found == {row["uri"] for row in rows if tag in row["tags"]}


def every(server, path, who, text=""):
    """Yield every row of a list, page by page."""
    page = 1
    while True:
        url = f"{server}{path}?page_size=100&page={page}"
        if path == "/dataset/search":
            body = {"free_text": text}
            response = requests.post(url, json=body, headers=who, timeout=60)
        else:
            response = requests.get(url, headers=who, timeout=60)
        if response.status_code == 404 or not response.json():
            return
        yield from response.json()
        page += 1


@pytest.mark.parametrize("kind", SERVERS)
def test_a_deadlock_is_begun_anew(kind, tmp_path, keys):
    with (
        empty_database(kind, tmp_path) as url,
        open_app(make_config(tmp_path, keys, url)) as app,
    ):
        add_people(app)
        both_have_one = Barrier(2)
        runs = []

        @transactional
        def rename(first, second):
            runs.append(first)
            set_display_name(first)
            if len(runs) <= 2:
                both_have_one.wait(timeout=30)
            set_display_name(second)

        def work(*usernames):
            with app.app_context():
                rename(*usernames)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, ["grumpy", "sleepy"], ["sleepy", "grumpy"]))
        assert len(runs) == 3
        with app.app_context():
            named = select(User.username).where(User.display_name == "renamed")
            assert set(sql_db.session.scalars(named)) == {"grumpy", "sleepy"}


def set_display_name(username):
    """Rename a user, whose row is locked from then on."""
    sql_db.session.execute(
        update(User).where(User.username == username).values(display_name="renamed")
    )
