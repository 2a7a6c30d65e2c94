"""GET and POST /uris, GET /uuids: finding datasets, sorted and a page at a time."""

import json

import pytest

from tests.corpus import (
    EVERYTHING,
    IN_MR_MEN,
    IN_SNOW_WHITE,
    MR_MEN,
    SNOW_WHITE,
    uuid_of,
)
from tests.rest.paths import sort_of, total_of

FIELDS = {
    "base_uri",
    "uri",
    "uuid",
    "name",
    "creator_username",
    "created_at",
    "frozen_at",
    "number_of_items",
    "size_in_bytes",
    "type",
    "dtoolcore_version",
    "tags",
    "uploaded_by",
    "uploaded_at",
}
SORTABLE = sorted(FIELDS - {"type", "dtoolcore_version", "tags"} - {"uploaded_by"})
SORTABLE.remove("uploaded_at")


def find(client, headers, method="POST", **query):
    """Send a query either way, with 100 rows to a page."""
    paging = {"page_size": 100} | {
        key: query.pop(key) for key in ("sort", "page", "page_size") if key in query
    }
    if method == "GET":
        return client.get("/uris", query_string=query | paging, headers=headers)
    return client.post("/uris", json=query, query_string=paging, headers=headers)


def names(response):
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_a_query_everything_comes_by_uri(library, grumpy, method):
    response = find(library, grumpy, method)
    assert [row["uri"] for row in response.json] == sorted(
        info["uri"] for info in EVERYTHING
    )
    assert sort_of(response) == {"uri": 1}
    assert total_of(response) == len(EVERYTHING)


def test_a_dataset_has_all_of_its_fields(library, grumpy):
    for row in find(library, grumpy).json:
        assert set(row) == FIELDS
        assert row["uploaded_by"] == "librarian"
        assert isinstance(row["uploaded_at"], float)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"free_text": "carrots"}, ["carrot-stew", "market-basket"]),
        ({"free_text": ""}, [info["name"] for info in EVERYTHING]),
        ({"creator_usernames": ["doc", "happy"]}, ["mine-survey", "hypocotyl3"]),
        ({"base_uris": [MR_MEN]}, [info["name"] for info in IN_MR_MEN]),
        ({"base_uris": [MR_MEN + "/"]}, [info["name"] for info in IN_MR_MEN]),
        ({"base_uris": ["s3://cinderella"]}, []),
        (
            {"uuids": [uuid_of("weather"), uuid_of("empty-box")]},
            ["weather", "empty-box"],
        ),
        ({"tags": ["fruit", "veg"]}, ["market-basket"]),
        ({"tags": ["fruit"], "creator_usernames": ["grumpy"]}, ["market-basket"]),
        ({"uploaded_by": ["librarian"]}, [info["name"] for info in EVERYTHING]),
        ({"uploaded_by": ["grumpy"]}, []),
    ],
    ids=str,
)
def test_each_key_narrows(library, grumpy, method, query, found):
    assert sorted(names(find(library, grumpy, method, **query))) == sorted(found)


def test_only_what_the_user_may_search_is_found(library, headers):
    found = find(library, headers("sleepy"))
    assert {row["base_uri"] for row in found.json} == {SNOW_WHITE}
    assert total_of(found) == len(IN_SNOW_WHITE)
    assert find(library, headers("noone")).json == []


@pytest.mark.parametrize("field", SORTABLE)
@pytest.mark.parametrize("sign", ["", "+", "-", " "])
def test_each_field_sorts_both_ways(library, grumpy, field, sign):
    response = find(library, grumpy, sort=sign + field)
    values = [row[field] for row in response.json]
    assert values == sorted(values, reverse=sign == "-")
    assert sort_of(response) == {field: -1 if sign == "-" else 1}


def test_a_raw_plus_before_a_field_is_fine(library, grumpy):
    response = library.get("/uris?sort=+name,-uri", headers=grumpy)
    assert sort_of(response) == {"name": 1, "uri": -1}


def test_equal_values_are_sorted_by_the_next_field(library, grumpy):
    rows = find(library, grumpy, sort="creator_username,-name").json
    expected = sorted(
        sorted(rows, key=lambda row: row["name"], reverse=True),
        key=lambda row: row["creator_username"],
    )
    assert rows == expected


@pytest.mark.parametrize("sort", ["nothing", "uri,nothing", "tags", "id", "uri;drop"])
@pytest.mark.parametrize("path", ["/uris", f"/uuids/{uuid_of('weather')}"])
def test_an_unknown_field_to_sort_by_is_422(library, grumpy, path, sort):
    response = library.get(path, query_string={"sort": sort}, headers=grumpy)
    assert response.status_code == 422
    assert "sort" in str(response.json["errors"])


