"""Each route answers each role as the table says, and tells nobody what is hidden."""

import json
import time
from contextlib import contextmanager

import jwt
import pytest
import sqlalchemy as sa

from dtool_lookup_server import prepared, sql_db
from dtool_lookup_server.utils import (
    delete_users,
    register_base_uri,
    register_dataset,
    register_users,
    update_permissions,
)
from tests.api_018.test_authentication import bearer, sign_by_hand
from tests.api_018.test_errors import RULES
from tests.conftest import make_config, open_app, open_database, register_people
from tests.corpus import DATASETS, SNOW_WHITE, dataset_info, uri_of, uuid_of
from tests.databases import listening
from tests.security.access import (
    ELSEWHERE,
    GUARDED,
    PERMISSIONS,
    ROLES,
    TABLE,
    Subject,
)
from tests.templates import fill_database

GONE = "happy"

#: What there is not before the tests of leaks add it.
HIDDEN = Subject(
    uri_of("glass-slipper", "s3://palace"),
    "s3://palace",
    uuid_of("glass-slipper"),
    "prince",
)
BLIND_ROLES = [role for role in ROLES if role != "admin"]

#: Headers that change from one answer to the next.
FLEETING = {"Date", "X-Request-ID"}


def fill(app):
    """Add users with roles, base URIs and datasets; one user is gone again."""
    with app.app_context():
        fill_database(register_all)


def register_all():
    """Make what the tests find, by the public Python names."""
    register_people()
    register_users([{"username": "registrar"}, {"username": GONE}])
    update_permissions({"base_uri": SNOW_WHITE, **PERMISSIONS})
    for info in DATASETS:
        register_dataset(info)
    delete_users([{"username": GONE}])


@pytest.fixture
def app(config):
    """An app with datasets, whose index can be edited without their storage."""
    with open_app(config | {"EDITS": "index"}) as app:
        fill(app)
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


def claims_of(username, **more):
    return {"sub": username, "exp": time.time() + 3600} | more


#: Tokens that do not count, though they are of an admin; how each is made of the
#: server's keys and of somebody else's.
BAD_TOKENS = {
    "none": lambda keys, other: None,
    "malformed": lambda keys, other: "x.y.z",
    "expired": lambda keys, other: jwt.encode(
        claims_of("snow-white", exp=time.time() - 60), keys.private, "RS256"
    ),
    "without a subject": lambda keys, other: jwt.encode(
        {"exp": time.time() + 60}, keys.private, "RS256"
    ),
    "wrong key": lambda keys, other: jwt.encode(
        claims_of("snow-white"), other.private, "RS256"
    ),
    "wrong key, said to be the right one": lambda keys, other: jwt.encode(
        claims_of("snow-white"), other.private, "RS256", {"jwk": {"kty": "RSA"}}
    ),
    "wrong algorithm": lambda keys, other: jwt.encode(
        claims_of("snow-white"), keys.private, "RS512"
    ),
    "HS256 with the public key": lambda keys, other: sign_by_hand(
        {"alg": "HS256", "typ": "JWT"}, claims_of("snow-white"), keys.public
    ),
    "alg: none": lambda keys, other: sign_by_hand(
        {"alg": "none", "typ": "JWT"}, claims_of("snow-white")
    ),
}
#: Those that hold no claims to be read, or that cannot be decoded as they are signed.
UNREADABLE = {
    "malformed",
    "without a subject",
    "wrong key",
    "wrong key, said to be the right one",
    "wrong algorithm",
    "HS256 with the public key",
    "alg: none",
}


@pytest.fixture(scope="module")
def bad_headers(keys, other_keys):
    """The headers with each of the tokens that do not count."""
    tokens = {kind: make(keys, other_keys) for kind, make in BAD_TOKENS.items()}
    return {
        kind: {"Authorization": f"Bearer {token}"} if token else {}
        for kind, token in tokens.items()
    }


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, keys, shelf):
    """Sends requests that are all refused, to an app where somebody was removed."""
    folder = tmp_path_factory.mktemp("guarded")
    with (
        open_database(folder, shelf) as url,
        open_app(make_config(folder, keys, url)) as app,
    ):
        fill(app)
        yield app.test_client()


