"""The log at its usual level has nothing of what users send, on any route."""

import io
import json
import logging
from urllib.parse import quote

import pytest

from dtool_lookup_server.services import passwords
from dtool_lookup_server.watching import logs
from tests.conftest import open_app
from tests.security.access import GUARDED, KNOWN, TABLE
from tests.security.test_access import fill

#: In every text that is sent, and in every token and password.
MARK = "zzmarkzz"

PASSWORD = f"{MARK} horse battery staple"

ENDS = {"uri": f"s3://snow-white/{MARK}", "base_uri": f"s3://{MARK}"}
MARKED = KNOWN._replace(**ENDS, uuid=f"{MARK}-0000", username=MARK)


@pytest.fixture(scope="module")
def app(tmp_path_factory, keys):
    """An app that does all it can do, and logs as it does by default."""
    home = tmp_path_factory.mktemp("home")
    settings = {
        "DTOOL_LOOKUP_SERVER_HOME": str(home),
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{home}/lookup.db",
        "JWT_PUBLIC_KEY": keys.public,
        "JWT_PRIVATE_KEY": keys.private,
        "SEARCH_PLUGIN": "sql",
        "RETRIEVE_PLUGIN": "sql",
        "EDITS": "index",
        "NOTIFY_SECRET": f"{MARK}-of-events",
        "TOKEN_PASSWORD_FILE": str(home / "passwords"),
        # Every statement is a line, too.
        "SLOW_QUERY_MILLISECONDS": 0,
    }
    with open_app(settings) as app:
        fill(app)
        args = ["user", "set-password", "grumpy"]
        done = app.test_cli_runner().invoke(args=args, input=f"{PASSWORD}\n" * 2)
        assert done.exit_code == 0, done.output
        yield app


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """A wrong password is answered at once."""
    monkeypatch.setattr(passwords, "REFUSAL", 0.001)


@pytest.fixture
def written(app):
    """What is written to the log, as JSON and for people, to be called."""
    streams = []
    root = logging.getLogger()
    for form in (logs.JSONLines(), logs.TextLines()):
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(form)
        root.addHandler(handler)
        streams.append((handler, stream))
    yield lambda: "".join(stream.getvalue() for _handler, stream in streams)
    for handler, _stream in streams:
        root.removeHandler(handler)


def marked(value):
    """Return JSON with the mark in every text, and in every name of something free."""
    if isinstance(value, dict):
        return {key: marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    return f"{MARK} {value}" if isinstance(value, str) else value


def calls(row):
    """Yield a row's requests: about what is there, with marks, and all of marks."""
    text = {"readme": f"{MARK}: 1", "free_text": f'"{MARK} AND ('}
    text |= {"display_name": MARK, "annotations": {MARK: MARK}, "name": MARK}
    if isinstance(row.json, dict):
        known = {key: item for key, item in text.items() if key in row.json}
        yield row._replace(json=row.json | known), KNOWN
        yield row._replace(json=row.json | text), KNOWN
        yield row._replace(json={f"{MARK}-key": MARK}), KNOWN
    if row.json is not None:
        yield row._replace(json=marked(row.json)), KNOWN
    yield row, MARKED


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_no_line_has_what_was_sent(app, headers, written, row):
    client = app.test_client()
    app.config["PROPAGATE_EXCEPTIONS"] = False
    query = {"query_string": {"q": MARK, "sort": MARK, "after": MARK}}
    seen = []
    for number, (request, subject) in enumerate(calls(row)):
        for who in ({"Authorization": f"Bearer {MARK}"}, headers("grumpy")):
            options = query if number % 2 and "?" not in (row.path or "") else {}
            agent = {"User-Agent": MARK, "Cookie": f"a={MARK}", "Referer": MARK}
            with request.call(client, who | agent, subject, **options) as response:
                seen.append(response.status_code)
    log = written()
    # Each request is a line of each form, at least.
    assert log.count("dtool_lookup_server.requests") == 2 * len(seen)
    assert MARK not in log
    assert headers("grumpy")["Authorization"].removeprefix("Bearer ") not in log


def test_no_line_has_a_password_or_a_token_that_is_issued(app, written, headers):
    client, grumpy = app.test_client(), headers("grumpy")
    issued = client.post("/token", json={"username": "grumpy", "password": PASSWORD})
    assert issued.status_code == 200
    refused = client.post("/token", json={"username": MARK, "password": MARK})
    assert refused.status_code == 401
    body = {"name": MARK, "scopes": ["search"]}
    made = client.post("/me/tokens", json=body, headers=grumpy).json["token"]
    bearer = {"Authorization": f"Bearer {made}"}
    assert client.get("/me", headers=bearer).status_code == 200
    for secret in (MARK, PASSWORD):
        known = {"Authorization": f"Bearer {secret}"}
        client.post("/notify", json={"Records": [MARK]}, headers=known)
    log = written()
    for secret in (MARK, issued.json["token"], made):
        assert secret not in log


@pytest.mark.parametrize("path", [f"/{MARK}", f"/uris/{quote(MARK)}", f"/?a={MARK}"])
def test_no_line_has_a_path_that_is_none(app, written, headers, path):
    for who in ({}, headers("grumpy")):
        app.test_client().get(path, headers=who)
    assert MARK not in written()


def test_a_line_says_who_asked_for_what(app, written, headers):
    [row] = [row for row in GUARDED if row.rule == "/dataset/list"]
    response = row.call(app.test_client(), headers("grumpy"))
    lines = [json.loads(line) for line in written().splitlines() if line[0] == "{"]
    [line] = [
        item for item in lines if item["logger"] == "dtool_lookup_server.requests"
    ]
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert (line["user"], line["route"], line["status"]) == (
        "grumpy",
        "/dataset/list",
        200,
    )
    assert line["milliseconds"] > 0
