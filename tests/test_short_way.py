"""What is answered on the short way is what Flask would answer, to the byte."""

import gzip
import json
import logging
import time

import pytest
from flask import Blueprint, request_started
from sqlalchemy import delete, select
from werkzeug.test import Client

from dtool_lookup_server import deadlines, sql_db
from dtool_lookup_server.errors import StoreUnavailableError
from dtool_lookup_server.extensions import jwt
from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLRetrieve, SQLSearch
from dtool_lookup_server.routes import short_way
from dtool_lookup_server.services import (
    access_tokens,
    datasets,
    permissions,
    registering,
    users,
)
from dtool_lookup_server.sql_models import audit_entry, search_permissions
from dtool_lookup_server.watching.logs import contents
from tests.conftest import add_people, open_app
from tests.corpus import DATASETS, MR_MEN, SNOW_WHITE, dataset_info

DATASET = next(info for info in DATASETS if info["base_uri"] == SNOW_WHITE)
URI = {"uri": DATASET["uri"]}
OTHERWISE = DATASET["uri"].replace("://", "/")

# What Flask's test client sends where it is to have the contexts afterwards.
WHOLE_WAY = {"werkzeug.debug.preserve_context": [].append}

SHORT = {
    "list": ("GET", "/dataset/list", None),
    "page": ("GET", "/dataset/list?page=2&page_size=3", None),
    "size of a page": ("GET", "/dataset/list?page_size=3", None),
    "page past the end": ("GET", "/dataset/list?page=999", None),
    "lookup": ("GET", f"/dataset/lookup/{DATASET['uuid']}", None),
    "lookup of nothing": ("GET", "/dataset/lookup/nothing", None),
    "search": ("POST", "/dataset/search", {"free_text": "apple"}),
    "second page": ("POST", "/dataset/search?page=2&page_size=1", {}),
    "misspelled": ("POST", "/dataset/search", {"free_text": "aple"}),
    "query language": ("POST", "/dataset/search", {"free_text": "name:a* -b"}),
    "creators": ("POST", "/dataset/search", {"creator_usernames": ["queen"]}),
    "summary": ("GET", "/dataset/summary", None),
    "readme": ("POST", "/dataset/readme", URI),
    "manifest": ("POST", "/dataset/manifest", URI),
    "annotations": ("POST", "/dataset/annotations", URI),
    "user": ("GET", "/user/info/grumpy", None),
    "readme by URI": ("GET", f"/readmes/{DATASET['uri']}", None),
    "manifest by URI": ("GET", f"/manifests/{DATASET['uri']}", None),
    "annotations by URI": ("GET", f"/annotations/{DATASET['uri']}", None),
    "tags by URI": ("GET", f"/tags/{DATASET['uri']}", None),
}

UNUSUAL = {
    "another user": ("GET", "/user/info/sleepy", {}),
    "nobody": ("GET", "/user/info/nobody", {}),
    "no such path": ("GET", "/dataset/list/", {}),
    "a path below": ("GET", "/dataset/lookup/a/b", {}),
    "another method": ("DELETE", "/dataset/list", {}),
    "head": ("HEAD", "/dataset/list", {}),
    "page nought": ("GET", "/dataset/list?page=0", {}),
    "page too large": ("GET", "/dataset/list?page_size=101", {}),
    "page of letters": ("GET", "/dataset/list?page=a", {}),
    "parameters run together": ("GET", "/dataset/list?page=1page_size=2", {}),
    "another digit": ("GET", "/dataset/list?page=%D9%A1", {}),
    "no name": ("GET", "/dataset/lookup/", {}),
    "URI not registered": ("GET", "/readmes/s3://nowhere/a", {}),
    "URI of another spelling": ("GET", f"/readmes/{OTHERWISE}", {}),
    "URI within a URI": ("GET", f"/readmes/{DATASET['uri']}//{DATASET['uri']}", {}),
    "no URI": ("GET", "/readmes/", {}),
    "unknown parameter": ("GET", "/dataset/list?pages=1", {}),
    "parameter twice": ("GET", "/dataset/list?page=1&page=2", {}),
    "encoded parameter": ("GET", "/dataset/list?page=%31", {}),
    "encoded path": ("GET", "/dataset/lookup/%20", {}),
    "known to the client": ("GET", "/dataset/list", {"If-None-Match": "*"}),
    "from another site": ("GET", "/dataset/list", {"Origin": "http://elsewhere"}),
    "no gzip": ("GET", "/dataset/list", {"Accept-Encoding": "gzip;q=0"}),
    "no token": ("GET", "/dataset/list", {"Authorization": ""}),
    "another scheme": ("GET", "/dataset/list", {"Authorization": "Basic YTpi"}),
    "no body": ("POST", "/dataset/readme", {}),
}
BODIES = {
    "no JSON": b"{",
    "no UTF-8": b'{"uri": "\xff"}',
    "no number": b'{"uri": NaN}',
    "too deep": b"[" * 1000 + b"]" * 1000,
    "no object": b"[]",
    "no URI": b"{}",
    "unknown field": b'{"uri": "s3://a/b", "more": 1}',
    "wrong type": b'{"uri": 1}',
    "not registered": b'{"uri": "s3://nowhere/b"}',
    "not permitted": json.dumps({"uri": DATASET["uri"]}).encode(),
    "large": json.dumps({"uri": DATASET["uri"], "more": "a" * 100_000}).encode(),
}


