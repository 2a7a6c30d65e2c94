"""What is MongoDB's own in the plugins for it; the rest is in test_contract.py."""

import logging
import random
import subprocess
import sys
import threading
import time

import pymongo
import pytest

from dtool_lookup_server import create_app, deadlines, sql_db
from dtool_lookup_server.errors import StoreUnavailableError, TookTooLongError
from dtool_lookup_server.plugins.mongo import search as mongo_search
from dtool_lookup_server.plugins.mongo import text as mongo_text
from dtool_lookup_server.plugins.mongo.settings import RETRIEVE, SEARCH, settings_of
from dtool_lookup_server.plugins.mongo.store import Store
from dtool_lookup_server.plugins.text_query import parse
from tests.conftest import (
    add_people,
    make_config,
    mongo_settings_of,
    open_app,
    put_in_bulk,
    register_together,
)
from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info, uri_of
from tests.mongod import Mongod


@pytest.fixture
def config(tmp_path, keys, mongod):
    return make_config(tmp_path, keys) | mongo_settings_of(mongod)


@pytest.fixture
def app(config):
    with open_app(config) as app:
        add_people(app)
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def database(config):
    """The database of both plugins."""
    with pymongo.MongoClient(config["SEARCH_MONGO_URI"]) as server:
        yield server[config["SEARCH_MONGO_DB"]]


@pytest.fixture
def register(client, headers):
    """Register a dataset as librarian, over HTTP."""

    def post(**fields):
        body = dataset_info(**fields)
        return client.post("/dataset/register", json=body, headers=headers("librarian"))

    return post


@pytest.fixture
def search(client, grumpy):
    """Return the names of what a text finds."""

    def post(free_text):
        body = {"free_text": free_text}
        response = client.post("/dataset/search", json=body, headers=grumpy)
        assert response.status_code == 200, response.text
        return [row["name"] for row in response.json]

    return post


def test_the_indexes_are_made_at_start(app, database):
    indexes = database.datasets.index_information()
    assert indexes["uri"]["unique"]
    assert indexes["uuid"]["key"] == [("uuid", 1)]
    assert indexes["base_uri"]["key"] == [("base_uri", 1), ("frozen_at", -1)]
    assert indexes["text"]["key"][0] == ("search.terms", 1)


def test_terms_are_kept_in_small_pages(app, database):
    indexes = database.command("collStats", "datasets", indexDetails=True)
    assert "leaf_page_max=4KB" in indexes["indexDetails"]["text"]["creationString"]


def test_an_index_that_is_there_stays_however_it_is_stored(config, database):
    keys = list(mongo_text.INDEX.document["key"].items())
    database.datasets.create_index(keys, name="text")
    with open_app(config) as app, app.app_context():
        app.search.check_health()
    assert "storageEngine" not in database.datasets.index_information()["text"]


def test_where_indexes_are_stored_otherwise_they_are_made_all_the_same(
    config, database, monkeypatch
):
    options = {"wiredTiger": {"configString": "pages=unknown"}}
    monkeypatch.setitem(mongo_text.INDEX.document, "storageEngine", options)
    with open_app(config) as app, app.app_context():
        app.search.check_health()
    indexes = database.datasets.index_information()
    assert {"uuid", "base_uri", "text", "uri"} < indexes.keys()
    assert "storageEngine" not in indexes["text"]


@pytest.mark.parametrize("text", ["apple", "apple pear", '"red apple"', "app*"])
def test_hits_are_counted_and_found_by_the_index_of_terms(app, database, text):
    wanted = {"free_text": text, "base_uris": [SNOW_WHITE]}
    plan = database.datasets.find(mongo_search._filter(wanted)).explain()
    assert "COLLSCAN" not in str(plan)
    assert "search.terms" in str(plan["queryPlanner"]["winningPlan"])


def test_a_word_is_counted_without_reading_documents(app, database):
    wanted = {"free_text": "apple", "base_uris": [SNOW_WHITE]}
    count = {"count": "datasets", "query": mongo_search._filter(wanted)}
    assert "FETCH" not in str(database.command("explain", count))


