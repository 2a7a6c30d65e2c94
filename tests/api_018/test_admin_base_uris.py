"""/admin/base_uri: the list of base URIs, and new ones."""

import pytest

from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE


def base_uris(client, admin):
    response = client.get("/admin/base_uri/list?page_size=100", headers=admin)
    assert response.status_code == 200
    return {row["base_uri"]: row for row in response.json}


@pytest.fixture
def register(client, admin):
    """Register a base URI as an admin."""

    def post(body):
        return client.post("/admin/base_uri/register", json=body, headers=admin)

    return post


def test_the_list_has_every_base_uri_and_its_permissions(library, admin):
    rows = base_uris(library, admin)
    assert set(rows) == {CINDERELLA, MR_MEN, SNOW_WHITE}
    row = rows[SNOW_WHITE]
    assert sorted(row["users_with_search_permissions"]) == ["grumpy", "sleepy"]
    assert sorted(row["users_with_register_permissions"]) == ["grumpy", "librarian"]
    assert rows[CINDERELLA]["users_with_search_permissions"] == []


def test_a_new_base_uri_is_201_and_empty(client, admin, register):
    response = register({"base_uri": "s3://new"})
    assert response.status_code == 201
    assert response.data == b""
    assert base_uris(client, admin)["s3://new"] == {
        "base_uri": "s3://new",
        "users_with_search_permissions": [],
        "users_with_register_permissions": [],
    }


@pytest.mark.parametrize("base_uri", [SNOW_WHITE, SNOW_WHITE + "/", SNOW_WHITE + "//"])
def test_a_base_uri_that_exists_stays_as_it_is(client, admin, register, base_uri):
    before = base_uris(client, admin)
    assert register({"base_uri": base_uri}).status_code == 201
    assert base_uris(client, admin) == before


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("s3://new/", "s3://new"),
        ("azure://account/container", "azure://account/container"),
        ("file://host.example/data/", "file://host.example/data"),
        ("file://host.example/my data/été", "file://host.example/my data/été"),
        ("smb://share", "smb://share"),
    ],
)
def test_a_base_uri_has_one_form(client, admin, register, sent, kept):
    assert register({"base_uri": sent}).status_code == 201
    assert kept in base_uris(client, admin)
    assert len(base_uris(client, admin)) == 4


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"base_uri": None},
        {"base_uri": ""},
        {"base_uri": " "},
        {"base_uri": "/"},
        {"base_uri": "bucket"},
        {"base_uri": "bucket/folder"},
        {"base_uri": "://bucket"},
        {"base_uri": "s3://"},
        {"base_uri": "s3://a\x00b"},
        {"base_uri": "s3://a\nb"},
        {"base_uri": "s3://\ud800"},
        {"base_uri": "s3://" + "x" * 100_000},
        {"base_uri": 7},
        {"base_uri": ["s3://new"]},
        {"base_uri": {"$gt": ""}},
        {"base_uri": "s3://new", "surprise": 1},
        {"uri": "s3://new"},
        [{"base_uri": "s3://new"}],
        None,
    ],
    ids=lambda body: ascii(body)[:40],
)
def test_what_is_no_base_uri_is_422_and_not_added(client, admin, register, body):
    response = register(body)
    assert response.status_code == 422
    assert response.json["code"] == 422
    assert len(base_uris(client, admin)) == 3


@pytest.mark.parametrize("user", ["grumpy", "noone", "dopey"])
def test_nobody_else_adds_base_uris(client, headers, admin, user):
    response = client.post(
        "/admin/base_uri/register",
        json={"base_uri": "s3://new"},
        headers=headers(user),
    )
    assert response.status_code == 404
    assert "s3://new" not in base_uris(client, admin)
