"""/admin/user: the list of users, and new ones."""

import pytest

from tests.corpus import MR_MEN, SNOW_WHITE

FOUR_KEYS = {
    "username",
    "is_admin",
    "search_permissions_on_base_uris",
    "register_permissions_on_base_uris",
}
PEOPLE = ["grumpy", "librarian", "noone", "sleepy", "snow-white"]


def users(client, admin):
    response = client.get("/admin/user/list?page_size=100", headers=admin)
    assert response.status_code == 200
    return {row["username"]: row for row in response.json}


@pytest.fixture
def register(client, admin):
    """Register users as an admin."""
    return lambda body: client.post("/admin/user/register", json=body, headers=admin)


def test_the_list_has_every_user(library, admin):
    assert sorted(users(library, admin)) == PEOPLE


def test_a_user_in_the_list_has_an_id_and_all_permissions(library, admin):
    row = users(library, admin)["grumpy"]
    assert set(row) >= FOUR_KEYS | {"id"}
    assert isinstance(row["id"], int)
    assert row["is_admin"] is False
    assert sorted(row["search_permissions_on_base_uris"]) == [MR_MEN, SNOW_WHITE]
    assert row["register_permissions_on_base_uris"] == [SNOW_WHITE]


def test_ids_differ(library, admin):
    ids = [row["id"] for row in users(library, admin).values()]
    assert len(set(ids)) == len(PEOPLE)


def test_new_users_are_201_and_empty(client, admin, register):
    response = register([{"username": "happy", "is_admin": True}, {"username": "doc"}])
    assert response.status_code == 201
    assert response.data == b""
    assert users(client, admin)["happy"]["is_admin"] is True
    assert users(client, admin)["doc"]["is_admin"] is False


def test_a_new_user_may_do_nothing_yet(client, headers, register):
    register([{"username": "doc"}])
    answer = client.get("/user/info/doc", headers=headers("doc")).json
    assert answer["search_permissions_on_base_uris"] == []
    assert client.get("/admin/user/list", headers=headers("doc")).status_code == 404


def test_a_new_admin_may_administer(client, headers, register):
    register([{"username": "doc", "is_admin": True}])
    assert client.get("/admin/user/list", headers=headers("doc")).status_code == 200


def test_users_who_exist_are_left_as_they_are(client, admin, register):
    body = [{"username": "snow-white"}, {"username": "grumpy", "is_admin": True}]
    assert register(body).status_code == 201
    after = users(client, admin)
    assert after["snow-white"]["is_admin"] is True
    assert after["grumpy"]["is_admin"] is False
    assert len(after["grumpy"]["search_permissions_on_base_uris"]) == 2


def test_a_name_twice_in_one_list_is_one_user(client, admin, register):
    assert register([{"username": "doc"}, {"username": "doc"}]).status_code == 201
    assert sorted(users(client, admin)) == sorted([*PEOPLE, "doc"])


def test_no_users_is_no_change(client, admin, register):
    assert register([]).status_code == 201
    assert sorted(users(client, admin)) == PEOPLE


@pytest.mark.parametrize(
    "name", ["x" * 64, "a.b-c_d", "Ünïcödé", "a b", "o'neill", "%"]
)
def test_a_name_is_any_text_of_a_line(client, admin, register, name):
    assert register([{"username": name}]).status_code == 201
    assert name in users(client, admin)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"is_admin": True},
        {"username": ""},
        {"username": None},
        {"username": 7},
        {"username": ["doc"]},
        {"username": {"$gt": ""}},
        {"username": "a\x00b"},
        {"username": "a\nb"},
        {"username": "\x1b[31m"},
        {"username": "\x7f"},
        {"username": "\ud800"},
        {"username": "x" * 65},
        {"username": "doc", "is_admin": "perhaps"},
        {"username": "doc", "is_admin": None},
        {"username": "doc", "is_admin": []},
        {"username": "doc", "surprise": 1},
        "doc",
        None,
        [],
    ],
    ids=lambda entry: ascii(entry)[:40],
)
def test_a_name_that_cannot_be_is_422_and_nobody_is_added(
    client, admin, register, entry
):
    response = register([{"username": "happy"}, entry])
    assert response.status_code == 422
    assert response.json["code"] == 422
    assert sorted(users(client, admin)) == PEOPLE


def test_an_object_in_place_of_the_list_is_422(register):
    assert register({"username": "doc"}).status_code == 422


@pytest.mark.parametrize("user", ["grumpy", "noone", "dopey"])
def test_nobody_else_adds_users(client, headers, admin, user):
    response = client.post(
        "/admin/user/register",
        json=[{"username": user, "is_admin": True}, {"username": "doc"}],
        headers=headers(user),
    )
    assert response.status_code == 404
    assert sorted(users(client, admin)) == PEOPLE
    assert not any(users(client, admin)[n]["is_admin"] for n in ("grumpy", "noone"))
