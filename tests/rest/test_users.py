"""/me and /users: users for themselves and for admins."""

import pytest

from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE
from tests.rest.paths import encoded, sort_of, total_of

GRUMPY = {
    "username": "grumpy",
    "display_name": None,
    "is_admin": False,
    "search_permissions_on_base_uris": [SNOW_WHITE, MR_MEN],
    "register_permissions_on_base_uris": [SNOW_WHITE],
}


def test_me_is_who_asks(library, grumpy):
    assert library.get("/me", headers=grumpy).json == GRUMPY


@pytest.mark.parametrize(
    ("who", "name", "status"),
    [
        ("grumpy", "grumpy", 200),
        ("snow-white", "grumpy", 200),
        ("sleepy", "grumpy", 403),
        ("sleepy", "nobody", 403),
        ("snow-white", "nobody", 404),
        ("dopey", "grumpy", 401),
        ("dopey", "dopey", 401),
    ],
)
@pytest.mark.parametrize("of", ["", "/summary"])
def test_a_user_is_seen_by_self_and_admins(library, headers, who, name, status, of):
    response = library.get(f"/users/{name}{of}", headers=headers(who))
    assert response.status_code == status
    if status == 200 and not of:
        assert response.json == GRUMPY


@pytest.mark.parametrize("name", ["Grumpy the Dwarf", "Brummbär", None])
def test_users_choose_the_name_they_go_by(client, grumpy, name):
    response = client.patch("/me", json={"display_name": name}, headers=grumpy)
    assert response.json == GRUMPY | {"display_name": name}
    assert client.get("/me", headers=grumpy).json["display_name"] == name


def test_a_key_that_is_left_out_changes_nothing(client, grumpy):
    client.patch("/me", json={"display_name": "Grumpy"}, headers=grumpy)
    assert client.patch("/me", json={}, headers=grumpy).json["display_name"] == "Grumpy"


@pytest.mark.parametrize(
    "body",
    [
        {"display_name": 1},
        {"display_name": ""},
        {"display_name": "a\0"},
        {"display_name": "x" * 256},
        {"is_admin": True},
        {"username": "king"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_what_users_may_not_change_is_422(client, grumpy, body):
    assert client.patch("/me", json=body, headers=grumpy).status_code == 422
    assert client.get("/me", headers=grumpy).json == GRUMPY


def test_admins_list_users_by_name(library, admin):
    response = library.get("/users", headers=admin)
    listed = [user["username"] for user in response.json]
    assert listed == sorted(listed) and len(listed) == total_of(response) == 5
    assert sort_of(response) == {"username": 1}
    assert set(response.json[0]) == set(GRUMPY)


def test_users_are_sorted_as_asked(library, admin):
    users = library.get("/users?sort=-is_admin,-username", headers=admin).json
    assert [user["username"] for user in users][:2] == ["snow-white", "sleepy"]
    assert library.get("/users?sort=id", headers=admin).status_code == 422


def test_a_page_of_users_past_the_end_is_empty(library, admin):
    response = library.get("/users?page=9", headers=admin)
    assert (response.status_code, response.json, total_of(response)) == (200, [], 5)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("PUT", "/users/king"),
        ("PATCH", "/users/sleepy"),
        ("DELETE", "/users/sleepy"),
        ("POST", f"/users/sleepy/search/{encoded(MR_MEN)}"),
        ("DELETE", f"/users/sleepy/register/{encoded(SNOW_WHITE)}"),
    ],
)
def test_managing_users_is_for_admins(library, headers, method, path):
    for who in ("grumpy", "librarian"):
        response = library.open(path, method=method, json={}, headers=headers(who))
        assert response.status_code == 403


def test_put_adds_a_user_and_then_replaces(client, admin, headers):
    new = {"username": "king", "is_admin": True, "display_name": "The King"}
    response = client.put("/users/king", json=new, headers=admin)
    assert (response.status_code, response.json) == (201, "")
    assert client.get("/me", headers=headers("king")).json["is_admin"] is True
    response = client.put("/users/king", json={}, headers=admin)
    assert (response.status_code, response.json) == (200, "")
    king = client.get("/users/king", headers=admin).json
    assert (king["is_admin"], king["display_name"]) == (False, "The King")


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/users/king", {"username": "queen"}, 400),
        ("/users/king", {"is_admin": "perhaps"}, 422),
        ("/users/king", {"surprise": 1}, 422),
        ("/users/" + "x" * 65, {}, 422),
        ("/users/a%01b", {}, 422),
        ("/users/king", {"display_name": "x" * 256}, 422),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_user_is_not_added(client, admin, path, body, status):
    assert client.put(path, json=body, headers=admin).status_code == status
    assert total_of(client.get("/users", headers=admin)) == 5


def test_patch_changes_only_what_is_given(client, admin):
    client.patch("/users/grumpy", json={"display_name": "G"}, headers=admin)
    response = client.patch("/users/grumpy", json={"is_admin": True}, headers=admin)
    assert response.json == GRUMPY | {"display_name": "G", "is_admin": True}
    assert client.patch("/users/none", json={}, headers=admin).status_code == 404


def test_deleting_a_user_is_idempotent(client, admin, grumpy):
    for _ in range(2):
        response = client.delete("/users/grumpy", headers=admin)
        assert (response.status_code, response.json) == (200, "")
    assert client.get("/me", headers=grumpy).status_code == 401


@pytest.mark.parametrize("kind", ["search", "register"])
@pytest.mark.parametrize("spelling", [CINDERELLA, encoded(CINDERELLA), "s3/cinderella"])
def test_permissions_are_given_once_and_taken(client, admin, kind, spelling):
    path, key = f"/users/grumpy/{kind}/{spelling}", f"{kind}_permissions_on_base_uris"
    held = GRUMPY[key]
    given = client.post(path, headers=admin)
    assert given.json == GRUMPY | {key: [*held, CINDERELLA]}
    assert client.post(path, headers=admin).status_code == 409
    for _ in range(2):
        assert client.delete(path, headers=admin).json == GRUMPY


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    "path", ["nobody/search/s3/mr-men", "grumpy/search/s3/unknown"]
)
def test_permissions_of_what_is_not_there_are_404(client, admin, method, path):
    response = client.open(f"/users/{path}", method=method, headers=admin)
    assert response.status_code == 404
