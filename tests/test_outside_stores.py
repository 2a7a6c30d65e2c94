"""A store of a plugin's own is kept as SQL has it, and keeps nobody from writing."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from dtool_lookup_server import UnknownBaseURIError
from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLSearch
from dtool_lookup_server.services import registering
from tests.conftest import add_people, open_app
from tests.corpus import dataset_info, uri_of
from tests.databases import KIND
from tests.test_plugin_contract import GroupingRetrieve, OldRetrieve, OldSearch

#: Seconds after which a test gives up what should have happened.
TOO_LONG = 20

URI = uri_of("dataset")


class SlowRetrieve(GroupingRetrieve):
    """A retrieve plugin with a store of its own, which can be made to take its time."""

    def __init__(self):
        super().__init__()
        self.waits = {}

    def register_prepared(self, datasets):
        super().register_prepared(datasets)
        for info in datasets.values():
            self.waits.get(info["name"], lambda: None)()


@pytest.fixture
def store():
    """The plugin that is used."""
    return SlowRetrieve()


@pytest.fixture
def app(config, store):
    """An app whose contents are kept outside of SQL."""
    with open_app(config, Plugins(SQLSearch(), store, [])) as app:
        add_people(app)
        yield app


@pytest.fixture
def register(app, headers):
    """Register a dataset under some name: register("first", dataset="other")."""

    def post(name, dataset="dataset"):
        body = dataset_info(dataset) | {"name": name}
        asked = {"json": body, "headers": headers("librarian")}
        return app.test_client().post("/dataset/register", **asked).status_code

    return post


@pytest.fixture
def registered(app, grumpy):
    """Return the names that SQL has, by URI."""

    def ask():
        rows = app.test_client().get("/dataset/list", headers=grumpy).json
        return {row["uri"]: row["name"] for row in rows}

    return ask


def held(store):
    """Return the names that the store has, by URI."""
    return {uri: info["name"] for uri, info in store.registered.items()}


def test_while_a_store_takes_its_time_others_register(register, store):
    others = []

    def wait():
        other = threading.Thread(
            target=lambda: others.append(register("other", "other"))
        )
        other.start()
        other.join(TOO_LONG)
        others.append("and the first goes on")

    store.waits["first"] = wait
    assert register("first") == 201
    assert others == [201, "and the first goes on"]


@pytest.mark.parametrize(
    ("known", "other"),
    [
        (False, "register"),
        (True, "register"),
        (True, "forget"),
        pytest.param(
            *(False, "forget"),
            marks=pytest.mark.skipif(
                KIND != "sqlite", reason="who forgets sees no row to wait for"
            ),
        ),
    ],
)
def test_of_two_at_once_the_last_is_the_last_in_the_store(
    app, register, registered, store, known, other
):
    def run_other():
        if other == "register":
            register("second")
        else:
            with app.app_context():
                registering.forget(URI)
        ended.set()

    def start_other():
        thread.start()
        # In vain, since the other one waits for this one.
        assert not ended.wait(0.5)

    if known:
        register("zeroth")
    ended = threading.Event()
    thread = threading.Thread(target=run_other)
    store.waits["first"] = start_other
    assert register("first") == 201
    thread.join(TOO_LONG)
    left = {URI: "second"} if other == "register" else {}
    assert held(store) == registered() == left


def test_the_search_plugin_forgets_first(config):
    plugins = Plugins(OldSearch(), OldRetrieve(), [])
    heard = []
    plugins.retrieve.delete_dataset = lambda uri: heard.append(("retrieve", uri))
    plugins.search.delete_dataset = lambda uri: heard.append(("search", uri))
    with open_app(config, plugins) as app, app.app_context():
        registering.forget(URI)
    assert heard == [("search", URI), ("retrieve", URI)]


@pytest.mark.skipif(KIND != "sqlite", reason="others have locks of their own")
def test_without_a_lock_nothing_is_registered(app, register, registered, store):
    path = sa.make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database
    # What cannot be opened as a file.
    Path(f"{path}-datasets.lock").mkdir()
    assert register("first") == 503
    assert held(store) == registered() == {}


def test_what_sql_refuses_is_not_left_in_the_store(app, store):
    info = dataset_info("dataset") | {"base_uri": "s3://nowhere"}
    with app.app_context(), pytest.raises(UnknownBaseURIError):
        registering.register(info | {"uri": f"s3://nowhere/{info['uuid']}"})
    assert held(store) == {}


def test_the_version_that_sql_has_stays_where_the_next_one_fails(
    app, register, registered, store, monkeypatch
):
    register("first")

    def fail(_group):
        raise ConnectionError

    monkeypatch.setattr(registering, "write", fail)
    with app.app_context(), pytest.raises(ConnectionError):
        registering.register(dataset_info("dataset") | {"name": "second"})
    assert held(store) == registered() == {URI: "first"}
