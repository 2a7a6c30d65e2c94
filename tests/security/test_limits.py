"""Limits on what somebody may ask for, the same on both APIs."""

import json
import socket
import subprocess
import time
from types import SimpleNamespace

import pytest

from dtool_lookup_server import create_app, deadlines, sql_db
from dtool_lookup_server.config import default_of
from dtool_lookup_server.database import transactional
from dtool_lookup_server.errors import ConfigurationError
from dtool_lookup_server.services import users
from tests.conftest import add_people, open_app
from tests.corpus import dataset_info, uri_of
from tests.operation.processes import free_port, program, running
from tests.rest.paths import encoded

ONE = f"/uris/{encoded(uri_of('apple-harvest'))}"

#: A route of each API, by what it does.
REGISTERING = [("POST", "/dataset/register"), ("PUT", ONE)]
SEARCHING = ["/dataset/search", "/uris", "/uris/summary", "/uris/timeline"]
LISTING = ["/dataset/list", "/uris", "/admin/user/list", "/users", "/audit"]


@pytest.fixture
def limited(config, headers):
    """Make a client of a server with limits: limited(MAX_PAGE_SIZE=3)."""
    opened = []

    def make(**limits):
        context = open_app(config | limits)
        app = context.__enter__()
        opened.append(context)
        add_people(app)
        return app.test_client()

    yield make
    for context in opened:
        context.__exit__(None, None, None)


# What is sent


@pytest.mark.parametrize(("method", "path"), REGISTERING)
def test_a_body_that_is_too_large_is_413(limited, grumpy, method, path):
    client = limited(MAX_CONTENT_LENGTH=2000)
    info = dataset_info("apple-harvest")
    small = client.open(path, method=method, json=info, headers=grumpy)
    large = client.open(
        path, method=method, json=info | {"readme": "x" * 2000}, headers=grumpy
    )
    assert (small.status_code, large.status_code) == (201, 413)
    assert large.json["code"] == 413


def nested(levels):
    value = "bottom"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


@pytest.mark.parametrize(("method", "path"), REGISTERING)
def test_json_that_is_too_deep_is_422_and_names_the_field(
    limited, grumpy, method, path
):
    client = limited(MAX_JSON_DEPTH=6)
    statuses = []
    # The body and the field are levels, too.
    for levels in (4, 5):
        info = dataset_info("apple-harvest", annotations={"a": nested(levels)})
        response = client.open(path, method=method, json=info, headers=grumpy)
        statuses.append(response.status_code)
    assert statuses == [201, 422]
    assert response.json["errors"]["json"] == {
        "annotations": ["Nested deeper than 6 levels."]
    }


def test_depth_is_limited_in_lists_and_lines_too(limited, admin, grumpy):
    client = limited(MAX_JSON_DEPTH=3)
    body = [{"username": "doc"}, {"username": [["deep"]]}]
    response = client.post("/admin/user/register", json=body, headers=admin)
    assert response.status_code == 422
    assert response.json["errors"]["json"] == {
        "1": {"username": ["Nested deeper than 3 levels."]}
    }
    line = json.dumps({"tags": [[["deep"]]]})
    answer = client.put(
        "/uris", data=line, content_type="application/x-ndjson", headers=grumpy
    )
    assert json.loads(answer.text)["status"] == 422


@pytest.mark.parametrize("path", SEARCHING)
def test_json_without_end_is_422(limited, grumpy, path):
    response = limited().post(
        path,
        data='{"tags": ' + "[" * 100_000,
        content_type="application/json",
        headers=grumpy,
    )
    assert response.status_code == 422
    assert "Nested deeper than 100 levels." in response.text


@pytest.mark.parametrize("path", SEARCHING)
@pytest.mark.parametrize("key", ["tags", "base_uris", "creator_usernames"])
def test_too_many_values_in_a_query_are_422(limited, grumpy, path, key):
    client = limited(MAX_QUERY_VALUES=2)
    few, many = (
        client.post(path, json={key: ["x", "y", "z"][:number]}, headers=grumpy)
        for number in (2, 3)
    )
    assert (few.status_code, many.status_code) == (200, 422)
    assert many.json["errors"]["json"] == {key: ["Longer than maximum length 2."]}


@pytest.mark.parametrize("path", LISTING)
def test_a_page_that_is_too_large_is_422(limited, admin, path):
    client = limited(MAX_PAGE_SIZE=3)
    statuses = [
        client.get(f"{path}?page_size={size}", headers=admin).status_code
        for size in (0, 3, 4)
    ]
    assert statuses == [422, 200, 422]


def test_a_larger_page_can_be_allowed(limited, admin):
    client = limited(MAX_PAGE_SIZE=200)
    assert client.get("/users?page_size=200", headers=admin).status_code == 200


