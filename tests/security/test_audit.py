"""The audit trail: who did what, when and from where, and nothing of its content."""

import json
import os
import pwd
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import audit
from dtool_lookup_server.sql_models import audit_entry
from tests.conftest import add_people, open_app
from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE, dataset_info, uri_of
from tests.datasets_on_disk import make_dataset, path_of
from tests.rest.paths import encoded
from tests.security.access import TABLE
from tests.security.test_access import contents, fill

URI = uri_of("apple-harvest")
ONE, PLACE = encoded(URI), encoded("s3://new")
ME = pwd.getpwuid(os.getuid()).pw_name

#: Tables in which something changes that nobody decides on.
OF_THE_SERVER = {"audit_entry", "token_attempt"}


@pytest.fixture
def app(config):
    """An app with users, whose index can be edited without datasets' storage."""
    with open_app(config | {"EDITS": "index"}) as app:
        add_people(app)
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def new_entries(app):
    """The entries since this was asked last, the oldest first, to be called."""
    seen = set()

    def fetch():
        with app.app_context():
            entries = list(audit.newest(audit.listing(), 1000))
        fresh = [entry for entry in reversed(entries) if entry["id"] not in seen]
        seen.update(entry["id"] for entry in fresh)
        return fresh

    fetch()
    return fetch


def told(entries):
    """Return of each entry what was done to what, and where."""
    return [(e["action"], e["subject"], e["base_uri"]) for e in entries]


# What leaves an entry

REGISTERED = ("dataset.register", URI, SNOW_WHITE)
EDITED = ("dataset.edit", URI, SNOW_WHITE)
PERMISSIONS = {
    "users_with_search_permissions": ["grumpy", "noone"],
    "users_with_register_permissions": ["grumpy"],
}

#: User, method, path, JSON; and what the trail tells of it.
DONE = [
    ("grumpy", "POST", "/dataset/register", dataset_info("apple-harvest"), REGISTERED),
    ("grumpy", "PUT", f"/uris/{ONE}", dataset_info("apple-harvest"), REGISTERED),
    ("snow-white", "POST", "/admin/user/register", [{"username": "doc"}],
     ("user.add", "doc", None)),
    ("snow-white", "PUT", "/users/doc", {"is_admin": True}, ("user.add", "doc", None)),
    ("snow-white", "PUT", "/users/noone", {}, ("user.update", "noone", None)),
    ("snow-white", "PATCH", "/users/noone", {"is_admin": True},
     ("user.update", "noone", None)),
    ("snow-white", "DELETE", "/users/noone", None, ("user.delete", "noone", None)),
    ("noone", "PATCH", "/me", {"display_name": "N"}, ("user.update", "noone", None)),
    ("noone", "POST", "/me/tokens", {"name": "x", "scopes": ["search"]},
     ("access_token.make", "noone", None)),
    ("snow-white", "POST", "/admin/base_uri/register", {"base_uri": "s3://new"},
     ("base_uri.add", None, "s3://new")),
    ("snow-white", "PUT", f"/base-uris/{PLACE}", {},
     ("base_uri.add", None, "s3://new")),
    ("snow-white", "DELETE", f"/base-uris/{encoded(CINDERELLA)}", None,
     ("base_uri.delete", None, CINDERELLA)),
    ("snow-white", "POST", f"/users/noone/search/{encoded(MR_MEN)}", None,
     ("search.grant", "noone", MR_MEN)),
    ("snow-white", "POST", f"/users/noone/register/{encoded(MR_MEN)}", None,
     ("register.grant", "noone", MR_MEN)),
    ("snow-white", "DELETE", f"/users/grumpy/search/{encoded(MR_MEN)}", None,
     ("search.revoke", "grumpy", MR_MEN)),
    ("snow-white", "DELETE", f"/users/librarian/register/{encoded(MR_MEN)}", None,
     ("register.revoke", "librarian", MR_MEN)),
]  # fmt: skip


