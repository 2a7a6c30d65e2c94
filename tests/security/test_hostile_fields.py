"""Each field of each route with what is meant to break it: refused by name, and gone.

A value that a field may have after all is kept; one that is refused leaves no trace.
"""

import json

import pytest

from tests.conftest import make_config, open_app
from tests.security.access import KNOWN, ROLES, TABLE
from tests.security.agreement import assert_all_agree
from tests.security.test_access import contents, fill

DEEP = "[" * 500 + "]" * 500

#: JSON texts, by what they are.
VALUES = {
    "null": "null",
    "true": "true",
    "number": "7",
    "negative": "-1",
    "huge number": "1" + "0" * 400,
    "2**63": str(2**63),
    "NaN": "NaN",
    "infinity": "-Infinity",
    "1e999": "1e999",
    "empty": '""',
    "blank": '" "',
    "empty list": "[]",
    "list of null": "[null]",
    "list of lists": "[[]]",
    "empty object": "{}",
    "operator": '{"$gt": ""}',
    "operator in a list": '[{"$ne": null}]',
    "prototype": '{"__proto__": {"is_admin": true}}',
    "NUL": '"a\\u0000b"',
    "control characters": '"a\\u0007\\u001b[2Jb"',
    "new line": '"a\\r\\nX-Admin: yes"',
    "surrogate": '"\\ud800"',
    "surrogate in a key": '{"\\ud800": 1}',
    "surrogate in a list": '["\\udfff"]',
    "right to left": '"\\u202e"',
    "very long": json.dumps("x" * 100_000),
    "deep": DEEP,
    "SQL": '"\' OR 1=1; DROP TABLE dataset --"',
    "full text": '"\\"a NEAR/2 b* AND (NOT c) ^ d: -\\""',
    "template": '"{{7*7}} ${7*7} %s %n"',
    "path": '"../../../../etc/passwd"',
    "script": '"<script>alert(1)</script>"',
}


def fields():
    """Yield each row with each field of its JSON, and who may send it."""
    for row in TABLE:
        body = row.json[0] if isinstance(row.json, list) else row.json
        allowed = [role for role, status in row.statuses.items() if status < 300]
        if body is not None and allowed:
            more = set(QUERY_KEYS) - set(body) if row.rule in FINDERS else set()
            for field in [*body, *sorted(more)]:
                yield pytest.param(row, field, allowed[-1], id=f"{row} {field}")


FINDERS = ("/uris", "/uris/summary", "/uris/timeline")
QUERY_KEYS = (
    "creator_usernames",
    "tags",
    "uploaded_by",
    "frozen_after",
    "frozen_before",
    "min_size",
    "max_size",
)


@pytest.fixture(scope="module")
def app(tmp_path_factory, keys):
    """An app of this module's own, where anything may be kept."""
    home = tmp_path_factory.mktemp("fields")
    with open_app(make_config(home, keys) | {"EDITS": "index"}) as app:
        fill(app)
        # As it is outside of tests: an exception is a 500, and is not raised.
        app.config["PROPAGATE_EXCEPTIONS"] = False
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


def with_value(row, field, text):
    """Return a row's body as JSON text, with a JSON text for the value of a field."""
    body = KNOWN.put_into(row.json)
    inner = body[0] if isinstance(body, list) else body
    inner[field] = "@"
    return json.dumps(body).replace('"@"', text)


def send(client, row, headers, data):
    """Send a row's request with another body."""
    return row._replace(json=None).call(
        client, headers, data=data, content_type="application/json"
    )


@pytest.mark.parametrize(("row", "field", "role"), list(fields()))
def test_a_hostile_value_is_refused_by_name(app, client, headers, row, field, role):
    who = headers(ROLES[role])
    for name, text in VALUES.items():
        before = contents(app)
        response = send(client, row, who, with_value(row, field, text))
        assert response.status_code < 500, name
        if response.status_code >= 400:
            assert contents(app) == before, name
            assert response.json["code"] == response.status_code
        if response.status_code == 422:
            named = response.json["errors"]["json"]
            assert field in (named.get("0", named)), (name, named)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", DEEP])
@pytest.mark.parametrize(
    "row", [row for row in TABLE if row.rule == "/dataset/register"], ids=str
)
def test_what_is_no_number_is_no_time(client, headers, row, text):
    data = with_value(row, "frozen_at", text)
    assert send(client, row, headers("grumpy"), data).status_code in (400, 422)


@pytest.mark.parametrize("key", ["page", "page_size", "sort", "after", "free_text"])
@pytest.mark.parametrize("rule", ["/uris", "/uuids/<uuid>", "/users", "/base-uris"])
def test_a_hostile_query_string_is_answered(client, headers, rule, key):
    [row] = [row for row in TABLE if row.rule == rule and row.method == "GET"]
    who = headers("snow-white")
    for text in [
        "",
        "-1",
        "0",
        "1e9",
        "9" * 400,
        "\0",
        "'",
        "+-,",
        "é" * 5000,
        "\ud800",
    ]:
        value = text.encode("utf-8", "surrogatepass")
        response = row._replace(path=None).call(client, who, query_string={key: value})
        assert response.status_code in (200, 400, 422), text


def test_what_is_left_agrees(app, headers):
    """After all that was sent before."""
    assert_all_agree(app, headers)