class Served:
    """An app that has answered before, and counts what Flask answers."""

    def __init__(self, app, monkeypatch):
        self.by_flask = 0
        self._client = Client(app)
        dispatch = app.full_dispatch_request

        def counted():
            self.by_flask += 1
            return dispatch()

        monkeypatch.setattr(app, "full_dispatch_request", counted)

    def ask(self, method, path, body=None, whole_way=False, **options):
        """Return status, headers and body of what is answered."""
        sent = {"json": body} if body is not None else {}
        environ = {"environ_overrides": WHOLE_WAY} if whole_way else {}
        answer = self._client.open(path, method=method, **sent, **environ, **options)
        headers = dict(answer.headers)
        assert headers.pop("X-Request-ID")
        headers.pop("Date", None)
        return answer.status, headers, answer.data

    def both(self, *asked, **options):
        """Return what is answered by Flask, and what without a word."""
        # The first one has the token verified, and Flask's hooks settled.
        whole = self.ask(*asked, whole_way=True, **options)
        before = self.by_flask
        short = self.ask(*asked, **options)
        return whole, short, self.by_flask - before


@pytest.fixture
def served(library_app, monkeypatch, grumpy):
    """The app with datasets, once it has answered one who may search."""
    served = Served(library_app, monkeypatch)
    served.ask("GET", "/dataset/list", headers=grumpy)
    return served


@pytest.mark.parametrize("asked", SHORT.values(), ids=SHORT)
@pytest.mark.parametrize("encodings", ["identity", "gzip, deflate", ""])
def test_the_short_way_answers_what_flask_would(served, grumpy, asked, encodings):
    headers = {**grumpy, "Accept-Encoding": encodings}
    whole, short, by_flask = served.both(*asked, headers=headers)
    assert by_flask == 0
    assert short == whole
    assert short[0] == "200 OK"


@pytest.mark.parametrize("asked", UNUSUAL.values(), ids=UNUSUAL)
def test_flask_answers_what_is_unusual(served, grumpy, asked):
    method, path, headers = asked
    whole, short, by_flask = served.both(method, path, headers={**grumpy, **headers})
    assert by_flask == 1
    assert short == whole


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_flask_answers_what_is_wrong_with_a_body(served, headers, body):
    options = {
        "data": body,
        "content_type": "application/json",
        "headers": headers("noone"),
    }
    whole, short, by_flask = served.both("POST", "/dataset/readme", **options)
    assert by_flask == 1
    assert short == whole
    assert not short[0].startswith(("2", "5"))


@pytest.mark.parametrize("kind", ["text/plain", "application/json; charset=utf-8"])
def test_flask_reads_other_types_of_bodies(served, grumpy, kind):
    options = {"data": json.dumps(URI), "content_type": kind, "headers": grumpy}
    whole, short, by_flask = served.both("POST", "/dataset/readme", **options)
    assert by_flask == 1
    assert short == whole


NEW = dataset_info("first-snow", SNOW_WHITE, created_at="1500000000.5")
REGISTERED = ("POST", "/dataset/register", NEW)


def entries(app):
    """Return what the audit trail tells of registrations, but for when."""
    with app.app_context():
        rows = sql_db.session.execute(
            select(audit_entry)
            .where(audit_entry.c.subject == NEW["uri"])
            .order_by(audit_entry.c.id)
        )
        return [
            {**row._asdict(), "id": None, "happened_at": None, "request_id": None}
            for row in rows
        ]


def test_the_short_way_registers_as_flask_does(app, own, grumpy):
    options = {"headers": grumpy, "environ_base": {"REMOTE_ADDR": "192.0.2.7"}}
    whole, short, by_flask = own.both(*REGISTERED, **options)
    assert by_flask == 0
    assert short == whole
    assert short[0] == "201 CREATED"
    by_whole, by_short = entries(app)
    assert by_short == by_whole | {"action": "dataset.replace"}
    assert by_short["username"] == "grumpy"
    assert by_short["address"] == "192.0.2.7"


