"""Who is asking: tokens, and what is told to those who may not ask."""

import base64
import hashlib
import hmac
import json
import math
import time

import jwt
import pytest

from tests.api_018.routes import (
    ADMIN_ROUTES,
    CONFIG_INFO,
    CONFIG_VERSIONS,
    DATASET_ROUTES,
    GUARDED_ROUTES,
    USER_ROUTES,
)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def sign_by_hand(header, claims, secret=None):
    """Return a token that PyJWT would refuse to make."""

    def encode(part):
        return base64.urlsafe_b64encode(part).rstrip(b"=")

    signed = b".".join(encode(json.dumps(part).encode()) for part in (header, claims))
    signature = hmac.digest(secret.encode(), signed, hashlib.sha256) if secret else b""
    return b".".join([signed, encode(signature)]).decode()


def is_token_error(response):
    return response.status_code in (401, 422) and list(response.json) == ["msg"]


@pytest.mark.parametrize("route", GUARDED_ROUTES, ids=str)
def test_no_token_is_401(library, route):
    response = route.call(library)
    assert response.status_code == 401
    assert list(response.json) == ["msg"]


@pytest.mark.parametrize("route", GUARDED_ROUTES, ids=str)
def test_an_expired_token_is_401(library, token, route):
    expired = token("snow-white", exp=time.time() - 3600)
    response = route.call(library, headers=bearer(expired))
    assert response.status_code == 401
    assert list(response.json) == ["msg"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer é",
        "Bearer a b",
        "Basic Z3J1bXB5OmFwcGxl",
        "grumpy",
    ],
)
def test_a_malformed_token_is_a_token_error(library, authorization):
    response = library.get("/dataset/list", headers={"Authorization": authorization})
    assert is_token_error(response)


def test_a_token_of_another_key_is_a_token_error(library, other_keys):
    claims = {"sub": "grumpy", "exp": time.time() + 3600}
    token = jwt.encode(claims, other_keys.private, algorithm="RS256")
    assert is_token_error(library.get("/dataset/list", headers=bearer(token)))


def test_a_token_of_another_algorithm_is_a_token_error(library, keys):
    claims = {"sub": "grumpy", "exp": time.time() + 3600}
    token = jwt.encode(claims, keys.private, algorithm="RS512")
    assert is_token_error(library.get("/dataset/list", headers=bearer(token)))


def test_the_public_key_is_no_secret_to_sign_with(library, keys):
    claims = {"sub": "grumpy", "exp": time.time() + 3600}
    token = sign_by_hand({"alg": "HS256", "typ": "JWT"}, claims, keys.public)
    assert is_token_error(library.get("/dataset/list", headers=bearer(token)))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, 5])
def test_an_unsigned_token_is_a_token_error(library, algorithm):
    claims = {"sub": "grumpy", "exp": time.time() + 3600}
    token = sign_by_hand({"alg": algorithm, "typ": "JWT"}, claims)
    assert is_token_error(library.get("/dataset/list", headers=bearer(token)))


def test_a_changed_token_is_a_token_error(library, token):
    header, _, signature = token("sleepy").split(".")
    claims = token("grumpy").split(".")[1]
    changed = ".".join([header, claims, signature])
    assert is_token_error(library.get("/dataset/list", headers=bearer(changed)))


@pytest.mark.parametrize("subject", [7, 1.5, True, None, ["grumpy"], {"$gt": ""}])
def test_a_subject_that_is_no_string_is_a_token_error(library, token, subject):
    response = library.get("/dataset/list", headers=bearer(token(subject)))
    assert is_token_error(response)


def test_a_token_without_a_subject_is_a_token_error(library, keys):
    token = jwt.encode({"exp": time.time() + 3600}, keys.private, algorithm="RS256")
    assert is_token_error(library.get("/dataset/list", headers=bearer(token)))


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", ["soon", math.inf, math.nan, [], {}])
def test_a_time_that_is_none_is_a_token_error(library, token, claim, value):
    strange = token("grumpy", **{claim: value})
    response = library.get("/dataset/list", headers=bearer(strange))
    assert is_token_error(response)


def test_a_token_of_tomorrow_is_a_token_error(library, token):
    early = token("grumpy", nbf=time.time() + 86400)
    assert is_token_error(library.get("/dataset/list", headers=bearer(early)))


@pytest.mark.parametrize(
    "name",
    ["", " ", "\ud800", "a\x00b", "x" * 100_000, "' OR 1=1 --", "grumpy ", "GRUMPY"],
)
def test_a_strange_name_in_a_token_is_nobody(library, token, name):
    response = library.get("/dataset/list", headers=bearer(token(name)))
    assert response.status_code in (401, 422)


def test_a_minimal_token_is_enough(library, keys):
    claims = {"sub": "grumpy", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, keys.private, algorithm="RS256")
    assert library.get("/dataset/list", headers=bearer(token)).status_code == 200


def test_a_token_with_more_claims_is_fine(library, token):
    more = token(
        "grumpy", iss="elsewhere", jti="1", fresh=True, type="access", csrf=None
    )
    assert library.get("/dataset/list", headers=bearer(more)).status_code == 200


@pytest.mark.parametrize("route", [*DATASET_ROUTES, CONFIG_INFO], ids=str)
def test_a_user_who_is_not_registered_is_401(library, headers, route):
    response = route.call(library, headers=headers("dopey"))
    assert response.status_code == 401
    assert response.json["code"] == 401


@pytest.mark.parametrize("route", [*USER_ROUTES, *ADMIN_ROUTES], ids=str)
def test_a_user_who_is_not_registered_is_404_where_users_are(library, headers, route):
    response = route.call(library, headers=headers("dopey"))
    assert response.status_code == 404
    assert response.json["code"] == 404


@pytest.mark.parametrize("user", ["grumpy", "dopey"])
@pytest.mark.parametrize("route", ADMIN_ROUTES, ids=str)
def test_admin_routes_look_like_unknown_paths_to_others(library, headers, route, user):
    unknown = library.get("/admin/no/such/route", headers=headers(user))
    response = route.call(library, headers=headers(user))
    assert response.status_code == 404
    assert response.json == unknown.json


@pytest.mark.parametrize("body", ["{", "[]", "{}", '{"surprise": 1}', "null"])
@pytest.mark.parametrize("route", [r for r in ADMIN_ROUTES if r.json], ids=str)
def test_a_wrong_body_does_not_give_an_admin_route_away(library, grumpy, route, body):
    response = library.post(
        route.path, data=body, content_type="application/json", headers=grumpy
    )
    assert response.status_code == 404


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page=99"])
@pytest.mark.parametrize("path", ["/admin/user/list", "/admin/base_uri/list"])
def test_a_wrong_page_does_not_give_an_admin_route_away(library, grumpy, path, query):
    assert library.get(f"{path}?{query}", headers=grumpy).status_code == 404


def test_versions_ask_for_no_token(library):
    assert CONFIG_VERSIONS.call(library).status_code == 200


def test_a_deleted_user_is_not_known_any_more(app, client, grumpy):
    from dtool_lookup_server.utils import delete_users

    with app.app_context():
        delete_users([{"username": "grumpy"}])
    assert client.get("/dataset/list", headers=grumpy).status_code == 401