@pytest.mark.parametrize(("who", "method", "path", "body", "expected"), DONE)
def test_what_is_done_leaves_one_entry(
    client, headers, new_entries, who, method, path, body, expected
):
    response = client.open(path, method=method, json=body, headers=headers(who))
    assert response.status_code in (200, 201)
    [entry] = new_entries()
    assert told([entry]) == [expected]
    assert (entry["username"], entry["source"]) == (who, "api")
    assert entry["address"] == "127.0.0.1"
    assert entry["request_id"] == response.headers["X-Request-ID"]
    assert abs(entry["happened_at"] - time.time()) < 60
    assert entry["os_user"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", f"/readmes/{ONE}", {"readme": "new: 1"}, "readme"),
        ("PUT", f"/tags/{ONE}", {"tags": ["a"]}, "tags"),
        ("POST", f"/tags/{ONE}/b", None, "tags"),
        ("DELETE", f"/tags/{ONE}/b", None, "tags"),
        ("PUT", f"/annotations/{ONE}", {"annotations": {"a": 1}}, "annotations"),
        ("PUT", f"/annotations/{ONE}/b", {"value": 1}, "annotations"),
        ("DELETE", f"/annotations/{ONE}/b", None, "annotations"),
    ],
)
def test_an_edit_leaves_one_entry(
    client, grumpy, new_entries, method, path, body, field
):
    info = dataset_info("apple-harvest")
    client.post("/dataset/register", json=info, headers=grumpy)
    new_entries()
    response = client.open(path, method=method, json=body, headers=grumpy)
    assert response.status_code == 200
    [entry] = new_entries()
    assert told([entry]) == [EDITED]
    assert entry["details"] == {"field": field}


def test_a_dataset_that_is_replaced_or_forgotten_leaves_an_entry(
    client, grumpy, new_entries
):
    for _time in range(2):
        info = dataset_info("apple-harvest")
        client.post("/dataset/register", json=info, headers=grumpy)
    client.delete(f"/uris/{ONE}", headers=grumpy)
    assert [entry["action"] for entry in new_entries()] == [
        "dataset.register",
        "dataset.replace",
        "dataset.delete",
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/admin/permission/update_on_base_uri"),
        ("PUT", f"/base-uris/{encoded(SNOW_WHITE)}"),
    ],
)
def test_permissions_that_are_replaced_leave_what_has_changed(
    client, admin, new_entries, method, path
):
    body = dict(PERMISSIONS)
    if method == "POST":
        body["base_uri"] = SNOW_WHITE
    client.open(path, method=method, json=body, headers=admin)
    assert told(new_entries()) == [
        ("search.revoke", "sleepy", SNOW_WHITE),
        ("search.grant", "noone", SNOW_WHITE),
        ("register.revoke", "librarian", SNOW_WHITE),
    ]


def test_each_dataset_of_a_bulk_registration_leaves_an_entry(
    client, grumpy, new_entries
):
    infos = [dataset_info(f"bulk-{number}") for number in range(3)]
    infos.insert(1, dataset_info("elsewhere", MR_MEN))
    response = client.put(
        "/uris",
        data="\n".join(map(json.dumps, infos)),
        content_type="application/x-ndjson",
        headers=grumpy,
    )
    statuses = [json.loads(line)["status"] for line in response.text.splitlines()]
    assert statuses == [201, 403, 201, 201]
    entries = new_entries()
    assert [e["subject"] for e in entries] == [uri_of(f"bulk-{n}") for n in range(3)]
    assert {e["username"] for e in entries} == {"grumpy"}
    assert {e["request_id"] for e in entries} == {response.headers["X-Request-ID"]}


def changing_rows():
    return [row for row in TABLE if row.method != "GET"]


