"""A database of 0.18 is upgraded in place: its users, permissions and datasets stay."""

import json
import socket
import sqlite3

import pytest

from dtool_lookup_server import create_app, sql_db
from tests.corpus import SNOW_WHITE, dataset_info, uri_of, uuid_of

#: What 0.18 with SQLAlchemy 2.0 makes in SQLite.
TABLES = """
CREATE TABLE user (
    id INTEGER NOT NULL,
    username VARCHAR(64),
    is_admin BOOLEAN NOT NULL,
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_user_username ON user (username);
CREATE TABLE base_uri (
    id INTEGER NOT NULL,
    base_uri VARCHAR(255),
    PRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_base_uri_base_uri ON base_uri (base_uri);
CREATE TABLE search_permissions (
    user_id INTEGER NOT NULL,
    base_uri_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, base_uri_id),
    FOREIGN KEY(user_id) REFERENCES user (id),
    FOREIGN KEY(base_uri_id) REFERENCES base_uri (id)
);
CREATE TABLE register_permissions (
    user_id INTEGER NOT NULL,
    base_uri_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, base_uri_id),
    FOREIGN KEY(user_id) REFERENCES user (id),
    FOREIGN KEY(base_uri_id) REFERENCES base_uri (id)
);
CREATE TABLE dataset (
    id INTEGER NOT NULL,
    base_uri_id INTEGER NOT NULL,
    uri VARCHAR(255) NOT NULL,
    uuid VARCHAR(36) NOT NULL,
    name VARCHAR(80) NOT NULL,
    creator_username VARCHAR(255) NOT NULL,
    frozen_at DATETIME NOT NULL,
    created_at DATETIME NOT NULL,
    number_of_items INTEGER,
    size_in_bytes BIGINT,
    PRIMARY KEY (id),
    FOREIGN KEY(base_uri_id) REFERENCES base_uri (id)
);
CREATE INDEX ix_dataset_creator_username ON dataset (creator_username);
CREATE UNIQUE INDEX ix_dataset_uri ON dataset (uri);
CREATE INDEX ix_dataset_uuid ON dataset (uuid);
CREATE INDEX ix_dataset_name ON dataset (name);
INSERT INTO user VALUES (1, 'snow-white', 1), (2, 'grumpy', 0), (3, 'sleepy', 0);
"""

