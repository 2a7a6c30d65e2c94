"""base_uri index: only what has changed is read, and every change is noticed."""

import json
import os
import re
import shutil
import signal
import threading
from importlib.metadata import EntryPoint

import dtoolcore
import pytest

from dtool_lookup_server import storages
from dtool_lookup_server.plugins.sql import SQLSearch
from dtool_lookup_server.services import (
    digests,
    index_runs,
    indexing,
    registered,
    registering,
)
from dtool_lookup_server.services.datasets import find
from dtool_lookup_server.storages import Found, Storage, folder, s3, storage_of
from tests.datasets_on_disk import make_dataset, path_of
from tests.s3_server import bucket_at, s3_server

# These are boto3's.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ITEMS = {"a.txt": "abc", "b/ü.txt": "", "c.txt": "c"}


@pytest.fixture(scope="module")
def endpoint():
    """The address of an S3 on this machine."""
    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(endpoint):
    """A bucket that dtool can write."""
    with bucket_at(endpoint, "indexed") as bucket:
        yield bucket


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """A folder whose files are not taken for too new."""
    monkeypatch.setattr(folder, "SETTLED", 0)
    place = tmp_path / "datasets"
    place.mkdir()
    return str(place)


@pytest.fixture
def in_s3(bucket):
    """The base URI of the bucket."""
    return f"s3://{bucket.name}"


