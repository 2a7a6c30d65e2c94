"""Personal access tokens: hashed, limited, and worthless when they should be."""

import json
import time

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from dtool_lookup_server.services.access_tokens import PREFIX
from dtool_lookup_server.sql_models import AccessToken
from dtool_lookup_server.utils import delete_users, register_users
from tests.api_018.test_authentication import bearer
from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info, uri_of
from tests.rest.paths import encoded

APPLES = f"/readmes/{encoded(uri_of('apple-harvest'))}"


@pytest.fixture
def make(client, corpus, headers):
    """Make a token over HTTP, and return the answer's JSON."""

    def run(username="grumpy", scopes=("search", "register"), **body):
        body = {"name": "script", "scopes": list(scopes)} | body
        response = client.post("/me/tokens", json=body, headers=headers(username))
        assert response.status_code == 201, response.text
        return response.json

    return run


def base_uris_seen(client, token):
    found = client.get("/dataset/summary", headers=bearer(token)).json
    return found["base_uris"]


def register(client, token, base_uri=SNOW_WHITE):
    info = dataset_info("of-a-script", base_uri)
    return client.post("/dataset/register", json=info, headers=bearer(token))


def test_a_token_does_what_its_owner_may(client, make):
    token = make()["token"]
    assert base_uris_seen(client, token) == [MR_MEN, SNOW_WHITE]
    assert register(client, token).status_code == 201


def test_a_token_of_search_does_not_register(client, make):
    token = make(scopes=["search"])["token"]
    assert client.get(APPLES, headers=bearer(token)).status_code == 200
    assert register(client, token).status_code == 401


def test_a_token_of_register_does_not_search(client, make):
    token = make(scopes=["register"])["token"]
    assert register(client, token).status_code == 201
    assert base_uris_seen(client, token) == []
    assert client.get(APPLES, headers=bearer(token)).status_code == 403


def test_a_token_stays_in_its_base_uris(client, make):
    token = make(base_uris=[MR_MEN])["token"]
    assert base_uris_seen(client, token) == [MR_MEN]
    assert client.get(APPLES, headers=bearer(token)).status_code == 403
    assert register(client, token).status_code == 401
    query = {"free_text": "apple", "base_uris": [SNOW_WHITE]}
    found = client.post("/dataset/search", json=query, headers=bearer(token))
    assert found.json == []


@pytest.mark.parametrize(
    ("limits", "there"),
    [
        ({"base_uris": [MR_MEN]}, {MR_MEN}),
        ({"base_uris": [MR_MEN], "scopes": ["register"]}, set()),
    ],
)
@pytest.mark.parametrize("path", ["/dataset/list", "/uris", "/uris?tags=fruit"])
def test_what_a_token_lists_stays_in_its_base_uris(client, make, limits, there, path):
    token = make(**limits)["token"]
    found = client.get(path, headers=bearer(token))
    assert {row["base_uri"] for row in found.json} == there
    if path != "/dataset/list":
        assert json.loads(found.headers["X-Pagination"])["total"] == len(found.json)


@pytest.mark.parametrize("path", ["/me", "/users/grumpy", "/user/info/grumpy"])
def test_a_token_is_not_told_of_other_base_uris(client, make, path):
    token = make(base_uris=[MR_MEN], scopes=["search"])["token"]
    told = client.get(path, headers=bearer(token)).json
    assert told["search_permissions_on_base_uris"] == [MR_MEN]
    assert told["register_permissions_on_base_uris"] == []


def test_the_summary_of_a_token_is_its_own(client, make):
    token = make(base_uris=[MR_MEN])["token"]
    for path in ("/me/summary", "/users/grumpy/summary"):
        assert client.get(path, headers=bearer(token)).json["base_uris"] == [MR_MEN]


def test_a_permission_that_is_taken_away_is_no_token_s_either(client, make, admin):
    token = make()["token"]
    for kind in ("search", "register"):
        client.delete(f"/users/grumpy/{kind}/{encoded(SNOW_WHITE)}", headers=admin)
    assert base_uris_seen(client, token) == [MR_MEN]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/me/tokens", None),
        ("POST", "/me/tokens", {"name": "more", "scopes": ["register"]}),
        ("DELETE", "/me/tokens/1", None),
        ("PATCH", "/me", {"display_name": "x"}),
        ("GET", "/users", None),
        ("PUT", "/users/sneezy", {}),
    ],
)
def test_a_token_does_nothing_else(client, make, method, path, body):
    token = make("snow-white")["token"]
    response = client.open(path, method=method, json=body, headers=bearer(token))
    assert response.status_code == 403