@pytest.mark.parametrize("row", changing_rows(), ids=str)
def test_whatever_changes_the_database_leaves_an_entry(config, headers, row):
    with open_app(config | {"EDITS": "index"}) as app:
        fill(app)
        before = contents(app)
        for username in ("snow-white", "grumpy"):
            row.call(app.test_client(), headers(username))
        after = contents(app)
    changed = {name for name in after if after[name] != before[name]}
    assert "audit_entry" in changed or not changed - OF_THE_SERVER


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/users/nobody"),
        ("DELETE", "/me/tokens/7"),
        ("DELETE", f"/base-uris/{PLACE}"),
        ("DELETE", f"/users/noone/search/{encoded(SNOW_WHITE)}"),
    ],
)
def test_what_finds_nothing_to_do_leaves_no_entry(
    client, admin, new_entries, method, path
):
    assert client.open(path, method=method, headers=admin).status_code == 200
    assert new_entries() == []


def test_what_fails_half_way_leaves_no_entry(client, admin, new_entries):
    body = PERMISSIONS | {"users_with_register_permissions": ["nobody"]}
    response = client.put(f"/base-uris/{PLACE}", json=body, headers=admin)
    assert response.status_code == 422
    assert new_entries() == []
    assert client.get(f"/base-uris/{PLACE}", headers=admin).status_code == 404


# Commands


def test_commands_leave_entries(app, new_entries, tmp_path):
    dataset = make_dataset(tmp_path / "data", "beans")
    app.config["TOKEN_PASSWORD_FILE"] = str(tmp_path / "passwords")
    runner = app.test_cli_runner()
    place = dataset.uri.rpartition("/")[0]

    def run(*args, typed=None):
        done = runner.invoke(args=args, input=typed)
        assert done.exit_code == 0, done.output
        return done.stdout

    run("user", "add", "doc")
    run("user", "update", "doc", "--is_admin")
    run("user", "search_permission", "doc", SNOW_WHITE)
    run("user", "register_permission", "doc", SNOW_WHITE)
    run("user", "token", "doc")
    run("user", "set-password", "doc", typed="hello dwarfs\nhello dwarfs\n")
    run("user", "make-access-token", "doc", "nightly")
    [made] = json.loads(run("user", "access-tokens", "doc"))
    run("user", "revoke-access-token", "doc", str(made["id"]))
    run("user", "revoke-tokens", "doc")
    run("user", "delete", "doc")
    run("user", "delete", "doc")
    run("base_uri", "add", str(tmp_path / "data"))
    run("base_uri", "index", place)
    run("base_uri", "index", place)
    path_of(dataset).rename(tmp_path / "elsewhere")
    run("base_uri", "index", "--prune", "--allow-empty", place)

    entries = new_entries()
    assert told(entries) == [
        ("user.add", "doc", None),
        ("user.update", "doc", None),
        ("search.grant", "doc", SNOW_WHITE),
        ("register.grant", "doc", SNOW_WHITE),
        ("token.issue", "doc", None),
        ("user.set_password", "doc", None),
        ("access_token.make", "doc", None),
        ("access_token.revoke", "doc", None),
        ("user.revoke_tokens", "doc", None),
        ("user.delete", "doc", None),
        ("base_uri.add", None, place),
        ("dataset.register", dataset.uri, place),
        ("base_uri.index", None, place),
        # Nothing had changed.
        ("base_uri.index", None, place),
        ("dataset.delete", dataset.uri, place),
        ("base_uri.index", None, place),
    ]
    assert {entry["source"] for entry in entries} == {"command line"}
    assert {entry["os_user"] for entry in entries} == {ME}
    assert {entry["username"] for entry in entries} == {None}
    assert entries[-1]["details"] == {
        "state": "ended",
        **{"registered": 0, "unchanged": 0, "failed": 0, "forgotten": 1},
    }


# From where