#: Its users had Alembic write the first revision, under a name of its own.
REVISION = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO alembic_version VALUES ('3f1c7a9be0d2');
"""

BASE_URI = "INSERT INTO base_uri VALUES (?, ?)"
MAY_SEARCH = "INSERT INTO search_permissions VALUES (?, ?)"
MAY_REGISTER = "INSERT INTO register_permissions VALUES (?, ?)"
DATASET = "INSERT INTO dataset VALUES (?, ?, ?, ?, ?, 'queen', ?, ?, NULL, 30)"


@pytest.fixture
def database_url(tmp_path):
    """URL of a file, whatever TEST_DATABASE says: servers are for tests/sql."""
    return f"sqlite:///{tmp_path}/lookup.db"


@pytest.fixture
def old_database(tmp_path):
    """Write what 0.18 left: the tables, and rows by statement and values."""

    def write(*rows, script=TABLES + REVISION):
        connection = sqlite3.connect(tmp_path / "lookup.db")
        connection.executescript(script)
        for statement, *values in rows:
            connection.execute(statement, values)
        connection.commit()
        connection.close()

    return write


@pytest.fixture
def upgraded(config):
    """Upgrade the database, and return the app on it."""
    app = create_app(config)

    def upgrade():
        done = app.test_cli_runner().invoke(args=["db", "upgrade"])
        assert done.exit_code == 0, done.output
        return app

    yield upgrade
    with app.app_context():
        sql_db.session.remove()
        sql_db.engine.dispose()


def row(name, base_uri_id=1):
    times = ("2017-07-14 02:40:01.654321", "2017-07-14 02:40:00.123456")
    return (DATASET, None, base_uri_id, uri_of(name), uuid_of(name), name, *times)


ROWS = [
    (BASE_URI, 1, SNOW_WHITE),
    (MAY_SEARCH, 2, 1),
    (MAY_REGISTER, 2, 1),
    row("one"),
    row("two"),
]


@pytest.mark.parametrize("script", [TABLES, TABLES + REVISION])
def test_users_and_permissions_stay(old_database, upgraded, script):
    old_database(*ROWS, script=script)
    listed = upgraded().test_cli_runner().invoke(args=["user", "list"])
    users = {user["username"]: user for user in json.loads(listed.stdout)}
    assert users["snow-white"]["is_admin"] is True
    assert users["sleepy"]["search_permissions_on_base_uris"] == []
    assert users["grumpy"]["search_permissions_on_base_uris"] == [SNOW_WHITE]
    assert users["grumpy"]["register_permissions_on_base_uris"] == [SNOW_WHITE]


def test_datasets_stay(old_database, upgraded, grumpy):
    old_database(*ROWS)
    listed = upgraded().test_client().get("/dataset/list", headers=grumpy).json
    assert [dataset["name"] for dataset in listed] == ["one", "two"]
    assert listed[0]["uri"] == uri_of("one")
    assert listed[0]["uuid"] == uuid_of("one")
    assert listed[0]["frozen_at"] == 1500000001.654321
    assert listed[0]["created_at"] == 1500000000.123456
    assert (listed[0]["number_of_items"], listed[0]["size_in_bytes"]) == (None, 30)
    assert listed[0]["tags"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [("/dataset/summary", 200), (f"/dataset/lookup/{uuid_of('one')}", 200)],
)
def test_what_is_known_is_answered(old_database, upgraded, grumpy, path, status):
    old_database(*ROWS)
    assert upgraded().test_client().get(path, headers=grumpy).status_code == status


@pytest.mark.parametrize("what", ["readme", "manifest", "annotations"])
def test_content_that_was_elsewhere_never_breaks_the_server(
    old_database, upgraded, grumpy, what
):
    old_database(*ROWS)
    response = (
        upgraded()
        .test_client()
        .post(f"/dataset/{what}", json={"uri": uri_of("one")}, headers=grumpy)
    )
    assert response.status_code in (200, 400)


def test_a_dataset_of_0_18_is_registered_anew(old_database, upgraded, grumpy):
    old_database(*ROWS)
    client = upgraded().test_client()
    info = dataset_info("one", tags=["new"], readme="---\nplant: mandragora\n")
    response = client.post("/dataset/register", json=info, headers=grumpy)
    assert response.status_code == 201
    body = {"free_text": "mandragora"}
    found = client.post("/dataset/search", json=body, headers=grumpy).json
    assert [(dataset["uri"], dataset["tags"]) for dataset in found] == [
        (uri_of("one"), ["new"])
    ]
    assert len(client.get("/dataset/list", headers=grumpy).json) == 2


def test_the_upgraded_tables_are_those_of_the_models(old_database, upgraded):
    old_database(*ROWS)
    done = upgraded().test_cli_runner().invoke(args=["db", "check"])
    assert done.exit_code == 0, done.output


def test_the_old_set_up_still_runs_on_an_old_database(old_database, upgraded):
    old_database(*ROWS)
    runner = upgraded().test_cli_runner()
    for command in ("init", "migrate", "upgrade"):
        assert runner.invoke(args=["db", command]).exit_code == 0, command


@pytest.mark.parametrize(
    "spelling", [SNOW_WHITE + "/", "file:///data/", "file:///data"]
)
def test_a_base_uri_in_another_spelling_is_found_again(
    old_database, upgraded, spelling
):
    old_database((BASE_URI, 1, spelling), (MAY_SEARCH, 2, 1))
    runner = upgraded().test_cli_runner()
    one_form = spelling.rstrip("/").replace(
        "file:///", f"file://{socket.gethostname()}/"
    )
    [base_uri] = json.loads(runner.invoke(args=["base_uri", "list"]).stdout)
    assert base_uri["base_uri"] == one_form
    assert base_uri["users_with_search_permissions"] == ["grumpy"]
    done = runner.invoke(args=["user", "search_permission", "sleepy", spelling])
    assert done.exit_code == 0, done.output


def test_what_is_no_base_uri_stays_as_it_is(old_database, upgraded):
    old_database((BASE_URI, 1, "bucket"))
    listed = upgraded().test_cli_runner().invoke(args=["base_uri", "list"]).stdout
    assert [row["base_uri"] for row in json.loads(listed)] == ["bucket"]


def test_a_base_uri_in_two_spellings_becomes_one(old_database, upgraded, headers):
    old_database(
        (BASE_URI, 1, SNOW_WHITE),
        (BASE_URI, 2, SNOW_WHITE + "/"),
        (MAY_SEARCH, 2, 1),
        (MAY_SEARCH, 2, 2),
        (MAY_SEARCH, 3, 2),
        row("one", 1),
        row("two", 2),
    )
    app = upgraded()
    listed = app.test_cli_runner().invoke(args=["base_uri", "list"]).stdout
    [base_uri] = json.loads(listed)
    assert sorted(base_uri["users_with_search_permissions"]) == ["grumpy", "sleepy"]
    datasets = app.test_client().get("/dataset/list", headers=headers("sleepy")).json
    assert [dataset["name"] for dataset in datasets] == ["one", "two"]
