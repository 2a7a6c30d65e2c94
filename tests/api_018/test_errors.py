"""Every route answers what it refuses in one shape."""

import re
import tempfile
from http import HTTPMethod

import pytest

from dtool_lookup_server import create_app
from tests.api_018.routes import ALL_ROUTES, POST_ROUTES
from tests.conftest import make_config, make_key_pair
from tests.corpus import uuid_of

#: Where nothing is asked of a visitor: pages, their files, and what is no secret.
OPEN_PATHS = (
    "/token",
    "/notify",
    "/doc/",
    "/doc-assets/",
    "/static/",
    "/config/versions",
    "/config/health",
    "/config/ready",
)
#: The routes of the plugins in tests/third_party, which refuse in their own way.
OF_PLUGINS = ("/elastic-search/", "/webhook/", "/graph/", "/mongo/")
METHODS = [
    method.value for method in HTTPMethod if method not in ("OPTIONS", "CONNECT")
]
ARGUMENTS = {"uuid": uuid_of("apple-harvest"), "username": "grumpy", "token_id": "1"}


def list_rules():
    """Return every rule of the server's, however it came there."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app(make_config(home, make_key_pair()))
        rules = sorted(app.url_map.iter_rules(), key=str)
    return [rule for rule in rules if not rule.rule.startswith(OF_PLUGINS)]


def path_of(rule):
    """Return a path that a rule matches."""
    arguments = {name: ARGUMENTS.get(name, "x") for name in rule.arguments}
    path = rule.rule
    for name, value in arguments.items():
        path = re.sub(rf"<([^<>]*:)?{name}>", value, path)
    return path


RULES = list_rules()
PATHS = sorted({path_of(rule) for rule in RULES})
CALLS = [
    (method, path_of(rule))
    for rule in RULES
    for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    if rule.rule != "/" and not rule.rule.startswith(OPEN_PATHS)
]


def assert_error(response, status):
    """Fail unless a response is an error in the server's one shape."""
    assert response.status_code == status
    assert response.mimetype == "application/json"
    assert set(response.json) <= {"code", "status", "message", "errors"}
    assert response.json["code"] == status
    assert isinstance(response.json["status"], str)


def send(client, path, body, headers):
    return client.post(
        path, data=body, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize("route", ALL_ROUTES, ids=str)
def test_every_route_of_the_table_is_there(route):
    rules = [
        rule for rule in RULES if path_of(rule) == route.path or rule.rule == route.rule
    ]
    assert any(route.method in rule.methods for rule in rules)


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_without_a_token_every_call_is_401(library, method, path):
    response = library.open(path, method=method)
    assert response.status_code == 401
    assert response.mimetype == "application/json"
    assert list(response.json) == ["msg"]


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_to_somebody_unknown_every_call_is_an_error(library, headers, method, path):
    response = library.open(path, method=method, headers=headers("dopey"))
    assert_error(response, 404 if path.startswith(("/user/", "/admin/")) else 401)


@pytest.mark.parametrize("path", PATHS)
def test_a_method_that_a_path_does_not_have_is_405(library, admin, path):
    # More than one rule may match: /uris/summary is also a URI to be registered.
    adapter = library.application.url_map.bind("localhost")
    had = set(adapter.allowed_methods(path))
    for method in set(METHODS) - had:
        response = library.open(path, method=method, headers=admin)
        assert_error(response, 405) if method != "HEAD" else None


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/dataset", "/dataset/", "/dataset/nothing", "/admin", "/user/info/"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_an_unknown_path_is_404(library, grumpy, method, path):
    assert_error(library.open(path, method=method, headers=grumpy), 404)


def test_an_unknown_path_is_404_to_everybody(library):
    assert_error(library.get("/nothing"), 404)


@pytest.mark.parametrize(
    "path",
    ["/%00", "/dataset/lookup/%ff%fe", "/user/info/%00", "/%ED%A0%80", "/.."],
)
def test_a_hostile_path_never_breaks_the_server(library, admin, path):
    assert library.get(path, headers=admin).status_code in (200, 400, 404, 422)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"{'uri': 1}",
        b"[1,",
        b"\xff\xfe",
    ],
    ids=lambda body: f"{body[:14]!r}, {len(body)} bytes",
)
@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
def test_invalid_json_is_400(library, admin, grumpy, route, body):
    headers = admin if route.path.startswith("/admin") else grumpy
    assert_error(send(library, route.path, body, headers), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"free_text":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
    ids=lambda body: f"{body[:14]!r}, {len(body)} bytes",
)
@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
def test_json_without_end_is_422(library, admin, grumpy, route, body):
    headers = admin if route.path.startswith("/admin") else grumpy
    response = send(library, route.path, body, headers)
    assert_error(response, 422)
    assert "Nested deeper than" in response.text


@pytest.mark.parametrize("body", ["1", '"text"', "true", "null", "[[]]", "[1]"])
@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
def test_json_of_another_form_is_an_error(library, admin, grumpy, route, body):
    headers = admin if route.path.startswith("/admin") else grumpy
    response = send(library, route.path, body, headers)
    if route.path == "/dataset/search" and body == "null":
        assert response.status_code in (200, 400, 422)
    else:
        assert_error(response, response.status_code)
        assert response.status_code in (400, 422)


@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
def test_an_unknown_field_is_422(library, admin, grumpy, route):
    headers = admin if route.path.startswith("/admin") else grumpy
    if isinstance(route.json, list):
        body = [entry | {"surprise": 1} for entry in route.json]
    else:
        body = route.json | {"surprise": 1}
    response = library.post(route.path, json=body, headers=headers)
    assert_error(response, 422)
    assert "surprise" in str(response.json["errors"])


@pytest.mark.parametrize("route", POST_ROUTES, ids=str)
@pytest.mark.parametrize("value", [{"$gt": ""}, [1], 7, None, True])
def test_a_field_of_the_wrong_type_is_422(library, admin, grumpy, route, value):
    headers = admin if route.path.startswith("/admin") else grumpy
    field = {
        "/dataset/search": "creator_usernames",
        "/dataset/register": "name",
        "/admin/user/register": "username",
    }.get(route.path, "uri" if route.path.startswith("/dataset") else "base_uri")
    if isinstance(route.json, list):
        body = [entry | {field: value} for entry in route.json]
    else:
        body = route.json | {field: value}
    assert_error(library.post(route.path, json=body, headers=headers), 422)


def test_cors_lets_pages_of_other_sites_read_the_paging(library, grumpy):
    headers = grumpy | {"Origin": "https://elsewhere.example"}
    response = library.get("/dataset/list", headers=headers)
    assert response.headers["Access-Control-Allow-Origin"] in (
        "*",
        "https://elsewhere.example",
    )
    assert "X-Pagination" in response.headers["Access-Control-Expose-Headers"]


def test_cors_lets_pages_of_other_sites_send_tokens(library):
    response = library.options(
        "/dataset/search",
        headers={
            "Origin": "https://elsewhere.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    assert response.status_code in (200, 204)
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed


def test_a_token_error_lets_pages_of_other_sites_read_it(library):
    headers = {"Origin": "https://elsewhere.example"}
    response = library.get("/dataset/list", headers=headers)
    assert response.status_code == 401
    assert "Access-Control-Allow-Origin" in response.headers
