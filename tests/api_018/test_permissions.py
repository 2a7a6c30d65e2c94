"""/admin/permission: who may search and who may register."""

import pytest

from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE, dataset_info


def permissions(may_search=(), may_register=(), base_uri=SNOW_WHITE):
    return {
        "base_uri": base_uri,
        "users_with_search_permissions": list(may_search),
        "users_with_register_permissions": list(may_register),
    }


@pytest.fixture
def info(client, admin):
    """Read the permissions on a base URI as an admin."""

    def post(base_uri=SNOW_WHITE):
        body = {"base_uri": base_uri}
        return client.post("/admin/permission/info", json=body, headers=admin)

    return post


@pytest.fixture
def update(client, admin):
    """Send new permissions as an admin."""

    def post(body):
        return client.post(
            "/admin/permission/update_on_base_uri", json=body, headers=admin
        )

    return post


@pytest.mark.parametrize("base_uri", [SNOW_WHITE, SNOW_WHITE + "/"])
def test_the_permissions_on_a_base_uri(info, base_uri):
    response = info(base_uri)
    assert response.status_code == 200
    answer = response.json
    assert answer["base_uri"] == SNOW_WHITE
    assert sorted(answer["users_with_search_permissions"]) == ["grumpy", "sleepy"]
    assert sorted(answer["users_with_register_permissions"]) == ["grumpy", "librarian"]


def test_a_base_uri_without_permissions(info):
    assert info(CINDERELLA).json == permissions(base_uri=CINDERELLA)


def test_an_update_is_201_and_empty_and_replaces_both_lists(info, update):
    response = update(permissions(["noone"], ["sleepy", "noone"]))
    assert response.status_code == 201
    assert response.data == b""
    answer = info().json
    assert answer["users_with_search_permissions"] == ["noone"]
    assert sorted(answer["users_with_register_permissions"]) == ["noone", "sleepy"]


def test_empty_lists_take_everything_away(info, update):
    assert update(permissions()).status_code == 201
    assert info().json == permissions()


def test_a_trailing_slash_is_the_same_base_uri(info, update):
    assert update(permissions(["noone"], base_uri=MR_MEN + "/")).status_code == 201
    assert info(MR_MEN).json == permissions(["noone"], base_uri=MR_MEN)


def test_other_base_uris_stay_as_they_are(info, update):
    before = info(MR_MEN).json
    update(permissions())
    assert info(MR_MEN).json == before


def test_the_same_update_twice_is_the_same(info, update):
    for _ in range(2):
        assert update(permissions(["grumpy"], ["grumpy"])).status_code == 201
    assert info().json == permissions(["grumpy"], ["grumpy"])


def test_a_name_twice_in_one_list_is_one_permission(info, update):
    assert update(permissions(["noone", "noone"], ["noone"])).status_code == 201
    assert info().json == permissions(["noone"], ["noone"])


def test_a_permission_works_at_once(client, headers, update):
    update(permissions(["noone"], ["noone"]))
    noone = headers("noone")
    response = client.post("/dataset/register", json=dataset_info(), headers=noone)
    assert response.status_code == 201
    assert len(client.get("/dataset/list", headers=noone).json) == 1


def test_a_register_permission_is_none_to_search(client, corpus, headers, update):
    update(permissions([], ["noone"]))
    assert client.get("/dataset/list", headers=headers("noone")).json == []


@pytest.mark.parametrize("base_uri", ["s3://unknown", "s3://snow", "s3://%", "unknown"])
def test_an_unknown_base_uri_is_404(info, update, base_uri):
    assert info(base_uri).status_code == 404
    assert update(permissions(base_uri=base_uri)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        permissions(["dopey"], ["grumpy"]),
        permissions(["grumpy"], ["dopey"]),
        permissions(["GRUMPY"]),
        permissions([""]),
        permissions([None]),
        permissions([7]),
        permissions([{"$gt": ""}]),
        permissions(["a\x00b"]),
        permissions(["\ud800"]),
        permissions() | {"users_with_search_permissions": "grumpy"},
        permissions() | {"users_with_register_permissions": None},
        permissions() | {"surprise": 1},
        {"base_uri": SNOW_WHITE},
        {"base_uri": SNOW_WHITE, "users_with_search_permissions": []},
        {"base_uri": SNOW_WHITE, "users_with_register_permissions": []},
        {"users_with_search_permissions": [], "users_with_register_permissions": []},
        {},
        None,
    ],
    ids=lambda body: ascii(body)[:60],
)
def test_an_update_that_cannot_be_is_422_and_nothing_changes(info, update, body):
    before = info().json
    response = update(body)
    assert response.status_code == 422
    assert response.json["code"] == 422
    assert info().json == before


@pytest.mark.parametrize(
    "base_uri", [None, 7, [SNOW_WHITE], {"$gt": ""}, "", "s3://a\x00b", "\ud800"]
)
def test_info_on_what_is_no_base_uri_is_refused(info, base_uri):
    assert info(base_uri).status_code in (404, 422)


@pytest.mark.parametrize("user", ["grumpy", "librarian", "dopey"])
def test_nobody_else_gives_permissions(client, headers, info, user):
    before = info().json
    response = client.post(
        "/admin/permission/update_on_base_uri",
        json=permissions([user], [user]),
        headers=headers(user),
    )
    assert response.status_code == 404
    assert info().json == before
