"""GET /suggest: what is being typed, completed."""

import pytest

from tests.corpus import MR_MEN, SNOW_WHITE


@pytest.fixture
def suggest(library, grumpy):
    """Return the queries that a text is completed to."""

    def get(typed, headers=grumpy):
        response = library.get("/suggest", query_string={"q": typed}, headers=headers)
        assert response.status_code == 200, response.text
        return [suggestion["query"] for suggestion in response.json]

    return get


@pytest.mark.parametrize(
    ("typed", "queries"),
    [
        ("mr.", ["creator:mr.bump", "creator:mr.strong", "creator:mr.tickle"]),
        ("fru", ["tag:fruit"]),
        ("s3://", [f"base_uri:{MR_MEN}", f"base_uri:{SNOW_WHITE}"]),
        ("colo", ["annotation.colour:*"]),
        ("stall.", ["annotation.stall.number:*", "annotation.stall.owner:*"]),
        ("market", ["name:market-basket"]),
        ("escher", ["name:Escherichia-coli-ref-genome"]),
        ("café", ['name:"Café crème"']),
        ("à", ['tag:"à point"']),
        ("ge", ["tag:genome", "tag:geology"]),
        ("tag:d", ["tag:dessert"]),
        ("zzz", []),
        (" ", []),
        ("%", []),
        ("tag:", []),
    ],
)
def test_what_is_typed_is_completed(suggest, typed, queries):
    assert suggest(typed) == queries


def test_only_what_the_user_may_search_is_suggested(suggest, headers):
    sleepy = headers("sleepy")
    assert suggest("mr.", sleepy) == []
    assert suggest("s3://", sleepy) == [f"base_uri:{SNOW_WHITE}"]
    assert suggest("length", sleepy) == []
    assert suggest("fru", headers("noone")) == []


def test_a_suggestion_finds_something(library, grumpy, suggest):
    for query in [one for typed in "abcdefgm" for one in suggest(typed)]:
        found = library.post("/uris", json={"free_text": query}, headers=grumpy)
        assert found.json, query


@pytest.mark.parametrize("query", ["", "?q=" + "a" * 2000])
def test_what_cannot_be_completed_is_422(library, grumpy, query):
    assert library.get(f"/suggest{query}", headers=grumpy).status_code == 422
