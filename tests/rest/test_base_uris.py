"""/base-uris: base URIs and their permissions."""

import pytest

from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE
from tests.rest.paths import encoded, sort_of, spellings, total_of

NEW = "s3://new"
BOTH = {
    "users_with_search_permissions": ["grumpy"],
    "users_with_register_permissions": ["sleepy"],
}


def path(base_uri):
    return f"/base-uris/{encoded(base_uri)}"


def listed(client, admin):
    return [row["base_uri"] for row in client.get("/base-uris", headers=admin).json]


def test_base_uris_are_listed_by_name_alone(library, admin):
    response = library.get("/base-uris", headers=admin)
    assert response.json == [{"base_uri": b} for b in (CINDERELLA, MR_MEN, SNOW_WHITE)]
    assert sort_of(response) == {"base_uri": 1}
    assert total_of(response) == 3
    descending = library.get("/base-uris?sort=-base_uri", headers=admin)
    assert descending.json == response.json[::-1]
    assert library.get("/base-uris?sort=uri", headers=admin).status_code == 422


@pytest.mark.parametrize("spelling", [*spellings(SNOW_WHITE), f"{SNOW_WHITE}/"])
def test_a_base_uri_is_shown_with_its_permissions(library, admin, spelling):
    assert library.get(f"/base-uris/{spelling}", headers=admin).json == {
        "base_uri": SNOW_WHITE,
        "users_with_search_permissions": ["grumpy", "sleepy"],
        "users_with_register_permissions": ["grumpy", "librarian"],
    }


def test_an_unknown_base_uri_is_404(library, admin):
    assert library.get(path(NEW), headers=admin).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("base_uri", [SNOW_WHITE, NEW])
def test_base_uris_are_for_admins(library, grumpy, method, base_uri):
    response = library.open(path(base_uri), method=method, json={}, headers=grumpy)
    assert response.status_code == 403
    assert library.get("/base-uris", headers=grumpy).status_code == 403


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_base_uri_is_registered_and_then_replaced(client, admin, method):
    first = client.open(path(NEW), method=method, json=BOTH, headers=admin)
    assert (first.status_code, first.json) == (201, "")
    assert client.get(path(NEW), headers=admin).json == {"base_uri": NEW} | BOTH
    lists = {"users_with_search_permissions": ["noone"]}
    second = client.open(path(NEW), method=method, json=lists, headers=admin)
    assert (second.status_code, second.json) == (200, "")
    assert client.get(path(NEW), headers=admin).json == {
        "base_uri": NEW,
        "users_with_search_permissions": ["noone"],
        "users_with_register_permissions": [],
    }


@pytest.mark.parametrize("base_uri", [NEW, SNOW_WHITE])
def test_a_user_who_is_not_registered_changes_nothing(client, admin, base_uri):
    before = client.get(path(base_uri), headers=admin).json
    body = BOTH | {"users_with_register_permissions": ["nobody"]}
    response = client.put(path(base_uri), json=body, headers=admin)
    assert response.status_code == 422
    assert "nobody" in str(response.json["errors"])
    assert client.get(path(base_uri), headers=admin).json == before


@pytest.mark.parametrize("base_uri", ["s3://a\x01b", "s3://" + "x" * 1025, "s3://"])
def test_what_is_no_base_uri_is_422(client, admin, base_uri):
    assert client.put(path(base_uri), json={}, headers=admin).status_code == 422
    assert len(listed(client, admin)) == 3


def test_deleting_a_base_uri_is_idempotent(client, admin, grumpy):
    for _ in range(2):
        response = client.delete(path(SNOW_WHITE), headers=admin)
        assert (response.status_code, response.json) == (200, "")
    assert listed(client, admin) == [CINDERELLA, MR_MEN]
    user = client.get("/me", headers=grumpy).json
    assert user["search_permissions_on_base_uris"] == [MR_MEN]


@pytest.mark.usefixtures("corpus")
def test_a_base_uri_with_datasets_stays(client, admin):
    assert client.delete(path(SNOW_WHITE), headers=admin).status_code == 409
    assert SNOW_WHITE in listed(client, admin)
