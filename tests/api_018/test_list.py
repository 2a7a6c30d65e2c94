"""GET /dataset/list: every dataset that one may search."""

import pytest

from dtool_lookup_server.utils import delete_users, update_permissions
from tests.corpus import EVERYTHING, IN_SNOW_WHITE, SNOW_WHITE, uri_of, uuid_of


def list_uris(client, headers):
    response = client.get("/dataset/list?page_size=100", headers=headers)
    assert response.status_code == 200
    return sorted(row["uri"] for row in response.json)


def row_of(client, headers, uri):
    response = client.get("/dataset/list?page_size=100", headers=headers)
    return next(row for row in response.json if row["uri"] == uri)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("grumpy", EVERYTHING),
        ("sleepy", IN_SNOW_WHITE),
        ("librarian", []),
        ("noone", []),
        ("snow-white", []),
    ],
)
def test_a_user_sees_what_the_user_may_search(library, headers, user, expected):
    assert list_uris(library, headers(user)) == sorted(info["uri"] for info in expected)


def test_a_row_has_all_that_is_known_beside_the_content(library, grumpy):
    row = row_of(library, grumpy, uri_of("apple-harvest"))
    assert (
        row.items()
        >= {
            "base_uri": SNOW_WHITE,
            "uri": uri_of("apple-harvest"),
            "uuid": uuid_of("apple-harvest"),
            "name": "apple-harvest",
            "creator_username": "queen",
            "created_at": 1500000000.123456,
            "frozen_at": 1500000001.654321,
            "number_of_items": 2,
            "size_in_bytes": 30,
            "type": "dataset",
            "dtoolcore_version": "3.18.0",
            "tags": ["fruit", "poison"],
        }.items()
    )


@pytest.mark.parametrize("key", ["readme", "manifest", "annotations", "id", "msg"])
def test_a_row_has_no_content_in_it(library, grumpy, key):
    assert key not in row_of(library, grumpy, uri_of("apple-harvest"))


@pytest.mark.parametrize("key", ["created_at", "frozen_at"])
def test_times_are_floats(library, grumpy, key):
    row = row_of(library, grumpy, uri_of("carrot-stew"))
    assert isinstance(row[key], float)


def test_a_permission_that_is_taken_away_hides_its_datasets(
    app, client, corpus, headers
):
    with app.app_context():
        update_permissions(
            {
                "base_uri": SNOW_WHITE,
                "users_with_search_permissions": ["grumpy"],
                "users_with_register_permissions": ["sleepy"],
            }
        )
    assert list_uris(client, headers("sleepy")) == []
    assert len(list_uris(client, headers("grumpy"))) == len(EVERYTHING)


def test_datasets_outlive_the_user_who_registered_them(app, client, corpus, grumpy):
    with app.app_context():
        delete_users([{"username": "librarian"}])
    assert len(list_uris(client, grumpy)) == len(EVERYTHING)


def test_nothing_is_listed_before_anything_is_registered(client, grumpy):
    assert list_uris(client, grumpy) == []
