"""Facets of a query: what else it could be narrowed by."""

import pytest

from tests.corpus import EVERYTHING, IN_SNOW_WHITE, MR_MEN, SNOW_WHITE


@pytest.fixture
def facet(library, grumpy):
    """Return one facet of a query as a list of values and counts."""

    def get(name, headers=grumpy, facet_prefix=None, facet_limit=None, **query):
        wanted = {
            "facets": name,
            "facet_prefix": facet_prefix,
            "facet_limit": facet_limit,
        }
        response = library.post(
            "/uris/summary",
            json=query,
            query_string={key: value for key, value in wanted.items() if value},
            headers=headers,
        )
        assert response.status_code == 200, response.text
        return [
            (item["value"], item["count"]) for item in response.json["facets"][name]
        ]

    return get


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("creators", [("grumpy", 2), ("mr.strong", 2), ("queen", 2)]),
        ("base_uris", [(SNOW_WHITE, 7), (MR_MEN, 5)]),
        ("tags", [("dessert", 3), ("fruit", 3), ("geology", 2), ("poison", 2)]),
        ("uploaders", [("librarian", len(EVERYTHING))]),
        ("annotation_keys", [("colour", 2), ("weight_g", 2)]),
        ("annotations.colour", [("crimson", 2)]),
        ("annotations.stall.number", [("7", 1)]),
        ("years", [("2017", len(EVERYTHING))]),
        ("sizes", [("<1KB", len(EVERYTHING))]),
    ],
)
def test_each_facet_counts_its_values_the_most_frequent_first(facet, name, counts):
    assert facet(name)[: len(counts)] == counts


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("creators", {"creator_usernames": ["grumpy"]}),
        ("creators", {"free_text": "creator:grumpy,queen"}),
        ("base_uris", {"base_uris": [MR_MEN]}),
        ("tags", {"tags": ["veg"]}),
        ("tags", {"free_text": "tag:veg"}),
        ("annotations.colour", {"annotations": {"colour": "blue"}}),
        ("annotations.colour", {"free_text": "annotation.colour:blue"}),
        ("years", {"frozen_after": 1600000000}),
        ("years", {"free_text": "frozen:2024,2025"}),
        ("sizes", {"min_size": 10**9}),
        ("sizes", {"free_text": "size:>1GB"}),
    ],
    ids=str,
)
def test_a_facet_is_counted_as_if_its_own_filter_were_not_set(facet, name, query):
    assert facet(name, **query) == facet(name)


def test_a_facet_is_narrowed_by_the_other_filters(facet):
    query = {"free_text": "apple creator:queen,grumpy", "tags": ["veg"]}
    assert facet("creators", **query) == [("grumpy", 1)]
    assert facet("tags", **query) == [("fruit", 3), ("poison", 2), ("veg", 1)]


def test_a_facet_counts_what_a_search_for_its_value_finds(library, grumpy, facet):
    for name, field in (
        ("creators", "creator"),
        ("sizes", "size"),
        ("years", "frozen"),
    ):
        for value, count in facet(name):
            query = {"free_text": f"{field}:{value}"}
            found = library.post("/uris/summary", json=query, headers=grumpy)
            assert found.json["number_of_datasets"] == count


def test_a_facet_is_searched_by_how_its_values_begin(facet):
    assert facet("creators", facet_prefix="MR.") == [
        ("mr.strong", 2),
        ("mr.bump", 1),
        ("mr.tickle", 1),
    ]
    assert facet("tags", facet_prefix="100%_") == []


def test_a_facet_is_limited(facet):
    assert facet("tags", facet_limit=1) == [("dessert", 3)]


def test_only_what_the_user_may_search_is_counted(facet, headers):
    sleepy = headers("sleepy")
    assert facet("base_uris", sleepy) == [(SNOW_WHITE, len(IN_SNOW_WHITE))]
    assert facet("tags", headers("noone")) == []


def test_several_facets_come_in_one_answer(library, grumpy):
    response = library.get("/uris/summary?facets=creators,tags", headers=grumpy)
    assert set(response.json["facets"]) == {"creators", "tags"}
    assert response.json["number_of_datasets"] == len(EVERYTHING)


def test_without_asking_there_are_no_facets(library, grumpy):
    assert "facets" not in library.get("/uris/summary", headers=grumpy).json


@pytest.mark.parametrize(
    "asked", ["facets=names", "facets=tags&facet_limit=0", "facets=tags,"]
)
def test_what_is_no_facet_is_422(library, grumpy, asked):
    assert library.get(f"/uris/summary?{asked}", headers=grumpy).status_code == 422
