"""?after=: pages that follow each other while datasets come and go."""

import json
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, urlparse

import pytest

from dtool_lookup_server.services.datasets import SORTABLE
from tests.corpus import EVERYTHING, dataset_info, uri_of
from tests.rest.paths import encoded


def next_of(response):
    """Return the path and query of the next page, or None."""
    link = response.headers.get("Link")
    if link is None:
        return None
    assert link.startswith("<") and link.endswith('>; rel="next"')
    url = urlparse(link.partition(">")[0][1:])
    return f"{url.path}?{url.query}"


def walk(client, headers, path, **options):
    """Return the rows of all pages, one after the other."""
    rows = []
    while path is not None:
        method = "POST" if "json" in options else "GET"
        response = client.open(path, method=method, headers=headers, **options)
        assert response.status_code == 200, response.text
        rows += response.json
        path = next_of(response)
    return rows


@pytest.mark.parametrize("start", ["", "&after="])
@pytest.mark.parametrize("size", [1, 5, 12, 100])
@pytest.mark.parametrize(
    "sort", [*SORTABLE, "-name,creator_username", "-size_in_bytes"]
)
def test_the_pages_together_are_the_whole_list(library, grumpy, sort, size, start):
    whole = library.get(f"/uris?page_size=100&sort={sort}", headers=grumpy).json
    path = f"/uris?page_size={size}&sort={sort}{start}"
    assert walk(library, grumpy, path) == whole
    assert len(whole) == len(EVERYTHING)


def test_a_query_goes_on_too(library, grumpy):
    query = {"json": {"free_text": "apple carrots diamond"}}
    path = "/uris?page_size=2&sort=name"
    whole = library.post("/uris?sort=name", headers=grumpy, **query).json
    assert walk(library, grumpy, path, **query) == whole
    assert len(whole) > 4


def test_by_relevance_the_next_page_is_a_number(library, grumpy):
    response = library.get("/uris?free_text=description&page_size=5", headers=grumpy)
    assert parse_qs(urlparse(next_of(response)).query)["page"] == ["2"]
    rows = walk(library, grumpy, "/uris?free_text=description&page_size=5")
    assert len({row["uri"] for row in rows}) == len(rows) == 11


@pytest.mark.parametrize("path", ["/users", "/base-uris"])
def test_other_lists_go_on_too(library, admin, path):
    whole = library.get(path, headers=admin).json
    assert walk(library, admin, f"{path}?page_size=2") == whole
    assert walk(library, admin, f"{path}?page_size=1&after=") == whole


def test_a_uuid_goes_on_too(library, grumpy):
    path = f"/uuids/{EVERYTHING[0]['uuid']}?page_size=1"
    assert len(walk(library, grumpy, path)) == 2


def test_counting_is_left_out(library, grumpy):
    response = library.get("/uris?after=", headers=grumpy)
    assert "X-Pagination" not in response.headers
    assert "X-Sort" in response.headers


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize("sort", ["uri", "-uri", "name", "-frozen_at", "size_in_bytes"])
def test_nothing_is_repeated_or_missed_while_datasets_come_and_go(
    client, headers, grumpy, sort
):
    librarian = headers("librarian")
    first = client.get(f"/uris?page_size=6&sort={sort}", headers=grumpy)
    for row in first.json:
        client.delete(f"/uris/{encoded(row['uri'])}", headers=librarian)
    rows = walk(client, grumpy, next_of(first))
    uris = {row["uri"] for row in [*first.json, *rows]}
    assert uris == {info["uri"] for info in EVERYTHING}
    assert len(rows) == len(EVERYTHING) - 6


def test_datasets_without_a_size_come_last_both_ways(client, grumpy):
    for name, size in (("a", 1), ("b", ...), ("c", 3), ("d", ...)):
        info = dataset_info(
            name, number_of_items=..., size_in_bytes=size, manifest={"items": {}}
        )
        assert (
            client.put(
                f"/uris/{encoded(info['uri'])}", json=info, headers=grumpy
            ).status_code
            == 201
        )
    unknown = sorted([uri_of("b"), uri_of("d")])
    for sort, known in (("", ["a", "c"]), ("-", ["c", "a"])):
        path = f"/uris?page_size=1&sort={sort}size_in_bytes"
        uris = [row["uri"] for row in walk(client, grumpy, path)]
        assert uris == [uri_of(name) for name in known] + unknown


def cursor(*content):
    return urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "ä",
        "====",
        "\0",
        cursor(),
        cursor("uri"),
        cursor("uri", "x"),
        cursor("uri", []),
        cursor("uri", [1]),
        cursor("uri", [None]),
        cursor("uri", ["a\0"]),
        cursor("uri", ["\ud800"]),
        cursor("uri", ["a", "b"]),
        cursor("name,uri", ["a", "b"]),
        cursor("-uri", ["a"]),
        "W" * 10_000,
        urlsafe_b64encode(b"[" * 5000).decode(),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_cursor_is_422(library, grumpy, after):
    response = library.get("/uris", query_string={"after": after}, headers=grumpy)
    assert response.status_code == 422
    assert "after" in str(response.json["errors"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("created_at", "x"),
        ("created_at", 1),
        ("created_at", "2020-01-01T00:00+01"),
        ("size_in_bytes", 2**63),
        ("size_in_bytes", "1"),
        ("size_in_bytes", True),
    ],
)
def test_a_cursor_with_another_type_is_422(library, grumpy, field, value):
    query = {"after": cursor(f"{field},uri", [value, "s3://a"]), "sort": field}
    response = library.get("/uris", query_string=query, headers=grumpy)
    assert response.status_code == 422


def test_a_cursor_needs_an_order(library, grumpy):
    response = library.get("/uris?free_text=apple&after=", headers=grumpy)
    assert response.status_code == 422