def test_what_was_registered_on_the_short_way_is_found(own, grumpy):
    own.ask(*REGISTERED, headers=grumpy)
    _status, _headers, data = own.ask(
        "POST", "/dataset/search", {"free_text": "snow"}, headers=grumpy
    )
    assert [row["uri"] for row in json.loads(data)] == [NEW["uri"]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"base_uri": "s3://elsewhere"}, "409"),
        ({"type": "proto"}, "409"),
        ({"uri": "s3://nowhere/1", "base_uri": "s3://nowhere"}, "401"),
        ({"tags": [3]}, "422"),
        ({"frozen_at": "yesterday"}, "422"),
    ],
    ids=str,
)
def test_what_cannot_be_registered_is_refused_by_flask(
    app, own, grumpy, change, status
):
    asked = ("POST", "/dataset/register", NEW | change)
    whole, short, by_flask = own.both(*asked, headers=grumpy)
    assert by_flask == 1
    assert short == whole
    assert short[0].startswith(status)
    assert entries(app) == []


def test_a_token_of_limited_scope_registers_by_flask(app, own, grumpy):
    with app.app_context():
        user = users.find("grumpy")
        made = access_tokens.make(user, "one", ["search"])
    headers = {"Authorization": f"Bearer {made['token']}"}
    whole, short, by_flask = own.both(*REGISTERED, headers=headers)
    assert by_flask == 1
    assert short == whole
    assert short[0].startswith("401")


def test_a_registration_that_fails_is_tried_once(app, own, grumpy, monkeypatch):
    tried = []

    def fail(*_args):
        tried.append(1)
        raise StoreUnavailableError("The store does not answer")

    monkeypatch.setattr(registering, "register_all", fail)
    status, _headers, _data = own.ask(*REGISTERED, headers=grumpy)
    assert status.startswith("503")
    assert tried == [1]
    assert entries(app) == []


