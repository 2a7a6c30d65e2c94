"""PUT /uris: many datasets, a line each."""

import io
import json
import threading
import tracemalloc

import pytest
from sqlalchemy import event

from dtool_lookup_server import sql_db
from dtool_lookup_server.errors import StoreUnavailableError
from dtool_lookup_server.routes.rest import bulk
from dtool_lookup_server.routes.rest.spool import reader_of
from tests.corpus import DATASETS, MR_MEN, dataset_info
from tests.rest.paths import total_of


def put(client, headers, lines, kind="application/x-ndjson"):
    if not isinstance(lines, bytes):
        lines = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    response = client.put("/uris", data=lines, content_type=kind, headers=headers)
    return response


def stream(client, headers, body):
    """Send a body of no known length, and do not wait for the answer."""
    return client.put(
        "/uris",
        content_type="application/x-ndjson",
        headers=headers,
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True},
        buffered=False,
    )


def answers(response):
    assert response.status_code == 200
    assert response.mimetype == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def test_each_line_is_registered_and_answered(client, headers, grumpy):
    response = put(client, headers("librarian"), DATASETS)
    assert answers(response) == [{"status": 201, "uri": d["uri"]} for d in DATASETS]
    assert total_of(client.get("/uris", headers=grumpy)) == len(DATASETS)
    again = answers(put(client, headers("librarian"), DATASETS[:2]))
    assert [answer["status"] for answer in again] == [200, 200]


def test_a_line_that_is_refused_stops_no_other(client, grumpy):
    infos = [
        dataset_info("a"),
        dataset_info("b", type=...),
        dataset_info("c", base_uri=MR_MEN),
        dataset_info("d", frozen_at="x"),
        dataset_info("e", surprise=1),
        dataset_info("f"),
        [],
        1,
        dataset_info("f"),
    ]
    found = answers(put(client, grumpy, infos))
    statuses = [answer["status"] for answer in found]
    assert statuses == [201, 400, 403, 422, 422, 201, 422, 422, 200]
    for answer in found:
        if answer["status"] >= 400:
            assert answer["error"]["code"] == answer["status"]
            assert answer["error"]["status"]
    assert found[2]["uri"] == infos[2]["uri"]
    assert total_of(client.get("/uris", headers=grumpy)) == 2


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b"NaN", 400),
        (b"[" * 100_000, 422),
        (b"null", 422),
        (b'"text"', 422),
    ],
    ids=lambda value: str(value)[:10],
)
def test_what_is_no_dataset_is_an_error_of_its_line(client, grumpy, line, status):
    good = json.dumps(dataset_info()).encode()
    found = answers(put(client, grumpy, line + b"\n\r\n" + good))
    assert [answer["status"] for answer in found] == [status, 201]


def test_a_line_that_is_too_long_is_413(app, client, grumpy):
    app.config["MAX_CONTENT_LENGTH"] = 3000
    infos = [dataset_info("a", readme="x" * 200_000), dataset_info("b")]
    found = answers(put(client, grumpy, infos))
    assert [answer["status"] for answer in found] == [413, 201]


def test_a_body_that_is_too_long_is_413(app, client, grumpy):
    app.config["MAX_BULK_LENGTH"] = 10
    assert put(client, grumpy, [dataset_info()]).status_code == 413


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_another_type_is_415(client, grumpy, kind):
    assert put(client, grumpy, [], kind).status_code == 415


def test_nothing_is_answered_by_nothing(client, grumpy):
    assert answers(put(client, grumpy, b"")) == []


def test_a_batch_is_one_transaction(app, client, grumpy, monkeypatch):
    commits = []
    many = [dataset_info(f"dataset-{number}") for number in range(50)]
    monkeypatch.setattr(bulk, "BATCH", 25)
    with app.app_context():
        event.listen(sql_db.engine, "commit", commits.append)
    found = answers(put(client, grumpy, many))
    assert {answer["status"] for answer in found} == {201}
    assert len(commits) < 25