def test_the_token_is_shown_once_and_kept_as_a_digest(app, client, make, grumpy):
    made = make()
    assert made["token"].startswith(PREFIX)
    [listed] = client.get("/me/tokens", headers=grumpy).json
    assert listed == {key: made[key] for key in made if key != "token"}
    with app.app_context():
        rows = sql_db.session.execute(sa.select(AccessToken.__table__)).all()
    assert made["token"].removeprefix(PREFIX) not in str(rows)


def test_the_last_use_is_noted(client, make, grumpy):
    made = make()
    assert made["last_used_at"] is None
    base_uris_seen(client, made["token"])
    [listed] = client.get("/me/tokens", headers=grumpy).json
    assert abs(listed["last_used_at"] - time.time()) < 60


def test_a_revoked_token_is_worthless_at_once(client, make, grumpy):
    made = make()
    client.delete(f"/me/tokens/{made['id']}", headers=grumpy)
    assert_worthless(client, made["token"])
    assert client.get("/me/tokens", headers=grumpy).json == []


def test_nobody_revokes_the_tokens_of_others(client, make, headers):
    made = make()
    path = f"/me/tokens/{made['id']}"
    assert client.delete(path, headers=headers("sleepy")).status_code == 200
    assert base_uris_seen(client, made["token"])


def test_a_token_that_has_ended_is_worthless(app, client, make):
    made = make(expires_at=time.time() + 3600)
    with app.app_context():
        past = AccessToken.created_at
        sql_db.session.execute(sa.update(AccessToken).values(expires_at=past))
        sql_db.session.commit()
    assert_worthless(client, made["token"])


def test_revoking_all_tokens_of_a_user_revokes_these(app, client, make):
    made = make()
    app.test_cli_runner().invoke(args=["user", "revoke-tokens", "grumpy"])
    assert_worthless(client, made["token"])


def test_the_tokens_of_a_user_who_is_gone_do_not_come_back(app, client, make):
    made = make(base_uris=[MR_MEN])
    with app.app_context():
        delete_users([{"username": "grumpy"}])
        register_users([{"username": "grumpy"}])
    assert_worthless(client, made["token"])


def test_a_base_uri_that_is_gone_does_not_widen_a_token(client, make, admin, headers):
    path = f"/base-uris/{encoded('s3://brief')}"
    lists = {"users_with_search_permissions": ["grumpy"]}
    client.put(path, json=lists, headers=admin)
    token = make(base_uris=["s3://brief"])["token"]
    assert client.delete(path, headers=admin).status_code == 200
    assert base_uris_seen(client, token) == []


@pytest.mark.parametrize("end", ["", "x", "é", "\t", "'"])
def test_what_is_no_token_is_worthless(client, end):
    assert_worthless(client, PREFIX + end)


def assert_worthless(client, token):
    response = client.get("/dataset/list", headers=bearer(token))
    assert (response.status_code, list(response.json)) == (401, ["msg"])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "a\0b"),
        ("name", None),
        ("scopes", []),
        ("scopes", ["admin"]),
        ("scopes", "search"),
        ("base_uris", ["s3://cinderella"]),
        ("base_uris", ["s3://not-registered"]),
        ("expires_at", 1),
        ("expires_at", 1e300),
    ],
)
def test_a_wrong_wish_is_refused(client, grumpy, field, value):
    body = {"name": "x", "scopes": ["search"], field: value}
    response = client.post("/me/tokens", json=body, headers=grumpy)
    assert response.status_code == 422
    assert field in response.json["errors"]["json"]
    assert client.get("/me/tokens", headers=grumpy).json == []


def test_the_command_line_makes_lists_and_revokes(app, client):
    def run(*args):
        result = app.test_cli_runner().invoke(args=["user", *args])
        assert result.exit_code == 0, result.output
        return result.output

    limit = ("--base-uri", MR_MEN, "--scope", "search", "--days", "7")
    token = run("make-access-token", "grumpy", "script", *limit).strip()
    assert client.get("/dataset/list", headers=bearer(token)).status_code == 200
    listed = run("access-tokens", "grumpy")
    assert MR_MEN in listed
    assert token not in listed
    [row] = json.loads(listed)
    run("revoke-access-token", "grumpy", str(row["id"]))
    assert_worthless(client, token)