def test_both_plugins_share_one_document_with_a_uuid_that_is_text(register, database):
    register()
    register()
    [document] = database.datasets.find()
    assert document["uuid"] == dataset_info()["uuid"]
    assert {"search", "content"} <= document.keys()


def test_deleting_leaves_nothing(app, register, database):
    register(readme=random.Random(1).randbytes(1_000_000).hex())
    with app.app_context():
        app.search.delete_dataset(uri_of("new-dataset"))
        app.retrieve.delete_dataset(uri_of("new-dataset"))
    for name in database.list_collection_names():
        assert database[name].count_documents({}) == 0


def test_what_is_large_is_kept_in_files_and_not_left_behind(register, database):
    for seed in (1, 2):
        register(readme=random.Random(seed).randbytes(1_000_000).hex())
    assert database["datasets.content.files"].count_documents({}) == 1


@pytest.mark.parametrize(
    ("collection", "expected"),
    [
        ("datasets", [({"content", "search"}, 5)]),
        ("contents", [({"content"}, 5), ({"search"}, 5)]),
    ],
)
def test_datasets_together_are_one_write_in_each_collection(
    config, grumpy, monkeypatch, collection, expected
):
    really, written = Store.put, []

    def put(store, documents, *parts):
        written.append(({*parts}, len(documents)))
        return really(store, documents, *parts)

    monkeypatch.setattr(Store, "put", put)
    infos = [dataset_info(f"apple-{number}", readme="red") for number in range(5)]
    with open_app(config | {"RETRIEVE_MONGO_COLLECTION": collection}) as app:
        add_people(app)
        with app.app_context():
            register_together(infos)
            readmes = {app.retrieve.get_readme(info["uri"]) for info in infos}
        asked = {"json": {"free_text": "apple"}, "headers": grumpy}
        found = app.test_client().post("/dataset/search", **asked).json
    assert written == expected
    assert sorted(row["name"] for row in found) == [info["name"] for info in infos]
    assert readmes == {"red"}


def test_of_files_of_datasets_in_bulk_none_is_left_behind(client, headers, database):
    for seed in (1, 2):
        readme = random.Random(seed).randbytes(1_000_000).hex()
        infos = [
            dataset_info(name, readme=readme) for name in ("one", "other", "small")
        ]
        infos[2]["readme"] = "small"
        statuses = put_in_bulk(client, infos, headers("librarian"))
        assert statuses == [201 if seed == 1 else 200] * 3
    assert database["datasets.content.files"].count_documents({}) == 2