def test_a_store_that_fails_for_one_fails_for_one(app, client, grumpy, monkeypatch):
    register = app.search.register_dataset

    def fail_for_bad(info):
        if info["name"] == "bad":
            raise StoreUnavailableError("away")
        register(info)

    monkeypatch.setattr(app.search, "register_dataset", fail_for_bad)
    names = ["good", "bad", "fine"]
    found = answers(put(client, grumpy, [dataset_info(name) for name in names]))
    assert [answer["status"] for answer in found] == [201, 503, 201]
    rows = client.get("/uris?sort=name", headers=grumpy).json
    assert [row["name"] for row in rows] == ["fine", "good"]


class Duet:
    """A body whose next line comes after the answer to the one before."""

    def __init__(self, lines):
        self._lines = iter(lines)
        self.heard = threading.Semaphore(1)

    def read(self, _size=-1):
        assert self.heard.acquire(timeout=20)
        return next(self._lines, b"")

    read1 = read


def test_answers_come_while_lines_are_sent(client, grumpy):
    lines = [json.dumps(dataset_info(n)).encode() + b"\n" for n in ("a", "b", "c")]
    body = Duet(lines)
    response = stream(client, grumpy, body)
    for line in response.iter_encoded():
        assert json.loads(line)["status"] == 201
        body.heard.release()


class Lines(io.BytesIO):
    """A body as gunicorn gives it; remembers how it was read."""

    read1 = None

    def __init__(self, content):
        super().__init__(content)
        self.calls = set()

    def read(self, size=-1):
        self.calls.add("read")
        return super().read(size)

    def readline(self, size=-1):
        self.calls.add("readline")
        return super().readline(size)


@pytest.mark.parametrize(
    ("number", "with_length", "call"),
    [(1, True, "readline"), (50, True, "read"), (50, False, "readline")],
)
def test_a_large_body_whose_length_is_known_is_not_read_line_by_line(
    number, with_length, call
):
    content = b"x" * 2_000 + b"\n"
    body = Lines(content * number)
    length = {"CONTENT_LENGTH": str(len(content) * number)} if with_length else {}
    ends = {"wsgi.input": body, "wsgi.input_terminated": True}
    read = reader_of({**ends, **length}, 10**6)
    assert b"".join(iter(read, b"")) == content * number
    assert body.calls == {call}


@pytest.mark.parametrize(("most", "status"), [(5_000_000, 201), (30_000, 413)])
def test_a_body_without_a_length_has_a_limit_too(app, client, grumpy, most, status):
    app.config["MAX_BULK_LENGTH"] = most
    found = answers(stream(client, grumpy, Endless(3)))
    assert found[0]["status"] == 201
    assert found[-1]["status"] == status


class Broken(Duet):
    """A client that goes away."""

    def read(self, _size=-1):
        try:
            return next(self._lines)
        except StopIteration:
            raise ConnectionResetError from None

    read1 = read


def test_what_came_before_a_client_went_away_is_registered(client, grumpy):
    line = json.dumps(dataset_info()).encode() + b"\n"
    stream(client, grumpy, Broken([line, line[:20]]))
    assert total_of(client.get("/uris", headers=grumpy)) == 1


class Endless:
    """A large body that is made as it is read."""

    def __init__(self, number):
        self._lines = (
            json.dumps(dataset_info(f"n{i}", readme="x y " * 5_000)).encode() + b"\n"
            for i in range(number)
        )

    def read(self, _size=-1):
        return next(self._lines, b"")

    read1 = read


def test_memory_does_not_grow_with_the_body(client, grumpy, monkeypatch):
    monkeypatch.setattr(bulk, "BATCH", 5)

    def peak(number):
        tracemalloc.start()
        response = stream(client, grumpy, Endless(number))
        assert sum(some.count(b"\n") for some in response.iter_encoded()) == number
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(20)
    assert peak(120) < peak(30) + 1_000_000
