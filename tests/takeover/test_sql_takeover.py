"""SQL databases that the real 0.18.0 made are upgraded in place, with every row."""

import json
import os
import subprocess

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.engines import with_driver
from tests.conftest import PERMISSIONS, make_config
from tests.corpus import DATASETS
from tests.databases import SERVERS, connected, empty_database
from tests.takeover.test_takeover import HERE, python_of_018

__all__ = ["python_of_018"]

TABLES = ("user", "base_uri", "search_permissions", "register_permissions", "dataset")


@pytest.fixture(scope="module", params=["its own", "none"])
def revision(request):
    """What the database says of itself: 0.18's users had Alembic name their own."""
    return request.param


@pytest.fixture(scope="module", params=["sqlite", *SERVERS])
def database_url(request, revision, tmp_path_factory):
    """URL of a database of the module's own, on each server."""
    folder = tmp_path_factory.mktemp("database")
    with empty_database(request.param, folder) as url:
        yield with_driver(url).render_as_string(hide_password=False)


def rows_of(url, columns=None):
    """Return the rows of 0.18's tables, as dictionaries in order of the first columns.

    :param columns: by table; None for all that there are
    """
    found = {}
    with connected(url) as connection:
        for name in TABLES:
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            wanted = [table.c[key] for key in columns[name]] if columns else table.c
            rows = connection.execute(sa.select(*wanted)).mappings()
            found[name] = sorted(map(dict, rows), key=lambda row: str([*row.values()]))
    return found


@pytest.fixture(scope="module")
def old_rows(database_url, python_of_018, tmp_path_factory, mongod):
    """Fill a database by 0.18, and return the rows."""
    folder = tmp_path_factory.mktemp("of_018")
    (folder / "datasets.json").write_text(json.dumps(DATASETS))
    (folder / "permissions.json").write_text(json.dumps(PERMISSIONS))
    settings = {
        f"{kind}_MONGO_{name}": value
        for kind in ("SEARCH", "RETRIEVE")
        for name, value in (("URI", mongod.uri), ("DB", "of_018"), ("COLLECTION", "d"))
    }
    for command in (
        *(["flask", "db", step] for step in ("init", "migrate", "upgrade")),
        ["python", HERE / "fill_sql_018.py", "datasets.json", "permissions.json"],
    ):
        done = subprocess.run(
            [python_of_018.parent / command[0], *map(str, command[1:])],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "FLASK_APP": "dtool_lookup_server",
                "SQLALCHEMY_DATABASE_URI": database_url,
                **settings,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return rows_of(database_url)


@pytest.fixture(scope="module")
def app(revision, old_rows, database_url, tmp_path_factory, keys):
    """This server on that database, upgraded whatever revision it is said to have."""
    home = tmp_path_factory.mktemp("home")
    app = create_app(make_config(home, keys, database_url))
    runner = app.test_cli_runner()
    if revision == "none":
        with connected(database_url) as connection:
            connection.execute(sa.text("DROP TABLE alembic_version"))
    done = runner.invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output
    yield app
    with app.app_context():
        sql_db.session.remove()
        sql_db.engine.dispose()


def test_every_row_and_every_time_stays(app, old_rows, database_url):
    columns = {name: list(rows[0]) for name, rows in old_rows.items()}
    assert len(old_rows["dataset"]) == len(DATASETS)
    assert rows_of(database_url, columns) == old_rows


def test_the_tables_are_those_of_the_models(app):
    done = app.test_cli_runner().invoke(args=["db", "check"])
    assert done.exit_code == 0, done.output


def test_a_dataset_of_0_18_gets_what_sql_did_not_hold(app, headers):
    client = app.test_client()
    for info in DATASETS:
        path = "/dataset/register"
        response = client.post(path, json=info, headers=headers("librarian"))
        assert response.status_code == 201
    rows = client.get("/dataset/list?page_size=100", headers=headers("grumpy")).json
    expected = {info["uri"]: info["tags"] for info in DATASETS}
    assert {row["uri"]: row["tags"] for row in rows}.items() <= expected.items()
    assert {row["type"] for row in rows} == {"dataset"}
