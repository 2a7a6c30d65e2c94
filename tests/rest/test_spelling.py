"""X-Query-Understood: what a misspelled query may have meant."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtool_lookup_server.extensions import sql_db
from dtool_lookup_server.plugins.spelling import distance
from dtool_lookup_server.services import (
    base_uris,
    permissions,
    registering,
    spelling,
)
from tests.conftest import put_in_bulk
from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info
from tests.databases import listening


@pytest.fixture
def meant(library, grumpy):
    """Return what a query may be misspelled for."""

    def get(free_text, headers=grumpy, path="/uris", client=library, **query):
        response = client.post(
            path, json={"free_text": free_text, **query}, headers=headers
        )
        assert response.status_code == 200, response.text
        told = json.loads(response.headers["X-Query-Understood"])
        assert set(told) <= {"query", "parsed", "did_you_mean"}
        return told.get("did_you_mean")

    return get


@pytest.mark.parametrize(
    ("typed", "queries"),
    [
        ("carot", ["carrot"]),
        ("carrott", ["carrot", "carrots"]),
        ("crarot", ["carrot"]),
        ("Carot", ["carrot"]),
        ("rumpelstilzkin", ["rumpelstiltskin"]),
        ("readme:marckt", ["readme:market"]),
        ('"sold on the markt"', ['"sold on the market"']),
        ("carot AND markt", ["carrot AND market"]),
        ("carot tag:veg", ["tag:veg AND carrot"]),
        ("apple carot", ["apple OR carrot"]),
        ("apple carrot", None),
        ("carrot AND tag:nothing", None),
        ("carot AND tag:nothing", None),
        ("-carot", None),
        ("caro*", None),
        ("tag:frut", None),
        ("frui", ["fruit"]),
        ("xyzzyx", None),
        ("cat", None),
    ],
)
def test_a_word_without_hits_suggests_the_nearest_that_has_some(meant, typed, queries):
    assert meant(typed) == queries


def test_the_apis_tell_it_alike(meant):
    assert meant("carot", path="/dataset/search") == ["carrot"]


def test_only_words_that_the_user_may_search_are_suggested(meant, headers):
    assert meant("rumpelstilzkin", headers("sleepy")) == ["rumpelstiltskin"]
    assert meant("rumpelstilzkin", headers("noone")) is None


def test_a_suggestion_finds_something_with_the_rest_of_the_query(meant):
    assert meant("carot", creator_usernames=["grumpy"]) == ["carrot"]
    assert meant("carot", creator_usernames=["nobody"]) is None


def test_a_word_of_a_dataset_that_was_forgotten_is_not_suggested(
    meant, client, headers
):
    info = dataset_info("zucchini", SNOW_WHITE, readme="zucchini")
    librarian = headers("librarian")
    client.put(f"/uris/{info['uri']}", json=info, headers=librarian)
    assert meant("zuchini", client=client) == ["zucchini"]
    client.delete(f"/uris/{info['uri']}", headers=librarian)
    assert meant("zuchini", client=client) is None


def test_words_of_many_datasets_at_once_are_remembered(client, meant, headers):
    words = ["".join(letters) for letters in product("bcdfghjklm", repeat=5)]
    infos = [
        dataset_info(f"many-{n}", SNOW_WHITE, readme=" ".join(words[n::50]))
        for n in range(36)
    ]
    assert set(put_in_bulk(client, infos, headers("librarian"))) == {201}
    assert meant("bbbbbz", client=client)[0] == "bbbbb"


def test_words_are_unknown_until_they_are_on_the_list(client):
    info = dataset_info("one", SNOW_WHITE, readme="carrot cabbage")
    words = {"carrot", "cabbage", "turnip"}
    with client.application.app_context():
        assert spelling.unknown(SNOW_WHITE, words) == words
        registering.register(info)
        assert spelling.unknown(SNOW_WHITE, words) == {"turnip"}
        assert spelling.unknown("s3://elsewhere", words) == words


@pytest.fixture
def looked_up(client):
    """Collects which words are looked up on the lists of base URIs."""
    looked_up = []

    def hear(_connection, _cursor, statement, parameters, *_more):
        if "base_uri_word" in statement and statement.startswith("SELECT"):
            looked_up.append(str(parameters))

    with (
        client.application.app_context(),
        listening(sql_db.engine, "before_cursor_execute", hear),
    ):
        yield looked_up


def test_a_word_that_was_found_on_a_list_is_not_looked_up_there_again(looked_up):
    registering.register(dataset_info("one", SNOW_WHITE, readme="carrot"))
    for _time in range(2):
        assert spelling.unknown(SNOW_WHITE, {"carrot", "turnip"}) == {"turnip"}
    assert ["carrot" in words for words in looked_up[-2:]] == [True, False]
    # Nor is it taken for known on another.
    assert spelling.unknown(MR_MEN, {"carrot", "turnip"}) == {"carrot", "turnip"}


def test_a_list_is_remembered_by_one_bit_however_often_it_is_asked(looked_up):
    registering.register(dataset_info("one", SNOW_WHITE, readme="carrot"))
    for place in [SNOW_WHITE] * 100 + [MR_MEN]:
        spelling.unknown(place, {"carrot"})
    assert sorted(spelling._memory()._bits.values()) == [1, 2]


def test_what_is_remembered_of_lists_does_not_grow_without_end(looked_up, monkeypatch):
    monkeypatch.setattr(spelling._Memory, "_MOST_WORDS", 1)
    registering.register(dataset_info("one", SNOW_WHITE, readme="carrot cabbage"))
    for _time in range(2):
        assert spelling.unknown(SNOW_WHITE, {"carrot", "cabbage"}) == set()
    assert ["carrot" in words for words in looked_up[-2:]] == [True, True]


def test_the_words_of_a_base_uri_that_was_registered_again_are_learnt_again(
    client, meant
):
    info = dataset_info("one", "s3://last", readme="rutabaga")
    with client.application.app_context():
        for _time in range(2):
            base_uris.register("s3://last")
            permissions.grant_search("grumpy", "s3://last")
            # Twice, so that the words are known before they are gone.
            for _once in range(2):
                registering.register(info)
            assert meant("rutabage", client=client) == ["rutabaga"]
            registering.forget(info["uri"])
            base_uris.remove("s3://last")


def test_only_the_first_page_says_it(meant):
    assert meant("carot", path="/uris?page=2") is None


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("carrot", "carrot", 0),
        ("carot", "carrot", 1),
        ("carrrot", "carrot", 1),
        ("carbot", "carrot", 1),
        ("acrrot", "carrot", 1),
        ("drosofila", "drosophila", 2),
        ("", "abc", 3),
    ],
)
def test_the_distance_counts_letters(one, other, steps):
    assert distance(one, other) == distance(other, one) == steps


@given(st.text("abc", max_size=6), st.text("abc", max_size=6))
def test_the_distance_is_at_most_the_longer_word(one, other):
    assert abs(len(one) - len(other)) <= distance(one, other)
    assert distance(one, other) <= max(len(one), len(other))
    assert (distance(one, other) == 0) == (one == other)