def test_every_method_of_every_route_has_one_row():
    there = {
        (method, rule.rule)
        for rule in RULES
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    rows = [(row.method, row.rule) for row in TABLE]
    assert set(rows) == there
    assert len(rows) == len(set(rows))


@pytest.mark.parametrize("kind", BAD_TOKENS)
@pytest.mark.parametrize("row", GUARDED, ids=str)
def test_a_bad_token_is_refused(library, bad_headers, row, kind):
    response = row.call(library, bad_headers[kind])
    assert response.status_code == (422 if kind in UNREADABLE else 401)
    assert list(response.json) == ["msg"]


@pytest.mark.parametrize("row", GUARDED, ids=str)
@pytest.mark.parametrize("username", ["dopey", GONE])
def test_strangers_and_who_is_gone_are_refused(guarded, headers, row, username):
    response = row.call(guarded, headers(username))
    assert response.status_code == row.strangers
    assert set(response.json) == {"code", "status"}


@pytest.mark.parametrize("row", [row for row in TABLE if row not in GUARDED], ids=str)
def test_what_is_open_asks_for_no_token(library, bad_headers, row):
    for kind in BAD_TOKENS:
        response = row.call(library, bad_headers[kind])
        assert response.status_code == row.statuses["no permission"], kind


def contents(app, base_uri=None):
    """Return every row of every table, or of a base URI's datasets alone."""
    with app.app_context():
        session = sql_db.session
        if base_uri is None:
            tables = sql_db.metadata.sorted_tables
            found = {
                table.name: sorted(map(repr, session.execute(sa.select(table))))
                for table in tables
            }
        else:
            dataset = sql_db.metadata.tables["dataset"]
            mine = dataset.c.uri.startswith(f"{base_uri}/")
            rows = sa.select(dataset).where(mine).order_by(dataset.c.id)
            found = session.execute(rows).all()
        session.rollback()
        return found


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_each_role_gets_its_status(app, client, headers, row):
    elsewhere = contents(app, ELSEWHERE)
    # Who is refused comes first, while nothing has changed.
    roles = sorted(ROLES, key=lambda role: row.statuses[role], reverse=True)
    statuses = {}
    for role in roles:
        before = contents(app)
        with row.call(client, headers(ROLES[role])) as response:
            statuses[role] = response.status_code
        if statuses[role] >= 400:
            assert contents(app) == before, role
    assert statuses == row.statuses
    assert contents(app, ELSEWHERE) == elsewhere


@pytest.mark.parametrize("row", [row for row in TABLE if row.method == "GET"], ids=str)
def test_head_is_answered_as_get_is(library, headers, row):
    head = row._replace(method="HEAD")
    for username in ("noone", "dopey"):
        who = headers(username)
        with row.call(library, who) as get, head.call(library, who) as response:
            assert (response.status_code, response.data) == (get.status_code, b"")


def test_each_line_of_a_bulk_registration_is_permitted_for_itself(app, client, headers):
    row = next(row for row in TABLE if (row.method, row.rule) == ("PUT", "/uris"))
    for role, username in ROLES.items():
        before = contents(app)
        answer = json.loads(row.call(client, headers(username)).text)
        if role in ("registrar", "both"):
            assert answer["status"] == 200
        else:
            assert answer["status"] == 403
            assert contents(app) == before


def test_a_user_who_is_gone_and_comes_back_has_no_permission(app, client, token):
    with app.app_context():
        delete_users([{"username": "grumpy"}])
        register_users([{"username": "grumpy"}])
    headers = bearer(token("grumpy", iat=time.time()))
    assert client.get("/dataset/list", headers=headers).json == []
    body = {"uri": uri_of("apple-harvest")}
    response = client.post("/dataset/readme", json=body, headers=headers)
    assert response.status_code == 400


#: Questions after what is hidden, beside the rows themselves.
QUESTIONS = [
    {"free_text": "slipper"},
    {"free_text": "-slipper"},
    {"free_text": "sli*"},
    {"creator_usernames": ["fairy"]},
    {"base_uris": [HIDDEN.base_uri]},
    {"uuids": [HIDDEN.uuid]},
    {"tags": ["glass"]},
    {"uploaded_by": ["prince"]},
    {},
]
#: Those that do not find it: it says slipper, and the command line registered it.
NO_HITS = [{"free_text": "-slipper"}, {"uploaded_by": ["prince"]}]
SEARCHES = ("/dataset/search", "/uris", "/uris/summary", "/uris/timeline")
CONDITIONS = [
    {},
    {"If-Match": "*"},
    {"If-None-Match": "*"},
    {"If-Match": '"0123456789"'},
]


def asked(role):
    """Yield requests for what a role may not see, or not change: row and headers."""
    for row in GUARDED:
        if (row.method, row.rule) == ("POST", "/me/tokens"):
            # One that is made has an id and a time that are its own.
            row = row._replace(json=row.json | {"base_uris": ["$base_uri"]})
        about_all = row.json in (None, {}) and "<" not in row.rule
        for condition in CONDITIONS[: 1 if about_all else None]:
            yield row, condition
        if row.method == "POST" and row.rule in SEARCHES:
            yield from ((row._replace(json=query), {}) for query in QUESTIONS)


@contextmanager
def counted_statements(app):
    """Give a list that has an item for each statement that the database executes."""
    statements = []

    def count(_connection, _cursor, statement, *_more):
        statements.append(statement)

    with app.app_context():
        engine = sql_db.engine
    with listening(engine, "before_cursor_execute", count):
        yield statements


def answers(app, role, headers):
    """Return all that is told: statuses, bodies, headers, and the work it took.

    How long an answer takes would tell, too: by the number of statements, since times
    are never twice the same.
    """
    told = []
    client = app.test_client()
    for row, condition in asked(role):
        who = headers | condition
        with (
            counted_statements(app) as statements,
            row.call(client, who, HIDDEN) as response,
        ):
            text = response.text
        left = sorted(
            pair for pair in response.headers.items() if pair[0] not in FLEETING
        )
        answer = (response.status_code, left, text, len(statements))
        told.append((str(row), row.json, *answer))
    return told


def add_what_is_hidden(app):
    """Add a base URI with a dataset, and a user who may search it."""
    base_uri = HIDDEN.base_uri
    with app.app_context():
        register_users([{"username": HIDDEN.username}])
        register_base_uri(base_uri)
        update_permissions(
            {
                "base_uri": base_uri,
                "users_with_search_permissions": [HIDDEN.username],
                "users_with_register_permissions": [HIDDEN.username],
            }
        )
        register_dataset(
            dataset_info(
                "glass-slipper",
                base_uri,
                ["slipper/left.stl"],
                creator_username="fairy",
                readme="---\ndescription: A slipper, and an apple\n",
                annotations={"colour": "slipper"},
                tags=["glass", "fruit"],
            )
        )


@pytest.fixture
def nothing_is_remembered(monkeypatch):
    """Let each request ask for all that it needs.

    What is remembered until anything is written tells that something was, not what.
    """
    monkeypatch.setattr(prepared._Memory, "_MOST_ROWS", 0)


@pytest.mark.usefixtures("nothing_is_remembered")
@pytest.mark.parametrize("role", BLIND_ROLES)
def test_what_is_hidden_changes_no_answer(app, headers, role):
    mine = headers(ROLES[role])
    # Once for what an answer changes of its own, such as the name one goes by.
    answers(app, role, mine)
    before = answers(app, role, mine)
    add_what_is_hidden(app)
    after = answers(app, role, mine)
    assert len(before) > 100
    for told_before, told_after in zip(before, after, strict=True):
        assert told_after == told_before


def test_who_may_see_it_sees_what_was_hidden(app, client, headers):
    add_what_is_hidden(app)
    prince = headers(HIDDEN.username)
    for query in QUESTIONS:
        found = client.post("/uris", json=query, headers=prince).json
        hits = 0 if query in NO_HITS else 1
        assert [row["uri"] for row in found] == [HIDDEN.uri] * hits