def test_large_answers_are_compressed(served, grumpy):
    headers = {**grumpy, "Accept-Encoding": "gzip"}
    _status, told, data = served.ask("GET", "/dataset/list", headers=headers)
    assert told["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(data))


@pytest.fixture
def own(app, monkeypatch, grumpy):
    """An app of one's own, once it has answered."""
    add_people(app)
    served = Served(app, monkeypatch)
    served.ask("GET", "/dataset/summary", headers=grumpy)
    return served


def test_a_request_shares_the_context_that_it_is_made_in(app, own, grumpy):
    with app.app_context():
        sql_db.session.execute(delete(search_permissions))
        data = own.ask("GET", "/user/info/grumpy", headers=grumpy)[2]
        sql_db.session.rollback()
    assert json.loads(data)["search_permissions_on_base_uris"] == []


def by_flask_of_three(app, monkeypatch, headers):
    """Return how many of an app's first three requests Flask answers."""
    add_people(app)
    served = Served(app, monkeypatch)
    for _again in range(3):
        assert served.ask("GET", "/dataset/list", headers=headers)[0] == "200 OK"
    return served.by_flask


def test_the_first_request_is_flasks(app, monkeypatch, grumpy):
    assert by_flask_of_three(app, monkeypatch, grumpy) == 1


@pytest.mark.parametrize(
    ("path", "body", "is_held"),
    [
        ("/dataset/search", {"free_text": "apple"}, True),
        ("/dataset/register", dataset_info(), False),
    ],
)
def test_who_reads_asks_but_once_whether_anything_was_written(
    own, grumpy, monkeypatch, path, body, is_held
):
    held = []
    monkeypatch.setattr(short_way, "hold", held.append)
    assert own.ask("POST", path, body, headers=grumpy)[0].startswith("20")
    assert held == [is_held, False]


def test_a_permission_that_is_taken_away_counts_at_once(app, own, grumpy):
    def searchable():
        data = own.ask("GET", "/user/info/grumpy", headers=grumpy)[2]
        return json.loads(data)["search_permissions_on_base_uris"]

    assert searchable() == [SNOW_WHITE, MR_MEN]
    with app.app_context():
        permissions.revoke_search("grumpy", MR_MEN)
    assert searchable() == [SNOW_WHITE]


@pytest.mark.parametrize(
    "change", [users.revoke_tokens, lambda name: users.remove([name])]
)
def test_a_token_that_counts_no_more_is_refused_at_once(app, own, token, change):
    bearer = {"Authorization": f"Bearer {token('grumpy', iat=1)}"}
    assert own.ask("GET", "/dataset/list", headers=bearer)[0] == "200 OK"
    with app.app_context():
        change("grumpy")
    assert own.ask("GET", "/dataset/list", headers=bearer)[0].startswith("401")


def test_a_token_that_ends_is_refused_at_once(own, token):
    end = int(time.time()) + 3
    bearer = {"Authorization": f"Bearer {token('grumpy', exp=end)}"}
    assert own.ask("GET", "/dataset/list", headers=bearer)[0] == "200 OK"
    time.sleep(max(end - time.time(), 0))
    assert own.ask("GET", "/dataset/list", headers=bearer)[0].startswith("401")


def _before(app):
    app.before_request(lambda: None)


def _after(app):
    app.after_request(lambda response: response)


def _teardown(app):
    app.teardown_request(lambda _error: None)


def _of_blueprint(app):
    app.before_request_funcs.setdefault("dataset", []).append(lambda: None)


def _another_view(app):
    view = app.view_functions["dataset.list_datasets"]
    app.view_functions["dataset.list_datasets"] = lambda *args: view(*args)


def _another_path(app):
    app.add_url_rule("/dataset/list", "another", lambda: "another", methods=["GET"])


@pytest.mark.parametrize(
    "take_part",
    [_before, _after, _teardown, _of_blueprint, _another_view, _another_path],
)
def test_all_is_flasks_where_others_take_part(app, monkeypatch, grumpy, take_part):
    take_part(app)
    assert by_flask_of_three(app, monkeypatch, grumpy) == 3


def test_all_is_flasks_where_others_decide_on_tokens(app, monkeypatch, grumpy):
    monkeypatch.setattr(jwt, "_token_in_blocklist_callback", lambda *_token: False)
    assert by_flask_of_three(app, monkeypatch, grumpy) == 3


def test_who_listens_to_flasks_signals_hears_of_all_requests(app, own, grumpy):
    heard = []

    def hear(_app, **_details):
        heard.append(1)

    with request_started.connected_to(hear, app):
        own.ask("GET", "/dataset/list", headers=grumpy)
    own.ask("GET", "/dataset/list", headers=grumpy)
    assert heard == [1]


class _Middleware:
    """A plugin that puts something of its own around Flask."""

    def __init__(self):
        self.heard = 0

    def init_app(self, app):
        within = app.wsgi_app

        def around(environ, start_response):
            self.heard += 1
            return within(environ, start_response)

        app.wsgi_app = around

    def register_dataset(self, _dataset_info):
        """Extensions hear of it."""

    def get_blueprint(self):
        return Blueprint("middleware", __name__)


def test_what_plugins_put_around_flask_hears_of_all_requests(
    config, monkeypatch, grumpy
):
    middleware = _Middleware()
    plugins = Plugins(SQLSearch(), SQLRetrieve(), [middleware])
    with open_app(config, plugins) as app:
        assert by_flask_of_three(app, monkeypatch, grumpy) == 1
    assert middleware.heard == 3


@pytest.mark.parametrize(
    "settings", [{"DISABLE_JWT_AUTHORISATION": True}, {"SERVER_NAME": "localhost"}]
)
def test_all_is_flasks_with_unusual_settings(config, monkeypatch, grumpy, settings):
    with open_app({**config, **settings, "DEFAULT_USER": "grumpy"}) as app:
        assert by_flask_of_three(app, monkeypatch, grumpy) == 3


@pytest.fixture
def asked(monkeypatch):
    """Let a store fail, and note how much time it had each time it was asked."""
    times = []

    def fail(_user):
        times.append(deadlines.remaining())
        raise StoreUnavailableError("The store does not answer")

    monkeypatch.setattr(datasets, "list_visible", fail)
    return times


def test_a_store_that_does_not_answer_is_asked_once(own, grumpy, asked, caplog):
    caplog.set_level(logging.INFO, logger="dtool_lookup_server.requests")
    status, _headers, data = own.ask("GET", "/dataset/list", headers=grumpy)
    assert status.startswith("503")
    assert json.loads(data)["message"] == "The store does not answer"
    assert len(asked) == 1
    assert contents(caplog.records[-1])["user"] == "grumpy"


def test_time_that_was_spent_on_the_short_way_counts(app, own, grumpy, monkeypatch):
    app.config["REQUEST_TIMEOUT"] = 60
    left = []

    def unusual(_user):
        left.append(deadlines.remaining())
        time.sleep(0.2)
        raise LookupError

    monkeypatch.setattr(datasets, "list_visible", unusual)
    with pytest.raises(LookupError):
        own.ask("GET", "/dataset/list", headers=grumpy)
    assert 59 < left[0] <= 60
    assert left[1] <= left[0] - 0.2


def test_a_request_has_one_id_and_one_line(own, grumpy, caplog):
    caplog.set_level(logging.INFO, logger="dtool_lookup_server")
    sent = {**grumpy, "X-Request-ID": "mine"}
    own.ask("GET", "/dataset/list", headers=sent)
    own.ask("GET", "/dataset/list?page=0", headers=sent)
    lines = [contents(record) for record in caplog.records]
    assert [line["status"] for line in lines] == [200, 422]
    assert {line["request_id"] for line in lines} == {"mine"}
    assert {line["route"] for line in lines} == {"/dataset/list"}
    assert {line["user"] for line in lines} == {"grumpy"}