@pytest.fixture(params=["disk", "in_s3"])
def place(request):
    """A base URI, of each kind of storage that is listed at once."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def opened(monkeypatch):
    """The URIs of the datasets that are read."""
    uris = []
    really_open = Storage.open

    def watched(self, uri):
        uris.append(uri)
        return really_open(self, uri)

    monkeypatch.setattr(Storage, "open", watched)
    return uris


@pytest.fixture
def index(app, opened):
    """Index: index(place, "--force") -> the result; opened has what it read."""
    runner = app.test_cli_runner()

    def run(base_uri, *options):
        runner.invoke(args=["base_uri", "add", base_uri])
        opened.clear()
        return runner.invoke(args=["base_uri", "index", *options, base_uri])

    return run


@pytest.fixture
def known(app):
    """What the server has of a dataset: known(uri) -> its dataset info."""

    def fetch(uri):
        with app.app_context():
            return registered.info_of(find(uri))

    return fetch


def make(place, name="one", **content):
    """Make a frozen dataset, and return it."""
    with dtoolcore.DataSetCreator(name, place, "---\na: 1\n", "queen") as new:
        for key, value in content.get("annotations", {"colour": "green"}).items():
            new.put_annotation(key, value)
        for tag in content.get("tags", ["ripe"]):
            new.put_tag(tag)
        for relpath, text in content.get("items", {}).items():
            with open(new.prepare_staging_abspath_promise(relpath), "w") as file:
                file.write(text)
    return dtoolcore.DataSet.from_uri(new.uri)


def counted(result):
    """Return the numbers of the last line, by their words."""
    last = result.stdout.strip().splitlines()[-1]
    return {word: int(number) for number, word in re.findall(r"(\d+) (\w+)", last)}


# Reading as little as can be


def test_what_has_not_changed_is_not_read(place, index, opened):
    uris = [make(place, name).uri for name in ("one", "two")]
    assert counted(index(place))["registered"] == 2
    assert sorted(opened) == sorted(uris)
    again = index(place)
    assert counted(again) == {"registered": 0, "unchanged": 2, "failed": 0}
    assert all(f"Registered: {uri} (unchanged)\n" in again.stdout for uri in uris)
    assert opened == []


CHANGES = {
    "tag": lambda dataset: dataset.put_tag("new"),
    "tag taken away": lambda dataset: dataset.delete_tag("ripe"),
    "annotation": lambda dataset: dataset.put_annotation("new", [1]),
    "annotation changed": lambda dataset: dataset.put_annotation("colour", "brown"),
    "annotation taken away": lambda dataset: dataset.delete_annotation("colour"),
    "readme": lambda dataset: dataset.put_readme("---\na: 2\n"),
    "name": lambda dataset: dataset.update_name("two"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_noticed(place, index, opened, known, change):
    make(place, "other")
    dataset = make(place)
    index(place)
    change(dataset)
    assert counted(index(place)) == {"registered": 1, "unchanged": 1, "failed": 0}
    assert opened == [dataset.uri]
    stored = indexing.dataset_info(dtoolcore.DataSet.from_uri(dataset.uri), "")
    names = ("name", "readme", "annotations", "tags")
    assert [known(dataset.uri)[name] for name in names] == [
        stored[name] for name in names
    ]


def test_a_file_of_the_same_size_and_time_is_noticed(disk, index, known):
    dataset = make(disk)
    index(disk)
    readme = path_of(dataset) / "README.yml"
    before = readme.stat()
    readme.write_text("---\na: 9\n")
    os.utime(readme, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert counted(index(disk))["registered"] == 1
    assert known(dataset.uri)["readme"] == "---\na: 9\n"


def test_another_file_in_its_place_is_noticed(disk, index, known):
    dataset = make(disk)
    index(disk)
    manifest = path_of(dataset) / ".dtool" / "manifest.json"
    changed = json.loads(manifest.read_text()) | {"hash_function": "md5sum_hexdigesT"}
    other = manifest.with_suffix(".new")
    other.write_text(json.dumps(changed, indent=2, sort_keys=True))
    os.utime(other, ns=(0, manifest.stat().st_mtime_ns))
    other.rename(manifest)
    assert counted(index(disk))["registered"] == 1
    assert known(dataset.uri)["manifest"]["hash_function"] == "md5sum_hexdigesT"


def test_an_object_that_is_replaced_is_noticed(in_s3, bucket, index, known):
    dataset = make(in_s3)
    index(in_s3)
    bucket.put_object(Key=f"{dataset.uuid}/README.yml", Body=b"---\na: 9\n")
    assert counted(index(in_s3))["registered"] == 1
    assert known(dataset.uri)["readme"] == "---\na: 9\n"


def test_a_file_that_was_written_just_now_is_read_again(
    disk, index, opened, monkeypatch
):
    # It may have been written once more within the same tick of the clock.
    monkeypatch.setattr(folder, "SETTLED", 10**15)
    make(disk)
    index(disk)
    assert counted(index(disk))["unchanged"] == 1
    assert len(opened) == 1


def test_force_reads_and_registers_all(place, index, opened):
    make(place)
    index(place)
    assert counted(index(place, "--force"))["registered"] == 1
    assert len(opened) == 1


def test_other_plugins_are_given_all(place, index, monkeypatch):
    make(place)
    index(place)
    monkeypatch.setattr(digests, "ANALYSIS_VERSION", -1)
    assert counted(index(place))["registered"] == 1
    assert counted(index(place))["unchanged"] == 1


def test_what_somebody_else_registered_is_replaced(app, place, index, known):
    dataset = make(place)
    index(place)
    with app.app_context():
        registering.register({**known(dataset.uri), "readme": "x: y"})
    assert counted(index(place))["registered"] == 1
    assert known(dataset.uri)["readme"] == "---\na: 1\n"


def test_what_was_registered_otherwise_is_read_once(app, place, index, opened):
    dataset = make(place)
    with app.app_context():
        base_uri = dataset.base_uri
        indexing.base_uris.register(base_uri)
        registering.register(indexing.dataset_info(dataset, base_uri))
    for times in (1, 0):
        assert counted(index(place))["unchanged"] == 1
        assert len(opened) == times


# The same as dtoolcore


def test_a_listing_and_what_is_read_are_those_of_dtoolcore(place):
    make(place, "one", items=ITEMS, annotations={"x": {"y": [1, None]}, "z": 1})
    make(place, "two", tags=[], annotations={})
    dtoolcore.create_proto_dataset("draft", place)
    storage = storage_of(place)
    found = [item.uri for item in storage.find()]
    broker = dtoolcore._get_storage_broker(place, None)
    assert found == sorted(broker.list_dataset_uris(place, None))
    frozen = list(dtoolcore.iter_datasets_in_base_uri(place))
    assert (len(found), len(frozen)) == (3, 2)
    for dataset in frozen:
        ours, theirs = (
            indexing.dataset_info(item, "s3://x")
            for item in (storage.open(dataset.uri), dataset)
        )
        assert ours == theirs


def test_what_is_no_dataset_is_passed_over(disk, index):
    make(disk)
    os.mkdir(f"{disk}/empty")
    with open(f"{disk}/file", "w") as file:
        file.write("no dataset")
    assert counted(index(disk))["registered"] == 1


def test_a_name_that_dtoolcore_cannot_find_is_passed_over(disk, index):
    shutil.move(path_of(make(disk)), f"{disk}/odd#name")
    assert counted(index(disk))["registered"] == 0


def test_a_listing_leaves_out_items(in_s3, monkeypatch):
    items = {f"{number}.txt": "" for number in range(12)}
    for name in ("one", "two"):
        make(in_s3, name, items=items)
    storage = storage_of(in_s3)
    found, listed = storage.find(), len(list(storage._objects()))
    # Two datasets, of eight objects each beside the items.
    assert listed == 2 * (8 + len(items))
    monkeypatch.setattr(s3, "_PAGE", 3)
    assert storage.find() == found
    assert len(list(storage._objects())) < listed


def test_a_prefix_in_a_bucket_is_followed(in_s3, bucket, index, known, monkeypatch):
    monkeypatch.setenv(f"DTOOL_S3_DATASET_PREFIX_{bucket.name}", "u/queen/")
    dataset = make(in_s3)
    monkeypatch.delenv(f"DTOOL_S3_DATASET_PREFIX_{bucket.name}")
    assert counted(index(in_s3))["registered"] == 1
    key = f"u/queen/{dataset.uuid}/README.yml"
    bucket.put_object(Key=key, Body=b"---\na: 9\n")
    assert counted(index(in_s3))["registered"] == 1
    assert known(dataset.uri)["readme"] == "---\na: 9\n"


# What fails, and what is stopped


def test_one_that_a_plugin_refuses_does_not_stop_the_others(place, index, monkeypatch):
    for name in ("one", "two", "three"):
        make(place, name)
    really = SQLSearch.register_dataset

    def refuse(self, info):
        if info["name"] == "two":
            raise RuntimeError("no room")
        really(self, info)

    monkeypatch.setattr(SQLSearch, "register_dataset", refuse)
    result = index(place, "--jobs", "3")
    assert result.exit_code == 1
    assert counted(result) == {"registered": 2, "unchanged": 0, "failed": 1}
    assert "no room" in result.stdout


def stop_after_one(patch, stop):
    """Stop indexing when one dataset is registered."""
    really_read, really_register = indexing._read, indexing._registered
    read, registered_one = [], threading.Event()

    def stopping(storage, base_uri, found):
        read.append(found)
        if len(read) > 1:
            assert registered_one.wait(60)
            stop()
        return really_read(storage, base_uri, found)

    def telling(reads, force):
        yield from really_register(reads, force)
        if reads:
            registered_one.set()

    patch.setattr(indexing, "_read", stopping)
    patch.setattr(indexing, "_registered", telling)


def interrupt():
    raise KeyboardInterrupt


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    # The main thread is told between two of its steps.
    threading.Event().wait(1)


@pytest.mark.parametrize("stop", [interrupt, terminate])
def test_a_run_that_is_stopped_is_gone_on_with(place, index, stop, app):
    for name in ("one", "two", "three"):
        make(place, name)
    with pytest.MonkeyPatch.context() as patch:
        stop_after_one(patch, stop)
        stopped = index(place, "--jobs", "1")
    assert stopped.exit_code == 1
    assert counted(stopped) == {"registered": 1, "unchanged": 0, "failed": 0}
    assert "Interrupted" in stopped.stderr
    with app.app_context():
        [run] = index_runs.base_uris.index_runs().values()
    assert (run["state"], run["error"]) == ("broken off", "interrupted")
    assert run["registered"] == 1
    assert counted(index(place)) == {"registered": 2, "unchanged": 1, "failed": 0}


def test_what_a_listing_lacks_is_not_forgotten_while_it_is_there(place, index, app):
    make(place)
    gone = make(place, "gone")
    index(place)
    with app.app_context():
        listing = indexing.list_datasets(place)
        listing.found.clear()
        assert list(indexing.prune(listing, allow_empty=True)) == []
        broker = gone._storage_broker
        if hasattr(broker, "bucket"):
            broker.s3resource.Bucket(broker.bucket).objects.filter(
                Prefix=f"dtool-{gone.uuid}"
            ).delete()
        else:
            shutil.rmtree(path_of(gone))
        pruned = indexing.prune(listing, allow_empty=True)
        assert [outcome.uri for outcome in pruned] == [gone.uri]


def test_nothing_is_forgotten_where_the_storage_does_not_say(
    in_s3, bucket, index, app, monkeypatch
):
    dataset = make(in_s3)
    index(in_s3)
    monkeypatch.setenv(f"DTOOL_S3_ENDPOINT_{bucket.name}", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with app.app_context():
        storage = storage_of(in_s3)
        [outcome] = indexing.prune(indexing.Listing(in_s3, storage, []), True)
    assert (outcome.kind, outcome.uri) == (indexing.FAILED, dataset.uri)
    assert index(in_s3, "--prune").exit_code == 1


@pytest.mark.parametrize("jobs", ["0", "65", "x"])
def test_a_number_of_jobs_that_makes_no_sense_is_refused(disk, index, jobs):
    assert index(disk, "--jobs", jobs).exit_code == 2


# Other storages


def test_the_broker_of_another_storage_is_not_loaded(disk, monkeypatch):
    loaded, load = [], EntryPoint.load

    def note(entry_point):
        loaded.append(entry_point.name)
        return load(entry_point)

    monkeypatch.setattr(EntryPoint, "load", note)
    assert type(storage_of(disk)) is folder.Folder
    assert "DiskStorageBroker" in loaded
    assert "S3StorageBroker" not in loaded


class SomebodysBroker:
    """Keeps datasets in some other way."""

    key = "file"


def test_the_broker_of_somebody_else_says_what_there_is(disk, monkeypatch):
    value = f"{__name__}:{SomebodysBroker.__name__}"
    theirs = EntryPoint("Theirs", value, "dtool.storage_brokers")
    installed = storages.entry_points(group=theirs.group)
    monkeypatch.setattr(storages, "entry_points", lambda group: [*installed, theirs])
    storage = storage_of(disk)
    assert type(storage) is Storage
    assert storage._broker is SomebodysBroker


def test_a_scheme_that_nobody_reads_is_refused(index):
    done = index("nowhere://x")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1


def test_a_storage_of_another_kind_is_read_by_dtoolcore(disk, app, opened):
    one, two = make_dataset(disk, "one"), make_dataset(disk, "two")
    broker = dtoolcore._generate_storage_broker_lookup()["file"]
    with app.app_context():
        base_uri = indexing.base_uris.register(disk)
        plain = Storage(base_uri, broker)
        assert plain.find() == [Found(one.uri), Found(two.uri)]
        for kind in ("registered", "unchanged"):
            listing = indexing.Listing(base_uri, plain, plain.find())
            assert [item.kind for item in indexing.index(listing)] == [kind] * 2
        two.put_tag("new")
        assert [item.kind for item in indexing.index(listing)] == [
            "unchanged",
            "registered",
        ]
        shutil.rmtree(path_of(one))
        listing.found.clear()
        pruned = indexing.prune(listing, allow_empty=True)
        assert [item.uri for item in pruned] == [one.uri]