def test_free_text_comes_by_relevance_unless_sorted(library, grumpy):
    by_relevance = find(library, grumpy, free_text="apple orchard")
    assert sort_of(by_relevance) == {}
    assert names(by_relevance)[:2] == ["apple-harvest", "apple-harvest"]
    by_name = find(library, grumpy, free_text="apple orchard", sort="-name")
    assert names(by_name) == ["market-basket", "apple-harvest", "apple-harvest"]


@pytest.mark.parametrize(
    "query",
    [
        {"creator_usernames": "grumpy"},
        {"uuids": ["x"]},
        {"surprise": 1},
        {"free_text": 1},
    ],
    ids=str,
)
def test_what_is_not_a_query_is_422(library, grumpy, query):
    assert library.post("/uris", json=query, headers=grumpy).status_code == 422


def test_a_uuid_that_is_none_in_the_address_is_422(library, grumpy):
    assert library.get("/uris?uuids=x", headers=grumpy).status_code == 422


@pytest.mark.parametrize("path", ["/uris", f"/uuids/{uuid_of('apple-harvest')}"])
def test_a_page_past_the_end_is_empty(library, grumpy, path):
    response = library.get(path, query_string={"page": 1000}, headers=grumpy)
    assert response.json == []
    assert total_of(response) > 0


@pytest.mark.parametrize("spell", [str.lower, str.upper])
def test_a_uuid_is_looked_up_wherever_it_is(library, grumpy, spell):
    path = f"/uuids/{spell(uuid_of('apple-harvest'))}"
    response = library.get(path, query_string={"sort": "-uri"}, headers=grumpy)
    assert [row["base_uri"] for row in response.json] == [SNOW_WHITE, MR_MEN]
    assert sort_of(response) == {"uri": -1}


def test_a_uuid_that_is_not_registered_is_nowhere(library, grumpy):
    assert library.get(f"/uuids/{uuid_of('none')}", headers=grumpy).json == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        (
            {"free_text": "tag:fruit,veg -creator:queen"},
            ["carrot-stew", "market-basket"],
        ),
        ({"free_text": "carrot AND apple"}, ["market-basket"]),
        ({"name": "stew"}, ["carrot-stew"]),
        (
            {"created_after": 1500000018, "base_uris": [MR_MEN]},
            ["tea-party", "weather"],
        ),
        ({"created_before": 1500000002.5, "tags": ["veg"]}, ["carrot-stew"]),
        ({"frozen_after": 1500000019, "max_size": 10}, ["tea-party", "weather"]),
        ({"min_size": 31}, ["market-basket"]),
        ({"max_size": 2**63 - 1, "free_text": "name:weather"}, ["weather"]),
    ],
    ids=str,
)
def test_fields_and_limits_narrow(library, grumpy, method, query, found):
    assert sorted(names(find(library, grumpy, method, **query))) == sorted(found)


@pytest.mark.parametrize(
    ("annotations", "found"),
    [
        ({"ticklish": True}, ["long-arms"]),
        ({"stall.number": 7, "stall.owner": "Rumpelstiltskin"}, ["market-basket"]),
        ({"nobody": None}, ["long-arms"]),
        ({"ticklish": False}, []),
    ],
    ids=str,
)
def test_annotations_narrow(library, grumpy, annotations, found):
    assert names(find(library, grumpy, annotations=annotations)) == found


@pytest.mark.parametrize("path", ["/uris", "/uris/summary", "/dataset/search"])
@pytest.mark.parametrize(
    ("free_text", "understood"),
    [
        ("tag:fruit Äpfel", {"query": "tag:fruit AND Äpfel", "parsed": True}),
        ("(apple pear", {"query": "apple OR pear", "parsed": False}),
    ],
)
def test_the_answer_says_how_the_query_was_understood(
    library, grumpy, path, free_text, understood
):
    response = library.post(path, json={"free_text": free_text}, headers=grumpy)
    assert json.loads(response.headers["X-Query-Understood"]) == understood


def test_without_free_text_there_is_nothing_to_understand(library, grumpy):
    assert "X-Query-Understood" not in find(library, grumpy, tags=["fruit"]).headers


def test_a_long_query_makes_no_long_header(library, grumpy):
    response = find(library, grumpy, free_text="word " * 10_000)
    assert len(response.headers["X-Query-Understood"]) < 2000


def test_hits_of_fields_alone_have_cursors(library, grumpy):
    response = library.get(
        "/uris?free_text=tag:fruit&page_size=1&after=", headers=grumpy
    )
    assert "after=" in response.headers["Link"]