def test_a_token_for_a_password_leaves_an_entry(app, client, new_entries, tmp_path):
    app.config["TOKEN_PASSWORD_FILE"] = str(tmp_path / "passwords")
    app.test_cli_runner().invoke(
        args=["user", "set-password", "grumpy"], input="hello dwarfs\n" * 2
    )
    new_entries()
    for password, actions in [("wrong", []), ("hello dwarfs", ["token.issue"])]:
        client.post("/token", json={"username": "grumpy", "password": password})
        entries = new_entries()
        assert [entry["action"] for entry in entries] == actions
    assert (entries[0]["username"], entries[0]["subject"]) == ("grumpy", "grumpy")


def test_an_entry_says_by_which_access_token(client, grumpy, new_entries):
    made = client.post(
        "/me/tokens", json={"name": "x", "scopes": ["register"]}, headers=grumpy
    ).json
    client.post(
        "/dataset/register",
        json=dataset_info("apple-harvest"),
        headers={"Authorization": f"Bearer {made['token']}"},
    )
    making, registering = new_entries()
    assert making["details"]["id"] == registering["access_token_id"] == made["id"]
    assert making["access_token_id"] is None
    assert registering["username"] == "grumpy"


@pytest.mark.parametrize(
    ("proxies", "address"), [(None, "127.0.0.1"), (1, "192.0.2.7")]
)
def test_the_address_is_that_of_the_client(config, headers, proxies, address):
    with open_app(config | {"TRUSTED_PROXIES": proxies}) as app:
        add_people(app)
        forwarded = headers("noone") | {"X-Forwarded-For": "192.0.2.7"}
        app.test_client().patch("/me", json={"display_name": "N"}, headers=forwarded)
        with app.app_context():
            [entry] = audit.newest(audit.listing(["noone"]), 10)
    assert entry["address"] == address


def test_scripts_are_the_machine_itself_also_after_a_request(app, admin, new_entries):
    with app.app_context():
        app.test_client().put("/users/doc", json={}, headers=admin)
        add_people(app)
        audit.prune(timedelta(days=1))
        app.test_cli_runner().invoke(args=["user", "add", "happy"])
    sources = [(e["subject"], e["source"]) for e in new_entries()]
    assert sources == [("doc", "api"), ("happy", "command line")]


def test_no_entry_has_what_is_secret_or_written_by_people(
    app, client, headers, grumpy, new_entries, tmp_path
):
    app.config["TOKEN_PASSWORD_FILE"] = str(tmp_path / "passwords")
    app.test_cli_runner().invoke(
        args=["user", "set-password", "grumpy"], input="open-sesame\n" * 2
    )
    info = dataset_info(
        "apple-harvest",
        readme="only-in-the-readme: 1",
        annotations={"colour": "only-in-an-annotation"},
    )
    token = client.post(
        "/token", json={"username": "grumpy", "password": "open-sesame"}
    ).json["token"]
    made = client.post(
        "/me/tokens", json={"name": "x", "scopes": ["search"]}, headers=grumpy
    ).json["token"]
    client.post("/dataset/register", json=info, headers=grumpy)
    client.put(
        f"/readmes/{ONE}", json={"readme": "only-in-the-readme: 2"}, headers=grumpy
    )
    client.post(
        "/dataset/search", json={"free_text": "only-in-the-query"}, headers=grumpy
    )
    entries = new_entries()
    assert len(entries) == 5
    written = json.dumps(entries)
    for secret in ("open-sesame", "only-in-", token, made, grumpy["Authorization"]):
        assert secret not in written


# Looking at it


def listed(client, headers, query=""):
    response = client.get(f"/audit?{query}", headers=headers)
    assert response.status_code == 200, response.json
    return response


