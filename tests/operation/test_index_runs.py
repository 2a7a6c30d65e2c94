"""base_uri index: one at a time, all of them, and what became of each."""

import json
import shutil

import pytest

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import index_runs
from tests.conftest import add_people
from tests.datasets_on_disk import make_dataset, path_of


@pytest.fixture
def places(tmp_path, runner):
    """Two folders that are base URIs, with two datasets in the first."""
    folders = tmp_path / "first", tmp_path / "second"
    for folder in folders:
        folder.mkdir()
        assert runner.invoke(args=["base_uri", "add", str(folder)]).exit_code == 0
    make_dataset(folders[0], "apple")
    make_dataset(folders[0], "broken", readme="a: [")
    return folders


@pytest.fixture
def index(runner):
    """Index: index("--all") -> the result of the command."""
    return lambda *args: runner.invoke(args=["base_uri", "index", *map(str, args)])


@pytest.fixture
def run_of(runner):
    """The newest run of a folder, as `base_uri list` has it."""

    def find(folder):
        listed = json.loads(runner.invoke(args=["base_uri", "list"]).stdout)
        [row] = [row for row in listed if row["base_uri"].endswith(f"/{folder.name}")]
        return row.get("index_run")

    return find


def empty(place):
    """Leave a folder as a file system leaves one that is not mounted."""
    for dataset in place.iterdir():
        shutil.rmtree(dataset)


def test_there_is_no_run_at_first(places, run_of):
    assert run_of(places[0]) is None


def test_a_run_is_listed(places, index, run_of):
    index(places[0])
    run = run_of(places[0])
    assert run["state"] == "ended"
    assert run["finished_at"] >= run["started_at"]
    counted = (run["registered"], run["unchanged"], run["failed"], run["forgotten"])
    assert counted == (1, 0, 1, 0)
    assert run_of(places[1]) is None


def test_the_newest_run_takes_the_place_of_the_one_before(places, index, run_of):
    index(places[0])
    empty(places[0])
    index("--prune", "--allow-empty", places[0])
    run = run_of(places[0])
    assert (run["registered"], run["failed"], run["forgotten"]) == (0, 0, 1)


def test_a_run_that_comes_to_nothing_says_why(places, index, run_of):
    shutil.rmtree(places[0])
    assert index(places[0]).exit_code == 1
    run = run_of(places[0])
    assert run["state"] == "broken off"
    assert "Cannot list the datasets" in run["error"]
    assert run["finished_at"]


def test_prune_leaves_all_of_a_base_uri_that_looks_empty(places, index, run_of):
    index(places[0])
    empty(places[0])
    done = index("--prune", places[0])
    assert done.exit_code == 1
    assert "holds no dataset, and 1 are registered there" in done.stderr
    assert "--prune --allow-empty" in done.stderr
    run = run_of(places[0])
    assert (run["state"], run["forgotten"]) == ("broken off", 0)
    assert "Nothing was forgotten" in run["error"]
    assert "0 registered, 0 unchanged, 0 failed, 1 forgotten" in (
        index("--prune", "--allow-empty", places[0]).stdout
    )


def test_prune_of_all_goes_on_behind_one_that_looks_empty(places, index, run_of):
    gone = make_dataset(places[1], "pear")
    make_dataset(places[1], "plum")
    index("--all")
    empty(places[0])
    shutil.rmtree(path_of(gone))
    done = index("--all", "--prune")
    assert done.exit_code == 1
    assert run_of(places[0])["forgotten"] == 0
    assert run_of(places[1])["forgotten"] == 1
    summary = done.stdout.partition("Summary\n")[2].splitlines()
    assert "failed: " in summary[0] and "holds no dataset" in summary[0]
    assert summary[1].endswith("/second: 1 unchanged, 1 forgotten")
    assert "1 of 2 base URIs had failures" in done.stderr


def test_prune_of_an_empty_base_uri_without_datasets_is_no_failure(places, index):
    assert index("--prune", places[1]).exit_code == 0


def test_allow_empty_goes_with_prune(places, index):
    done = index("--allow-empty", places[0])
    assert (done.exit_code, "goes with --prune" in done.stderr) == (2, True)


def test_all_base_uris_are_indexed(places, index, run_of):
    make_dataset(places[1], "pear")
    done = index("--all")
    assert done.exit_code == 1
    assert run_of(places[0])["registered"] == run_of(places[1])["registered"] == 1
    summary = done.stdout.partition("Summary\n")[2].splitlines()
    assert summary[0].endswith("/first: 1 registered, 1 failed")
    assert summary[1].endswith("/second: 1 registered")
    assert "1 of 2 base URIs had failures" in done.stderr


def test_a_base_uri_that_is_away_does_not_stop_the_others(places, index, run_of):
    make_dataset(places[1], "pear")
    shutil.rmtree(places[0])
    assert index("--all").exit_code == 1
    assert run_of(places[1])["registered"] == 1


def test_all_is_well_where_nothing_fails(places, index):
    for dataset in places[0].iterdir():
        shutil.rmtree(dataset)
    done = index("--all")
    assert done.exit_code == 0
    assert "first: no datasets" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["--all", "s3://snow-white"]])
def test_one_base_uri_or_all(index, arguments):
    assert index(*arguments).exit_code == 2


def test_a_base_uri_is_indexed_by_one_at_a_time(app, places, index, run_of):
    with app.app_context(), index_runs.recorded(str(places[0])):
        second = index(places[0])
        assert second.exit_code == 1
        assert "is being indexed already" in second.stderr
        assert run_of(places[0])["state"] == "running"
        assert run_of(places[0])["finished_at"] is None
        assert index(places[1]).exit_code == 0
    assert run_of(places[0])["state"] == "ended"
    assert index("--all").exit_code == 1


def test_all_leaves_a_base_uri_to_the_one_that_indexes_it(app, places, index):
    with app.app_context(), index_runs.recorded(str(places[0])):
        done = index("--all")
    assert done.exit_code == 0
    assert "is being indexed already" in done.stdout


def test_a_run_goes_with_its_base_uri(app, places, index, headers):
    add_people(app)
    index(places[1])
    client, admin = app.test_client(), headers("snow-white")
    [row] = [
        row
        for row in client.get("/base-uris", headers=admin).json
        if row["base_uri"].endswith("/second")
    ]
    assert row["index_run"]["state"] == "ended"
    listed = client.get("/admin/base_uri/list", headers=admin).json
    assert [row["index_run"]["state"] for row in listed if "index_run" in row] == [
        "ended"
    ]
    with app.app_context():
        index_runs.base_uris.remove(row["base_uri"])
        assert sql_db.session.query(index_runs.IndexRun).all() == []
