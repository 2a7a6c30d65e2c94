"""A storage that fails in the middle of indexing; indexers that meet or are killed."""

import json
import os
import subprocess
import sys
import urllib.request
from contextlib import contextmanager, suppress

import boto3
import dtoolcore
import pytest

from tests.conftest import add_people, open_app
from tests.datasets_on_disk import make_dataset
from tests.operation.processes import free_port
from tests.sql.test_concurrency import wait_until
from tests.test_verifying import environment_of

DATASETS = 6
#: Seconds in which everything happens for sure, on a busy machine too.
SURELY = 300
BUCKET = "orchard"
README = "---\nword: mandragora\n"


@pytest.fixture
def kind():
    """The store, for tests that are about the storage."""
    return "sqlite"


@pytest.fixture
def app(config):
    with open_app(config) as app:
        add_people(app)
        yield app


@pytest.fixture
def folder(app, tmp_path):
    """A folder with datasets, which is a base URI that grumpy may search."""
    folder = tmp_path / "datasets"
    for number in range(DATASETS):
        colour = {"annotations": {"colour": "green"}, "tags": ["ripe"]}
        make_dataset(folder, f"apple-{number}", README, **colour)
    register_base_uri(app, str(folder))
    return folder


def register_base_uri(app, base_uri):
    for command in (
        ["base_uri", "add", base_uri],
        ["user", "search_permission", "grumpy", base_uri],
    ):
        assert app.test_cli_runner().invoke(args=command).exit_code == 0


