"""A disk that is full costs answers of 507, and nothing else, until there is room."""

import io
import json
import os
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from dtool_lookup_server.engines import with_driver
from tests.conftest import add_people, make_config, mongo_settings_of, open_app
from tests.corpus import dataset_info, uri_of
from tests.databases import connected
from tests.datasets_on_disk import make_dataset
from tests.faults.server import AWAY, FULL
from tests.mongod import Mongod
from tests.private_servers import PrivateMariaDB, PrivatePostgreSQL, running
from tests.rest.test_bulk import answers, stream
from tests.security.agreement import assert_all_agree, every_row

MEGABYTE = 1024 * 1024

#: The number of the capability to mount, in Linux's capability.h.
_CAP_SYS_ADMIN = 21


def may_mount():
    """Return whether this process may mount something."""
    with open("/proc/self/status", encoding="ascii") as status:
        fields = dict(line.split(":", 1) for line in status)
    return bool(int(fields["CapEff"], 16) >> _CAP_SYS_ADMIN & 1)


@pytest.fixture
def disk(request):
    """A small disk of a test's own, which everybody may write to.

    Of 48 MB, or as many as it is parametrised with.
    """
    size = getattr(request, "param", 48) * MEGABYTE
    if not may_mount():
        pytest.skip("mounting a small disk takes the rights of root")
    # Not below pytest's own folder, which is closed to a database server's user.
    folder = Path(tempfile.mkdtemp(prefix="lookup-"))
    options = f"size={size},mode=1777"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        folder.rmdir()
        fail = pytest.fail if os.environ.get("CI") else pytest.skip
        fail(f"a small disk cannot be mounted: {done.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@contextmanager
def filled(disk):
    """Leave no room on a disk."""
    filler = disk / "filler"
    with open(filler, "wb") as file:
        # A server may take room meanwhile: then as much is not free any more.
        while free := shutil.disk_usage(disk).free:
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def register(grumpy):
    """Register a dataset of half a megabyte: register(app, "one") -> the response."""

    def register(app, name):
        notes = os.urandom(MEGABYTE // 4).hex()
        info = dataset_info(name, readme=f"mandragora: {notes}")
        client = app.test_client()
        return client.post("/dataset/register", json=info, headers=grumpy)

    return register


def assert_only_reading_works(app, register, grumpy):
    """Fail unless registering is refused for want of room, and reading is not."""
    # What the file has beyond what is in it is used up first.
    kept = 1
    while (response := register(app, f"full-{kept}")).status_code == 201:
        kept += 1
    assert (response.status_code, response.json["code"]) == (507, 507)
    assert "no room" in response.json["message"]
    client, query = app.test_client(), {"free_text": "mandragora"}
    summary = client.get("/dataset/summary", headers=grumpy).json
    assert summary["number_of_datasets"] == kept
    found = client.post("/dataset/search", json=query, headers=grumpy)
    assert len(found.json) == min(kept, 10)


@contextmanager
def opened(config):
    """Give an app with people in it."""
    with open_app(config) as app:
        app.config["PROPAGATE_EXCEPTIONS"] = False
        add_people(app)
        yield app


def test_a_sqlite_database_on_a_full_disk(disk, keys, register, grumpy):
    with opened(make_config(disk, keys)) as app:
        assert register(app, "before").status_code == 201
        with filled(disk):
            assert_only_reading_works(app, register, grumpy)
        assert register(app, "after").status_code == 201


def test_a_sqlite_database_that_may_not_grow(tmp_path, keys, register, grumpy):
    with opened(make_config(tmp_path, keys)) as app:
        assert register(app, "before").status_code == 201
        limit_pages(app, "(SELECT page_count FROM pragma_page_count)")
        assert_only_reading_works(app, register, grumpy)
        limit_pages(app, "4294967294")
        assert register(app, "after").status_code == 201


def limit_pages(app, number):
    """Let a database's file have no more than a number of pages."""
    with app.app_context():
        sql_db.engine.dispose()

        @sa.event.listens_for(sql_db.engine, "connect")
        def limit(connection, _record):
            [most] = connection.execute(f"SELECT {number}").fetchone()
            connection.execute(f"PRAGMA max_page_count = {most}")


def test_a_postgresql_database_on_a_full_disk(disk, tmp_path, keys, register, grumpy):
    with running(PrivatePostgreSQL) as server:
        url = with_driver(server.url.format(port=server.port))
        # Its tables alone: without room for its log the server itself would end.
        tables = disk / "tables"
        tables.mkdir()
        shutil.chown(tables, server.user)
        with connected(url) as connection:
            for statement in (
                f"CREATE TABLESPACE small LOCATION '{tables}'",
                "CREATE DATABASE small TABLESPACE small",
            ):
                connection.execute(sa.text(statement))
        small = url.set(database="small").render_as_string()
        with opened(make_config(tmp_path, keys, small)) as app:
            assert register(app, "before").status_code == 201
            with filled(disk):
                assert_only_reading_works(app, register, grumpy)
            assert register(app, "after").status_code == 201


#: Seconds that MariaDB may wait for room, as it does by itself for a minute and longer.
PATIENCE = {"SQL_STATEMENT_TIMEOUT": 3, "SQL_CONNECT_TIMEOUT": 2}
#: Seconds in which an answer comes for sure, on a busy machine too.
SURELY = 30


def test_a_mariadb_whose_binary_log_is_on_a_full_disk(
    disk, tmp_path, keys, register, grumpy
):
    class Logging(PrivateMariaDB):
        options = (f"--log-bin={disk}/log", "--server-id=1")

    with running(Logging) as server:
        url = server.url.format(port=server.port)
        with opened(make_config(tmp_path, keys, url) | PATIENCE) as app:
            assert register(app, "before").status_code == 201
            with filled(disk):
                assert_only_reading_works(app, register, grumpy)
            assert register(app, "after").status_code == 201


def fill_up(app, register):
    """Register datasets until one is refused.

    :returns: the names of those that are registered, and that of the last one
    """
    kept = []
    while True:
        name = f"full-{len(kept)}"
        began = time.monotonic()
        status = register(app, name).status_code
        assert time.monotonic() - began < SURELY
        if status != 201:
            assert status in (AWAY, FULL)
            return kept, name
        kept.append(name)


def assert_recovers(app, register, headers, kept, refused):
    """Fail unless what was registered is there, and nothing else, and more can be."""
    assert register(app, "after").status_code == 201
    assert_there(app, headers, [*kept, "after"])
    assert register(app, refused).status_code == 201
    assert_there(app, headers, [*kept, "after", refused])
    done = app.test_cli_runner().invoke(args=["dataset", "verify"])
    assert done.exit_code == 0, done.output


def assert_there(app, headers, names):
    """Fail unless just these datasets are there, whatever is asked."""
    assert_all_agree(app, headers)
    client, query = app.test_client(), {"free_text": "mandragora"}
    rows = every_row(client, headers("grumpy"), "POST", "/dataset/search", json=query)
    assert sorted(row["uri"] for row in rows) == sorted(map(uri_of, names))


def test_a_mariadb_on_a_full_disk(disk, tmp_path, keys, register, headers):
    with running(PrivateMariaDB) as server:
        # Its tables alone, as with PostgreSQL.
        tables = disk / "tables"
        tables.mkdir()
        shutil.chown(tables, server.user)
        (server.folder / "data" / "small").symlink_to(tables)
        url = with_driver(server.url.format(port=server.port)).set(database="small")
        config = make_config(tmp_path, keys, url.render_as_string())
        with opened(config | PATIENCE) as app:
            assert register(app, "before").status_code == 201
            with filled(disk):
                kept, refused = fill_up(app, register)
            # It ends itself where it has no room to undo what it has begun.
            server.start_again()
            assert_recovers(app, register, headers, ["before", *kept], refused)


@pytest.mark.parametrize("disk", [400], indirect=True)
def test_a_mongodb_on_a_full_disk(disk, tmp_path, keys, register, headers):
    mongod = Mongod(disk, "--syncdelay", "1")
    mongod.start()
    try:
        config = make_config(tmp_path, keys) | mongo_settings_of(mongod)
        hasty = {"SEARCH_MONGO_TIMEOUT": 3, "RETRIEVE_MONGO_TIMEOUT": 3}
        with opened(config | hasty) as app:
            assert register(app, "before").status_code == 201
            with filled(disk):
                kept, refused = fill_up(app, register)
            # It ends itself, and its files are good.
            mongod.stop()
            mongod.start()
            assert_recovers(app, register, headers, ["before", *kept], refused)
    finally:
        mongod.stop()


def test_an_edit_on_a_full_disk_leaves_the_dataset_as_it_was(
    disk, tmp_path, keys, grumpy
):
    dataset = make_dataset(disk / "datasets", "one", annotations={"colour": "green"})
    with opened(make_config(tmp_path, keys)) as app:
        run = app.test_cli_runner().invoke
        base_uri = str(disk / "datasets")
        for command in (
            ["base_uri", "add", base_uri],
            ["base_uri", "index", base_uri],
            ["user", "search_permission", "grumpy", base_uri],
            ["user", "register_permission", "grumpy", base_uri],
        ):
            assert run(args=command).exit_code == 0
        client = app.test_client()
        path = f"/annotations/{quote(dataset.uri, safe='')}"
        body = {"annotations": {"colour": "green", "more": "x" * MEGABYTE}}
        with filled(disk):
            refused = client.put(path, json=body, headers=grumpy)
        assert (refused.status_code, refused.json["code"]) == (507, 507)
        left = client.get(path, headers=grumpy).json["annotations"]
        assert left == {"colour": "green"}
        assert dataset.list_annotation_names() == ["colour"]
        assert client.put(path, json=body, headers=grumpy).status_code == 200


# Where a bulk registration waits


@pytest.fixture
def temporary(disk, monkeypatch):
    """Let the small disk be the folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    return disk


@pytest.fixture
def app(tmp_path, keys):
    with opened(make_config(tmp_path, keys)) as app:
        yield app


LINES = [json.dumps(dataset_info(f"line-{n}")).encode() + b"\n" for n in range(3)]


def number_of(app, headers):
    """Return how many datasets there are."""
    summary = app.test_client().get("/dataset/summary", headers=headers).json
    return summary["number_of_datasets"]


@pytest.mark.parametrize("has_length", [True, False])
def test_a_bulk_registration_without_room_for_it_is_refused(
    app, temporary, grumpy, has_length
):
    body = b"".join(LINES)

    def send():
        if has_length:
            kind = "application/x-ndjson"
            client = app.test_client()
            return client.put("/uris", data=body, content_type=kind, headers=grumpy)
        return stream(app.test_client(), grumpy, io.BytesIO(body))

    with filled(temporary):
        refused = send()
    assert (refused.status_code, refused.json["code"]) == (507, 507)
    assert "temporary files has no room" in refused.json["message"]
    assert number_of(app, grumpy) == 0
    assert {answer["status"] for answer in answers(send())} == {201}
    assert number_of(app, grumpy) == len(LINES)


def test_a_body_larger_than_the_room_is_refused_before_it_is_read(
    app, temporary, grumpy
):
    length = shutil.disk_usage(temporary).free + MEGABYTE
    response = app.test_client().put(
        "/uris",
        content_type="application/x-ndjson",
        headers=grumpy,
        environ_overrides={
            "wsgi.input": io.BytesIO(LINES[0]),
            "CONTENT_LENGTH": str(length),
        },
    )
    assert (response.status_code, response.json["code"]) == (507, 507)
    assert number_of(app, grumpy) == 0


def test_a_bulk_registration_whose_room_ends_says_so_in_its_last_line(
    app, temporary, grumpy
):
    filler = temporary / "filler"

    class Body(io.BytesIO):
        def read1(self, _size=-1):
            line = self.readline()
            if line == LINES[1]:
                with open(filler, "wb") as file:
                    free = shutil.disk_usage(temporary).free
                    os.posix_fallocate(file.fileno(), 0, free)
                # More than what the last page of the file may have left.
                return b" " * MEGABYTE
            return line

    found = answers(stream(app.test_client(), grumpy, Body(b"".join(LINES))))
    assert [answer["status"] for answer in found] == [201, 507]
    assert "temporary files has no room" in found[-1]["error"]["message"]
    assert number_of(app, grumpy) == 1
