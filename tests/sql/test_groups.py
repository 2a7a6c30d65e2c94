"""Datasets that are registered together are registered as one by one, only faster."""

import pytest
from sqlalchemy import event, select

from dtool_lookup_server import sql_db
from dtool_lookup_server.engines import WRITES
from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLRetrieve, SQLSearch
from dtool_lookup_server.services import (
    base_uris,
    permissions,
    registering,
    spelling,
)
from dtool_lookup_server.services.datasets import find
from dtool_lookup_server.services.registered import info_of
from dtool_lookup_server.services.users import require
from dtool_lookup_server.sql_models import BaseURI, BaseURIWord
from tests.conftest import add_people, open_app
from tests.corpus import SNOW_WHITE, dataset_info

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

    event.listen(sql_db.engine, "before_cursor_execute", hear)
    try:
        action()
    finally:
        event.remove(sql_db.engine, "before_cursor_execute", hear)
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


@pytest.fixture
def asked(queen, monkeypatch):
    """The words that the database is asked for."""
    asked = []
    ask = spelling._KNOWN.all

    def note(words, *more):
        asked.extend(words)
        return ask(words, *more)

    monkeypatch.setattr(spelling._KNOWN, "all", note)
    return asked


def words_of(base_uri):
    listed = select(BaseURIWord.word).join(BaseURI)
    return set(sql_db.session.scalars(listed.where(BaseURI.base_uri == base_uri)))


def test_words_that_were_seen_on_the_list_are_not_asked_for_again(queen, asked):
    for start in (0, 2):
        registering.register_many(queen, infos(2, start))
    assert "apple" in asked
    asked.clear()
    registering.register_many(queen, [dataset_info("n3", readme="apple pear")])
    assert "apple" not in asked
    assert "pear" in asked
    assert {"apple", "pear"} <= words_of(SNOW_WHITE)


def test_words_are_listed_anew_with_their_base_uri(queen):
    for start in range(3):
        registering.register_many(queen, infos(1, start))
    for info in infos(3):
        registering.forget(info["uri"])
    base_uris.remove(SNOW_WHITE)
    base_uris.register(SNOW_WHITE)
    assert not words_of(SNOW_WHITE)
    permissions.replace(SNOW_WHITE, [], ["grumpy"])
    assert registering.register_many(queen, infos(1)) == [True]
    assert "apple" in words_of(SNOW_WHITE)


def test_words_are_asked_for_again_when_what_had_them_is_registered_anew(queen, asked):
    for start in (0, 1):
        registering.register_many(queen, infos(1, start))
    for _time in range(2):
        asked.clear()
        registering.register_many(queen, infos(1))
    assert "apple" in asked
    assert "apple" in words_of(SNOW_WHITE)


def test_of_more_words_than_are_remembered_none_is_lost(queen, monkeypatch):
    monkeypatch.setattr(spelling, "MOST_SEEN", 3)
    some = ["apple pear", "pear plum melon", "apple grape", "plum cherry"]
    for readme in some * 2:
        registering.register_many(queen, [dataset_info("n", readme=readme)])
    assert {*" ".join(some).split()} <= words_of(SNOW_WHITE)


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