def test_many_clients_at_once_make_one_dataset(app, headers, database):
    def register():
        client = app.test_client()
        for _ in range(5):
            response = client.post(
                "/dataset/register", json=dataset_info(), headers=headers("librarian")
            )
            statuses.append(response.status_code)

    statuses = []
    threads = [threading.Thread(target=register) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 20
    assert database.datasets.count_documents({}) == 1


def test_a_search_entry_that_is_too_large_is_cut_and_logged(
    register, search, monkeypatch, caplog
):
    monkeypatch.setattr(mongo_text, "MOST_CHARACTERS", 10_000)
    items = [f"{n:05}.txt" for n in range(2000)]
    assert register(items=items).status_code == 201
    assert search("nothing") == search("00001.txt") == ["new-dataset"]
    [record] = [r for r in caplog.records if "too large" in r.getMessage()]
    assert record.levelno == logging.WARNING
    assert uri_of("new-dataset") in record.getMessage()


def test_the_names_of_items_are_cut_last(register, search, monkeypatch):
    monkeypatch.setattr(mongo_text, "MOST_CHARACTERS", 100_000)
    items = [f"run_1/image_{n:05}.tif" for n in range(2000)]
    assert register(items=items).status_code == 201
    for name in ("image_00000.tif", "image_01999.tif", "tif", "nothing"):
        assert search(name) == ["new-dataset"]
    assert search("01999") == []


def test_an_entry_that_mongodb_refuses_is_cut_further(register, search, monkeypatch):
    monkeypatch.setattr(mongo_text, "MOST_CHARACTERS", 100_000_000)
    names = {str(n): f"{n}{'x' * 60}" for n in range(250_000)}
    manifest = {"items": {n: {"relpath": name} for n, name in names.items()}}
    assert register(manifest=manifest).status_code == 201
    assert search("nothing") == ["new-dataset"]


def test_of_entries_together_only_that_which_mongodb_refuses_is_cut(
    app, database, monkeypatch
):
    monkeypatch.setattr(mongo_text, "MOST_CHARACTERS", 100_000_000)
    manifest = {
        "items": {str(n): {"relpath": f"{n}{'x' * 60}"} for n in range(250_000)}
    }
    infos = [dataset_info("large", manifest=manifest), dataset_info("small")]
    with app.app_context():
        app.search.register_prepared(
            {info["uri"]: app.search.prepare_dataset(info) for info in infos}
        )
    cut = {kept["name"]: kept["search"]["cut"] for kept in database.datasets.find()}
    assert cut["large"] > 0
    assert cut["small"] == 0


@pytest.mark.parametrize("few", [2, 3, 4])
def test_few_hits_and_more_come_in_the_same_order(app, register, monkeypatch, few):
    monkeypatch.setattr(mongo_search, "_FEW", few)
    register(name="in-readme", readme="apple")
    register(name="apple-old", frozen_at=1.0)
    register(name="apple-new", frozen_at=2.0)
    wanted = {"free_text": "apple", "base_uris": [SNOW_WHITE]}
    with app.app_context():
        first, second, none = (
            app.search.search_page(wanted, offset=start, limit=2) for start in (0, 2, 4)
        )
    assert first.uris + second.uris == [
        uri_of(name) for name in ("apple-new", "apple-old", "in-readme")
    ]
    assert none.uris == []
    assert {page.total for page in (first, second, none)} == {3}


def test_very_many_hits_come_newest_first(register, search, monkeypatch):
    monkeypatch.setattr(mongo_search, "MOST_RANKED", 1)
    register(name="apple", frozen_at=1.0)
    register(name="other", readme="apple", frozen_at=2.0)
    assert search("apple") == ["other", "apple"]


def test_the_page_of_a_word_that_very_many_have_is_not_sorted(
    register, monkeypatch, database
):
    monkeypatch.setattr(mongo_search, "MOST_RANKED", 1)
    for number in range(30):
        register(name=f"apple-{number}", frozen_at=float(number // 10))
    wanted = {"free_text": "apple", "base_uris": [SNOW_WHITE, MR_MEN]}
    text = parse(wanted["free_text"])
    order = mongo_search._order(wanted, text, 30, None)
    find = mongo_search._filter(wanted)
    stages = mongo_search._pipeline(find, text, order, {"uri": True})
    asked = {"aggregate": "datasets", "pipeline": stages, "cursor": {}}
    plan = str(database.command("explain", asked)["queryPlanner"]["winningPlan"])
    assert "'SORT_MERGE'" in plan
    assert "'SORT'" not in plan


def test_pages_of_a_word_that_very_many_have_follow_each_other(
    app, register, monkeypatch
):
    monkeypatch.setattr(mongo_search, "MOST_RANKED", 1)
    names = [f"apple-{number}" for number in range(20)]
    for number, name in enumerate(names):
        # Several are of the same moment.
        register(name=name, frozen_at=float(number // 5))
    wanted = {"free_text": "apple", "base_uris": [SNOW_WHITE, MR_MEN]}
    with app.app_context():
        pages = [
            app.search.search_page(wanted, offset=start, limit=3)
            for start in range(0, 20, 3)
        ]
    moments = {uri_of(name): number // 5 for number, name in enumerate(names)}
    uris = [uri for page in pages for uri in page.uris]
    assert {page.total for page in pages} == {20}
    assert sorted(uris) == sorted(moments)
    newest_first = sorted(moments.values(), reverse=True)
    assert [moments[uri] for uri in uris] == newest_first


# Settings.


def test_settings_are_read_from_the_environment(tmp_path, keys, monkeypatch):
    for kind in (SEARCH, RETRIEVE):
        monkeypatch.setenv(f"{kind}_MONGO_URI", "mongodb://nobody:secret@127.0.0.1:1/")
        monkeypatch.setenv(f"{kind}_MONGO_TIMEOUT", "1")
        monkeypatch.setenv(f"{kind}_MONGO_COLLECTION", f"of_{kind}")
    chosen = {"SEARCH_PLUGIN": "mongo", "RETRIEVE_PLUGIN": "mongo"}
    with open_app(make_config(tmp_path, keys) | chosen) as app:
        shown = app.test_cli_runner().invoke(args=["config", "show"]).output
    assert app.config["SEARCH_MONGO_TIMEOUT"] == 1
    assert app.config["RETRIEVE_MONGO_COLLECTION"] == "of_RETRIEVE"
    assert '"search_mongo_uri": "***"' in shown
    assert "nobody:" not in shown


@pytest.mark.parametrize("uri", ["nonsense://x:secret@y", "mongodb://x:se:cr:et@y/"])
def test_a_wrong_uri_stops_the_start_and_is_not_shown(config, uri):
    with pytest.raises(RuntimeError, match="SEARCH_MONGO_URI") as caught:
        create_app(config | {"SEARCH_MONGO_URI": uri})
    assert uri not in str(caught.value)


def test_every_setting_has_a_help_and_one_is_secret():
    settings = settings_of(SEARCH)
    assert all(setting.help for setting in settings)
    assert [setting.name for setting in settings if setting.secret] == [
        "SEARCH_MONGO_URI"
    ]


PROBE = """
import sys
sys.modules["pymongo"] = None
from dtool_lookup_server import create_app
create_app({config!r})
assert not [name for name in sys.modules if name.startswith(("bson", "gridfs"))]
"""


@pytest.mark.parametrize(("plugin", "message"), [("sql", ""), ("mongo", "[mongo]")])
def test_pymongo_is_needed_only_where_it_is_used(config, plugin, message):
    chosen = config | {"SEARCH_PLUGIN": plugin, "RETRIEVE_PLUGIN": plugin}
    command = [sys.executable, "-c", PROBE.format(config=chosen)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert message in done.stderr
    assert (done.returncode == 0) == (plugin == "sql")


# A store that is down, and comes back.


def test_a_request_that_takes_too_long_is_ended(app, database):
    database["datasets"].insert_one({"uri": "s3://slow/one"})
    with app.app_context():
        deadlines.begin(1)
        try:
            with pytest.raises(StoreUnavailableError), app.search.store.answering():
                database["datasets"].find_one({"$where": "sleep(600000) || true"})
            while not deadlines.is_over():
                time.sleep(0.01)
            with pytest.raises(TookTooLongError):
                app.search.lookup_uris("7b4a3b5e", ["s3://slow"])
        finally:
            deadlines.lift()


@pytest.fixture
def own_mongod(tmp_path):
    """A MongoDB server of the test's own, which it may stop."""
    server = Mongod(tmp_path / "own")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def fragile(own_mongod, tmp_path, keys):
    """An app whose MongoDB may be stopped."""
    hasty = {"SEARCH_MONGO_TIMEOUT": 1, "RETRIEVE_MONGO_TIMEOUT": 1}
    config = make_config(tmp_path, keys) | mongo_settings_of(own_mongod) | hasty
    with open_app(config) as app:
        add_people(app)
        yield app


def answer_when_up(client, path, body, headers):
    """Return what is answered once a MongoDB that was just started is quick enough."""
    deadline = time.monotonic() + 30
    while True:
        response = client.post(path, json=body, headers=headers)
        if response.status_code != 503 or time.monotonic() > deadline:
            return response


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/dataset/register", dataset_info()),
        ("/dataset/search", {"free_text": "apple"}),
        ("/dataset/readme", {"uri": uri_of("kept")}),
        ("/dataset/manifest", {"uri": uri_of("kept")}),
    ],
)
def test_a_mongodb_that_is_down_is_503_until_it_is_back(
    fragile, own_mongod, grumpy, path, body
):
    client = fragile.test_client()
    registered = answer_when_up(
        client, "/dataset/register", dataset_info("kept"), grumpy
    )
    assert registered.status_code == 201
    own_mongod.stop()
    begun = time.monotonic()
    response = client.post(path, json=body, headers=grumpy)
    assert time.monotonic() - begun < 4
    assert response.status_code == 503
    assert "MongoDB" in response.json["message"]
    listed = client.get("/dataset/list", headers=grumpy).json
    assert [row["name"] for row in listed] == ["kept"]
    own_mongod.start()
    assert answer_when_up(client, path, body, grumpy).status_code in (200, 201)


def test_many_datasets_are_not_each_tried_while_mongodb_is_down(
    fragile, own_mongod, headers
):
    client, who = fragile.test_client(), headers("librarian")
    path, kept = "/dataset/register", dataset_info("kept")
    assert answer_when_up(client, path, kept, who).status_code == 201
    own_mongod.stop()
    begun = time.monotonic()
    infos = [dataset_info(f"number-{number}") for number in range(30)]
    assert put_in_bulk(client, infos, who) == [503] * 30
    # It waits for a second, each time that it tries.
    assert time.monotonic() - begun < 15


# Asks a MongoDB, and ends when it is told to.
ASKS_AND_ENDS = """
import sys
from flask import Flask
from dtool_lookup_server.plugins.mongo.store import Store

app = Flask("asks")
app.config["SEARCH_MONGO_URI"] = sys.argv[1]
store = Store("SEARCH")
store.init_app(app)
store.check_health()
print("asked", flush=True)
sys.stdin.read()
"""


def test_the_end_of_a_process_does_not_wait_for_a_mongodb_that_is_down(own_mongod):
    command = [sys.executable, "-c", ASKS_AND_ENDS, own_mongod.uri]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        assert process.stdout.readline() == b"asked\n"
        own_mongod.stop()
        process.stdin.close()
        # For an answer it would wait ten seconds.
        assert process.wait(5) == 0


# Leaves stores to the garbage collector, which comes while context variables are set,
# as Flask sets them for each request: each time after one more object has been made.
LEAVES_STORES = """
import gc
import sys
from contextvars import ContextVar
from flask import Flask
from dtool_lookup_server.plugins.mongo.store import Store

app = Flask("leaves")
app.config["SEARCH_MONGO_URI"] = sys.argv[1]
others = [ContextVar(str(number)) for number in range(40)]
for number, other in enumerate(others):
    other.set(number)
for later in range(60):
    gc.disable()
    store = Store("SEARCH")
    store.init_app(app)
    store.check_health()
    store.itself = store
    del store
    gc.set_threshold(gc.get_count()[0] + later)
    gc.enable()
    for number, other in enumerate(others):
        other.set(number)
assert [other.get() for other in others] == [*range(40)]
print("left")
"""


def test_a_store_may_be_collected_whenever_the_collector_comes(mongod):
    command = [sys.executable, "-c", LEAVES_STORES, mongod.uri]
    assert subprocess.check_output(command, timeout=60) == b"left\n"


def test_a_server_starts_while_mongodb_is_down(config, headers, tmp_path):
    later = Mongod(tmp_path / "later")
    settings = {f"{kind}_MONGO_URI": later.uri for kind in (SEARCH, RETRIEVE)}
    hasty = {f"{kind}_MONGO_TIMEOUT": 1 for kind in (SEARCH, RETRIEVE)}
    with open_app(config | settings | hasty) as app:
        add_people(app)
        client = app.test_client()
        path, info, who = "/dataset/register", dataset_info(), headers("librarian")
        assert client.post(path, json=info, headers=who).status_code == 503
        later.start()
        assert answer_when_up(client, path, info, who).status_code == 201
        assert "text" in app.search.store.collection().index_information()
    later.stop()


@pytest.mark.parametrize("collection", ["datasets", "contents"])
def test_a_registration_that_fails_half_way_is_taken_back(
    config, headers, database, monkeypatch, collection
):
    really = Store.put

    def fail_when_indexed(store, documents, *parts):
        really(store, documents, *parts)
        if "search" in parts:
            raise sql_db.exc.SQLAlchemyError("the disk is full")

    monkeypatch.setattr(Store, "put", fail_when_indexed)
    with open_app(config | {"RETRIEVE_MONGO_COLLECTION": collection}) as app:
        add_people(app)
        asked = {"json": dataset_info(), "headers": headers("librarian")}
        with pytest.raises(Exception, match="the disk is full"):
            app.test_client().post("/dataset/register", **asked)
    assert database.datasets.count_documents({}) == 0
    assert database.contents.count_documents({}) == 0
