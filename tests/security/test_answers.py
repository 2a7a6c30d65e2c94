"""What answers carry, and what they give away."""

import re
from importlib.metadata import distributions

import pytest

from dtool_lookup_server.services import content
from tests.security.access import ROLES, TABLE

#: What is promised to show settings, or versions, and what carries scripts of others.
TELLING = ("/config/info", "/config/versions", "/doc-assets/<page>/<name>")

NEVER = re.compile(
    r"Traceback|site-packages|\.py\b|/home/|/tmp/|/usr/|sqlalchemy|werkzeug|sqlite3\.",
    re.IGNORECASE,
)


def assert_hardened(response):
    """Fail unless an answer has the headers that a security scan expects."""
    headers = response.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "camera=()" in headers["Permissions-Policy"]
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    if response.mimetype == "application/json":
        assert "default-src 'none'" in policy
    assert "X-Powered-By" not in headers


def assert_gives_nothing_away(response):
    """Fail if an answer has a stack trace, a path or the name of a library."""
    told = f"{response.headers}{response.text}"
    assert not NEVER.search(told), NEVER.search(told)


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_answer_is_hardened(library, headers, row):
    # Nobody changes the library: who is registered only reads.
    asking = [{}, headers("dopey")]
    if row.method == "GET":
        asking.append(headers("grumpy"))
    for who in asking:
        check(row, row.call(library, who))


def check(row, response):
    assert_hardened(response)
    if row.rule not in TELLING:
        assert_gives_nothing_away(response)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/nothing", {}),
        ("PATCH", "/dataset/list", {}),
        ("GET", "/static/../config.py", {}),
        ("GET", "/dataset/list?page=x", {}),
        ("POST", "/dataset/search", {"data": "{", "content_type": "application/json"}),
        ("POST", "/dataset/search", {"json": {"surprise": 1}}),
        ("POST", "/uris", {"data": "x", "content_type": "text/plain"}),
        ("PUT", "/uris", {"json": {}}),
    ],
)
def test_errors_are_hardened(library, headers, role, method, path, options):
    response = library.open(
        path, method=method, headers=headers(ROLES[role]), **options
    )
    assert_hardened(response)
    assert_gives_nothing_away(response)


@pytest.mark.parametrize(
    "place_in, name, expected",
    [
        (lambda _app: content, "readable", 500),
        (lambda app: app.retrieve, "get_readme", 503),
    ],
    ids=["the server", "a plugin"],
)
def test_an_unexpected_error_gives_nothing_away(
    app, client, grumpy, monkeypatch, place_in, name, expected
):
    def fail(*_args, **_options):
        raise RuntimeError("secret of /etc/passwd")

    monkeypatch.setattr(place_in(app), name, fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    register = next(row for row in TABLE if row.rule == "/dataset/register")
    assert register.call(client, grumpy).status_code == 201
    row = next(row for row in TABLE if row.rule == "/dataset/readme")
    response = row.call(client, grumpy)
    assert response.status_code == expected
    assert response.json["code"] == expected
    assert "secret" not in response.text
    assert_hardened(response)
    assert_gives_nothing_away(response)


def test_no_answer_has_the_version_of_a_library(library, grumpy):
    # A short version, such as 3.1, may be part of any number.
    versions = {d.version for d in distributions() if d.version.count(".") > 1}
    for row in TABLE:
        if row.rule.startswith(("/doc", "/config", "/static")) or row.rule == "/":
            continue
        if row.method == "GET":
            words = set(re.findall(r"[\d.]+", row.call(library, grumpy).text))
            assert not words & versions - OF_DATASETS, row


#: Versions that datasets name as that of dtoolcore.
OF_DATASETS = {"3.18.0"}
