"""GET /dataset/lookup/UUID: each place that holds a dataset."""

import pytest

from tests.corpus import MR_MEN, SNOW_WHITE, uri_of, uuid_of

APPLES = uuid_of("apple-harvest")


@pytest.mark.parametrize(
    ("user", "base_uris"),
    [
        ("grumpy", [MR_MEN, SNOW_WHITE]),
        ("sleepy", [SNOW_WHITE]),
        ("noone", []),
        ("snow-white", []),
    ],
)
def test_each_place_that_the_user_may_search(library, headers, user, base_uris):
    response = library.get(f"/dataset/lookup/{APPLES}", headers=headers(user))
    assert response.status_code == 200
    assert sorted(row["base_uri"] for row in response.json) == base_uris
    assert {row["uuid"] for row in response.json} <= {APPLES}


@pytest.mark.parametrize("uuid", [APPLES.upper(), APPLES.title(), APPLES.swapcase()])
def test_any_letter_case_will_do(library, headers, uuid):
    response = library.get(f"/dataset/lookup/{uuid}", headers=headers("sleepy"))
    assert [row["uri"] for row in response.json] == [uri_of("apple-harvest")]


def test_the_rows_are_those_of_the_list(library, headers):
    found = library.get(f"/dataset/lookup/{APPLES}", headers=headers("sleepy")).json
    listed = library.get("/dataset/list", headers=headers("sleepy")).json
    assert found == [row for row in listed if row["uuid"] == APPLES]


def test_an_unknown_uuid_is_nowhere(library, grumpy):
    response = library.get(f"/dataset/lookup/{uuid_of('nothing')}", headers=grumpy)
    assert response.status_code == 200
    assert response.json == []


@pytest.mark.parametrize(
    "uuid", ["x", "*", "%25", "_" * 36, "%20" * 36, APPLES[:35], APPLES + "0", "a'--"]
)
def test_what_is_no_uuid_is_nowhere_or_refused(library, grumpy, uuid):
    response = library.get(f"/dataset/lookup/{uuid}", headers=grumpy)
    assert response.status_code in (200, 404, 422)
    assert response.status_code != 200 or response.json == []