# How long it may take


@pytest.mark.parametrize("path", ["/dataset/list", "/uris", "/me/summary"])
def test_what_takes_too_long_is_503(limited, grumpy, path):
    response = limited(REQUEST_TIMEOUT=1e-9).get(path, headers=grumpy)
    assert response.status_code == 503
    assert "longer than a request may take" in response.json["message"]


def test_what_takes_too_long_changes_nothing(limited):
    client = limited(REQUEST_TIMEOUT=1)

    @transactional
    def add_slowly():
        users.register([{"username": "doc"}])
        sql_db.session.flush()
        time.sleep(1.1)
        users.register([{"username": "happy"}])
        return "done"

    client.application.add_url_rule("/slow", "slow", add_slowly)
    assert client.get("/slow").status_code == 503
    with client.application.app_context():
        assert users.find("doc") is None
        assert users.find("happy") is None


def test_what_is_sent_bit_by_bit_may_take_longer(limited, grumpy, monkeypatch):
    client, passed = limited(REQUEST_TIMEOUT=60), []
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + sum(passed))
    monkeypatch.setattr(deadlines, "time", clock)

    def lines():
        for number in range(3):
            # What takes its time is the client.
            passed.append(3600)
            yield json.dumps(dataset_info(f"bulk-{number}")).encode() + b"\n"

    body = lines()
    answer = client.put(
        "/uris",
        content_type="application/x-ndjson",
        headers=grumpy,
        environ_overrides={
            "wsgi.input": SimpleNamespace(read1=lambda _size: next(body, b"")),
            "wsgi.input_terminated": True,
        },
    )
    statuses = [json.loads(line)["status"] for line in answer.text.splitlines()]
    assert statuses == [201] * 3
    assert sum(passed) == 3 * 3600


# How often


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still: clock.append(seconds) to go on."""
    seconds = [time.time()]
    monkeypatch.setattr(time, "time", lambda: sum(seconds))
    return seconds


def statuses_of(client, path, who, number):
    return [client.get(path, headers=who).status_code for _time in range(number)]


def test_too_many_requests_a_second_are_429(limited, headers, clock):
    client, grumpy = limited(REQUESTS_PER_SECOND=4), headers("grumpy")
    assert statuses_of(client, "/dataset/list", grumpy, 2) == [200] * 2
    assert statuses_of(client, "/uris", grumpy, 3) == [200, 200, 429]
    response = client.get("/dataset/list", headers=grumpy)
    assert (response.status_code, response.json["code"]) == (429, 429)
    assert "4 requests in a second" in response.json["message"]
    assert int(response.headers["Retry-After"]) >= 1
    # Each user counts alone, and so does an address without a token.
    assert statuses_of(client, "/uris", headers("sleepy"), 1) == [200]
    assert statuses_of(client, "/uris", {}, 5) == [401] * 4 + [429]
    clock.append(2)
    assert statuses_of(client, "/uris", grumpy, 1) == [200]


def test_what_looks_after_the_server_is_not_limited(limited, clock):
    client = limited(REQUESTS_PER_SECOND=1)
    assert statuses_of(client, "/config/health", {}, 3) == [200] * 3


def test_by_default_nobody_counts(limited, grumpy):
    assert default_of("REQUESTS_PER_SECOND") is None
    client = limited()
    assert statuses_of(client, "/me", grumpy, 30) == [200] * 30
    assert "X-RateLimit-Limit" not in client.get("/me", headers=grumpy).headers


@pytest.fixture
def redis_url(tmp_path):
    """The URL of a Redis of the test's own."""
    port = free_port()
    command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--dir", str(tmp_path)]
    with running(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}"


def test_with_redis_all_workers_count_together(limited, grumpy, clock, redis_url):
    workers = [
        limited(REQUESTS_PER_SECOND=2, RATE_LIMIT_STORAGE=redis_url)
        for _worker in range(2)
    ]
    found = [
        worker.get("/me", headers=grumpy).status_code for worker in [*workers, *workers]
    ]
    assert found == [200, 200, 429, 429]


def test_where_redis_is_away_each_worker_counts_for_itself(limited, grumpy, clock):
    client = limited(REQUESTS_PER_SECOND=2, RATE_LIMIT_STORAGE="redis://127.0.0.1:1")
    assert statuses_of(client, "/me", grumpy, 3) == [200, 200, 429]


def test_a_wrong_storage_is_told_without_its_password(config):
    wrong = {"REQUESTS_PER_SECOND": 1, "RATE_LIMIT_STORAGE": "nonsense://:secret@h"}
    with pytest.raises(ConfigurationError, match="RATE_LIMIT_STORAGE") as raised:
        create_app(config | wrong)
    assert "secret" not in str(raised.value)