def test_admins_list_it_the_newest_first_by_cursor(client, admin):
    url, found = "/audit?page_size=4", []
    while url:
        response = client.get(url, headers=admin)
        assert "X-Pagination" not in response.headers
        assert 0 < len(response.json) <= 4
        found += response.json
        url = response.headers.get("Link", "").partition(">")[0].lstrip("<")
    ids = [entry["id"] for entry in found]
    # Five users, three base URIs, six permissions.
    assert len(ids) == 14
    assert ids == sorted(ids, reverse=True)
    assert set(found[0]) == {c.name for c in audit_entry.c} - {"pruned_before"}


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("actions=user.add", 5),
        ("actions=user.add&actions=base_uri.add", 8),
        (f"base_uris={encoded(MR_MEN)}", 3),
        (f"base_uris={encoded(MR_MEN)}/&actions=search.grant", 1),
        ("usernames=nobody", 0),
        ("happened_after=1000", 14),
        ("happened_before=1000", 0),
    ],
)
def test_it_is_filtered(client, admin, query, number):
    assert len(listed(client, admin, f"page_size=50&{query}").json) == number


def test_it_is_filtered_by_user(client, admin, grumpy):
    client.patch("/me", json={"display_name": "G"}, headers=grumpy)
    [entry] = listed(client, admin, "usernames=grumpy").json
    assert entry["details"] == {"display_name": "G"}


@pytest.mark.parametrize(
    "query", ["actions=nonsense", "happened_after=x", "after=nonsense"]
)
def test_another_filter_is_refused(client, admin, query):
    assert client.get(f"/audit?{query}", headers=admin).status_code == 422


def test_the_command_lists_it(app):
    run = app.test_cli_runner().invoke
    args = ["audit", "list", "--when", "last:1h", "--action", "search.grant"]
    done = run(args=[*args, "--limit", "2"])
    assert done.exit_code == 0, (done.output, done.exception)
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert "search.grant" in lines[0]
    assert f"({ME})" in lines[0]
    assert f"grumpy base_uri={MR_MEN}" in lines[0]
    entries = run(args=[*args, "--json"]).stdout.splitlines()
    subjects = [json.loads(line)["subject"] for line in entries]
    assert subjects == ["grumpy", "sleepy", "grumpy"]


@pytest.mark.parametrize(
    "args",
    [
        ["list", "--when", "yesterday"],
        ["list", "--action", "nonsense"],
        ["prune"],
        ["prune", "--older-than", "a year"],
        ["prune", "--older-than", "0d"],
    ],
)
def test_a_wrong_option_is_told(app, args):
    done = app.test_cli_runner().invoke(args=["audit", *args])
    assert done.exit_code in (1, 2)
    assert "Traceback" not in done.output
    assert done.stderr


# Forgetting the oldest of it


def age(app, days):
    """Add an entry of some days ago."""
    then = audit.utc_now() - timedelta(days=days)
    row = {"happened_at": then, "action": "user.add", "source": "api"}
    with app.app_context(), sql_db.engine.begin() as connection:
        connection.execute(sa.insert(audit_entry), [row | {"subject": f"of {days}"}])


def test_the_oldest_entries_are_pruned_and_an_entry_says_so(app, new_entries):
    for days in (800, 400, 10):
        age(app, days)
    new_entries()
    done = app.test_cli_runner().invoke(args=["audit", "prune", "--older-than", "365d"])
    assert (done.exit_code, done.stdout) == (0, "2 entries forgotten\n")
    [entry] = new_entries()
    assert (entry["action"], entry["details"]["number"]) == ("audit.prune", 2)
    assert time.time() - entry["details"]["before"] == pytest.approx(365 * 86400, 1e-3)
    with app.app_context():
        left = sql_db.session.scalars(sa.select(audit_entry.c.subject)).all()
    assert "of 10" in left
    assert not {"of 400", "of 800"} & set(left)


def test_where_nothing_is_old_nothing_is_pruned(app, new_entries):
    done = app.test_cli_runner().invoke(args=["audit", "prune", "--older-than", "1d"])
    assert (done.exit_code, done.stdout) == (0, "0 entries forgotten\n")
    assert new_entries() == []
