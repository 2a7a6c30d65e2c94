"""A page at a time: page, page_size, X-Pagination."""

import json

import pytest

from tests.api_018.routes import LOOKUP
from tests.corpus import EVERYTHING

LISTS = ["/dataset/list", "/admin/user/list", "/admin/base_uri/list"]


def fetch(client, path, headers, **paging):
    """Fetch a page of any paged route."""
    method = "POST" if path == "/dataset/search" else "GET"
    return client.open(path, method=method, query_string=paging, headers=headers)


def paging_of(response):
    return json.loads(response.headers["X-Pagination"])


@pytest.fixture
def who(grumpy, admin):
    """The headers of one who may read a path."""
    return lambda path: admin if path.startswith("/admin") else grumpy


@pytest.mark.parametrize(
    ("path", "total"),
    [
        ("/dataset/list", 12),
        ("/dataset/search", 12),
        (LOOKUP.path, 2),
        ("/admin/user/list", 5),
        ("/admin/base_uri/list", 3),
    ],
)
def test_the_header_counts_everything(library, who, path, total):
    response = fetch(library, path, who(path), page_size=1)
    assert response.status_code == 200
    assert len(response.json) == 1
    assert paging_of(response) == {
        "total": total,
        "total_pages": total,
        "first_page": 1,
        "last_page": total,
        "page": 1,
        "next_page": 2,
    }


def test_the_header_names_the_pages_around(library, grumpy):
    response = fetch(library, "/dataset/list", grumpy, page=2, page_size=5)
    assert paging_of(response) == {
        "total": 12,
        "total_pages": 3,
        "first_page": 1,
        "last_page": 3,
        "page": 2,
        "previous_page": 1,
        "next_page": 3,
    }


def test_the_last_page_has_no_next_one_and_holds_the_rest(library, grumpy):
    response = fetch(library, "/dataset/list", grumpy, page=3, page_size=5)
    assert len(response.json) == 2
    assert paging_of(response)["previous_page"] == 2
    assert "next_page" not in paging_of(response)


@pytest.mark.parametrize("path", ["/dataset/list", "/dataset/search"])
def test_a_page_has_ten_rows_unless_asked_otherwise(library, grumpy, path):
    response = fetch(library, path, grumpy)
    assert len(response.json) == 10
    assert paging_of(response)["page"] == 1


@pytest.mark.parametrize("page_size", [1, 5, 7, 11, 12, 13, 100])
@pytest.mark.parametrize("path", ["/dataset/list", "/dataset/search"])
def test_the_pages_together_hold_each_dataset_once(library, grumpy, path, page_size):
    pages = range(1, -(-12 // page_size) + 1)
    uris = [
        row["uri"]
        for page in pages
        for row in fetch(library, path, grumpy, page=page, page_size=page_size).json
    ]
    assert sorted(uris) == sorted(info["uri"] for info in EVERYTHING)


def test_the_pages_of_a_text_search_hold_each_hit_once(library, grumpy):
    query = {"json": {"free_text": "description"}, "headers": grumpy}
    pages = [
        library.post(f"/dataset/search?page={page}&page_size=4", **query)
        for page in (1, 2, 3)
    ]
    uris = [row["uri"] for response in pages for row in response.json]
    assert len(uris) == len(set(uris)) == 11
    assert paging_of(pages[0])["total"] == 11


@pytest.mark.parametrize("path", ["/dataset/list", "/dataset/search", LOOKUP.path])
def test_where_there_is_nothing_the_header_says_so(library, headers, path):
    response = fetch(library, path, headers("noone"))
    assert response.status_code == 200
    assert response.json == []
    assert paging_of(response) == {"total": 0, "total_pages": 0}


@pytest.mark.parametrize("page", [3, 4, 1000, 2**31, 2**62])
@pytest.mark.parametrize("path", ["/dataset/list", "/dataset/search", LOOKUP.path])
def test_a_page_past_the_end_is_empty(library, grumpy, path, page):
    response = fetch(library, path, grumpy, page=page)
    assert response.status_code == 200
    assert response.json == []
    assert paging_of(response)["total"] == (2 if path == LOOKUP.path else 12)


@pytest.mark.parametrize("page", [2, 1000, 2**31, 2**62])
@pytest.mark.parametrize("path", ["/admin/user/list", "/admin/base_uri/list"])
def test_a_page_past_the_end_is_404_for_an_admin(library, admin, path, page):
    response = fetch(library, path, admin, page=page)
    assert response.status_code == 404
    assert response.json["code"] == 404


@pytest.mark.parametrize(
    "page_size", [0, -1, 101, 10**30, "x", "1.5", "", "٣٣٣", "1e1"]
)
@pytest.mark.parametrize("path", [*LISTS, "/dataset/search", LOOKUP.path])
def test_a_page_size_outside_1_to_100_is_422(library, who, path, page_size):
    response = fetch(library, path, who(path), page_size=page_size)
    assert response.status_code == 422
    assert response.json["code"] == 422


@pytest.mark.parametrize("page", [0, -1, -(10**30), "x", "1.5", "", "NaN", "inf"])
@pytest.mark.parametrize("path", [*LISTS, "/dataset/search", LOOKUP.path])
def test_a_page_before_the_first_or_none_is_422(library, who, path, page):
    response = fetch(library, path, who(path), page=page)
    assert response.status_code == 422
    assert response.json["code"] == 422


@pytest.mark.parametrize("page", [2**63 - 1, 2**63, 10**30, "9" * 5000])
@pytest.mark.parametrize("path", [*LISTS, "/dataset/search", LOOKUP.path])
def test_a_huge_page_is_empty_or_refused(library, who, path, page):
    response = fetch(library, path, who(path), page=page, page_size=100)
    assert response.status_code in (200, 404, 422)
    assert response.status_code != 200 or response.json == []
