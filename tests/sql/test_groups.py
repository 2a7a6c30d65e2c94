"""Datasets that are registered together are registered as one by one, only faster."""

import gc

import pytest

from dtool_lookup_server import sql_db
from dtool_lookup_server.engines import WRITES
from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLRetrieve, SQLSearch
from dtool_lookup_server.services import base_uris, registering
from dtool_lookup_server.services.datasets import find
from dtool_lookup_server.services.registered import info_of
from dtool_lookup_server.services.users import require
from tests.conftest import add_people, open_app
from tests.corpus import SNOW_WHITE, dataset_info
from tests.databases import listening

pytestmark = pytest.mark.usefixtures("only_with_sql_plugins")


@pytest.fixture
def only_with_sql_plugins(app):
    if not isinstance(app.search, SQLSearch) or not isinstance(
        app.retrieve, SQLRetrieve
    ):
        pytest.skip("other plugins take one after the other")


@pytest.fixture
def queen(app):
    """A user who may register, in an application context."""
    add_people(app)
    with app.app_context():
        base_uris.register(SNOW_WHITE)
        yield require("grumpy")


def infos(number, start=0):
    return [
        dataset_info(f"n{place}", tags=["red"], annotations={"a": 1}, readme="apple")
        for place in range(start, start + number)
    ]


def statements_of(action):
    """Return what an action executes within a transaction that writes."""
    heard = []

    def hear(_connection, _cursor, statement, *_more):
        if sql_db.session.info.get(WRITES):
            heard.append(statement)

    with listening(sql_db.engine, "before_cursor_execute", hear):
        action()
    return heard


def test_many_take_hardly_more_statements_than_one(queen):
    for start in (0, 0):  # new, and then known
        one = statements_of(
            lambda start=start: registering.register_many(queen, infos(1, start))
        )
        many = statements_of(
            lambda start=start: registering.register_many(queen, infos(50, start + 1))
        )
        assert len(many) < 2 * len(one)


def test_the_id_of_a_new_dataset_is_looked_up_once(queen):
    written = statements_of(lambda: registering.register_many(queen, infos(2)))
    assert sum("SELECT dataset.uri, dataset.id \n" in one for one in written) == 1


def test_of_a_new_dataset_nothing_is_deleted(queen):
    written = statements_of(lambda: registering.register_many(queen, infos(2)))
    assert not [one for one in written if one.startswith("DELETE")]


def test_words_are_looked_up_before_anything_is_locked(queen):
    written = statements_of(lambda: registering.register_many(queen, infos(2)))
    about_words = [one for one in written if "base_uri_word" in one]
    assert [one.split()[0] for one in about_words] == ["INSERT"]


def test_words_that_are_known_are_not_written_again(queen):
    registering.register_many(queen, infos(2))
    written = statements_of(lambda: registering.register_many(queen, infos(2)))
    assert not [one for one in written if "base_uri_word" in one]


def collecting(number):
    """Yield datasets, the last of which is none, while nothing is collected."""
    for info in [*infos(number), {}]:
        assert not gc.isenabled()
        yield info


def test_garbage_is_collected_when_a_group_is_written(queen):
    outcomes = registering.register_many(queen, collecting(2))
    assert outcomes[:2] == [True, True]
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        registering.register_many(queen, (1 // number for number in [0]))
    assert gc.isenabled()


def test_who_collects_no_garbage_goes_on_without(queen):
    gc.disable()
    try:
        registering.register_many(queen, infos(2))
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_of_one_uri_the_last_in_a_group_counts(queen):
    readmes = ["one", "two", "three"]
    sent = [dataset_info("same", readme=readme) for readme in readmes]
    other = dataset_info("other", readme="four")
    outcomes = registering.register_many(queen, [sent[0], other, *sent[1:]])
    assert outcomes == [True, True, False, False]
    assert info_of(find(sent[0]["uri"]))["readme"] == "three"
    assert info_of(find(other["uri"]))["readme"] == "four"


class Listening(SQLSearch):
    """A plugin of a third party that was made for one dataset after the other."""

    def __init__(self):
        self.heard = []

    def register_dataset(self, dataset_info):
        self.heard.append(dataset_info["name"])
        super().register_dataset(dataset_info)


def test_a_plugin_that_takes_one_is_given_one_after_the_other(config):
    search = Listening()
    with open_app(config, Plugins(search, SQLRetrieve())) as app:
        add_people(app)
        with app.app_context():
            outcomes = registering.register_many(require("grumpy"), infos(3))
    assert outcomes == [True] * 3
    assert search.heard == ["n0", "n1", "n2"]