@pytest.fixture
def indexer(config):
    """Index in a process of its own: indexer(base_uri) gives the process."""

    @contextmanager
    def start(*arguments):
        command = [sys.executable, "-u", "-m", "dtool_lookup_server"]
        with subprocess.Popen(
            [*command, "base_uri", "index", *map(str, arguments)],
            env=environment_of(config),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    return start


@pytest.fixture
def held(folder, indexer):
    """Index the folder, one by one, in a process that is held as it reads the third.

    Gives the process, and what lets it go on to its end and returns its status.
    """

    @contextmanager
    def hold(*options):
        readme = sorted(folder.iterdir())[2] / "README.yml"
        # Whoever opens a pipe to read it waits for somebody who writes to it.
        content = readme.read_text()
        readme.unlink()
        os.mkfifo(readme)
        with indexer("--jobs", "1", *options, folder) as process:
            pipe = opened_by_a_reader(readme)
            readme.unlink()
            readme.write_text(content)

            def go_on():
                os.write(pipe, content.encode())
                os.close(pipe)
                return ended(process)

            yield process, go_on

    return hold


def opened_by_a_reader(path):
    """Return a pipe that is open to be written to, once somebody reads it."""
    found = []

    def opens():
        # Without a reader it cannot be opened.
        with suppress(OSError):
            found.append(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
        return found

    wait_until(opens, SURELY)
    return found[0]


def ended(process):
    """Return the status of an indexer that has come to its end."""
    _out, errors = process.communicate(timeout=SURELY)
    assert "Traceback" not in errors
    return process.returncode


@pytest.fixture
def index(app):
    """Index within this process: index(base_uri) -> the result of the command."""
    return lambda *args: app.test_cli_runner().invoke(
        args=["base_uri", "index", *map(str, args)]
    )


@pytest.fixture
def run_of(app):
    """The newest run of a base URI, as `base_uri list` has it."""

    def find(base_uri):
        listed = app.test_cli_runner().invoke(args=["base_uri", "list"]).stdout
        [row] = [
            row for row in json.loads(listed) if row["base_uri"].endswith(base_uri)
        ]
        return row["index_run"]

    return find


@pytest.fixture
def found(app, grumpy):
    """Return how many datasets are registered, having looked whether each is whole."""

    def found():
        client = app.test_client()
        summary = client.get("/dataset/summary", headers=grumpy).json
        where = "/dataset/search?page_size=100"
        query = {"free_text": "mandragora"}
        hits = client.post(where, json=query, headers=grumpy).json
        assert summary["number_of_datasets"] == len(hits)
        for row in hits:
            body = {"uri": row["uri"]}
            told = client.post("/dataset/readme", json=body, headers=grumpy)
            assert told.json == README
            told = client.post("/dataset/annotations", json=body, headers=grumpy)
            assert told.json == {"colour": "green"}
            assert row["tags"] == ["ripe"]
        done = app.test_cli_runner().invoke(args=["dataset", "verify"])
        assert done.exit_code == 0, done.output
        return len(hits)

    return found


def test_a_folder_that_goes_away(folder, held, index, run_of, found):
    with held("--prune") as (_indexer, go_on):
        folder.rename(folder.with_name("away"))
        assert go_on() == 1
    run = run_of("/datasets")
    assert (run["state"], run["forgotten"]) == ("ended", 0)
    assert (run["registered"], run["failed"]) == (2, DATASETS - 2)
    assert found() == 2
    assert index("--prune", folder).exit_code == 1
    assert found() == 2
    folder.with_name("away").rename(folder)
    assert index("--prune", folder).exit_code == 0
    assert found() == DATASETS


def test_datasets_that_break_meanwhile(folder, held, index, run_of, found):
    broken = [path / ".dtool" / "manifest.json" for path in sorted(folder.iterdir())]
    with held() as (_indexer, go_on):
        for manifest in broken[3:]:
            manifest.rename(manifest.with_name("whole"))
            manifest.write_text('{"items": {')
        assert go_on() == 1
    run = run_of("/datasets")
    assert (run["registered"], run["failed"]) == (3, DATASETS - 3)
    assert found() == 3
    for manifest in broken[3:]:
        manifest.with_name("whole").replace(manifest)
    assert index(folder).exit_code == 0
    assert found() == DATASETS


@contextmanager
def s3():
    """Give the address of an S3 on this machine, and the process that it is."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: _answers(address), SURELY)
            yield address, process
        finally:
            process.kill()


def _answers(address):
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # These are boto3's.
def test_an_s3_that_is_killed(app, indexer, index, run_of, found, monkeypatch):
    base_uri = f"s3://{BUCKET}"
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with s3() as (address, storage):
        for name, value in (
            ("ENDPOINT", address),
            ("ACCESS_KEY_ID", "a"),
            ("SECRET_ACCESS_KEY", "b"),
        ):
            monkeypatch.setenv(f"DTOOL_S3_{name}_{BUCKET}", value)
        secret = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        boto3.resource(
            "s3", endpoint_url=address, region_name="us-east-1", **secret
        ).create_bucket(Bucket=BUCKET)
        for number in range(DATASETS):
            name = f"apple-{number}"
            with dtoolcore.DataSetCreator(name, base_uri, README, "queen") as creator:
                creator.put_annotation("colour", "green")
                creator.put_tag("ripe")
        register_base_uri(app, base_uri)
        with indexer("--prune", base_uri) as process:
            assert process.stdout.readline().startswith("Registered:")
            storage.kill()
            assert ended(process) == 1
    run = run_of(BUCKET)
    assert (run["state"], run["forgotten"]) == ("ended", 0)
    assert run["registered"] + run["failed"] == DATASETS
    assert found() == run["registered"] < DATASETS
    # One that cannot be listed loses nothing.
    assert index("--prune", base_uri).exit_code == 1
    assert run_of(BUCKET)["state"] == "broken off"
    assert found() == run["registered"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_two_indexers_and_one_that_is_killed(folder, held, index, run_of, found):
    with held() as (first, _go_on):
        second = index(folder)
        assert second.exit_code == 1
        assert "is being indexed already" in second.stderr
        first.kill()
        first.wait()
        # A database server hears of the end of a connection a moment later.
        wait_until(lambda: index(folder).exit_code == 0, SURELY)
    assert run_of("/datasets")["state"] == "ended"
    assert found() == DATASETS
