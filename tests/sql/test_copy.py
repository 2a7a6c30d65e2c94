"""`database copy-to` moves everything from SQLite to a server's database."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.append_only import REFUSAL
from dtool_lookup_server.sql_models import audit_entry
from dtool_lookup_server.utils import delete_users, register_users
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.corpus import DATASETS, dataset_info, uri_of


@pytest.fixture
def source(tmp_path, keys, headers):
    """An app on SQLite with users and datasets."""
    (tmp_path / "source").mkdir()
    url = f"sqlite:///{tmp_path}/source/lookup.db"
    with open_app(make_config(tmp_path, keys, url)) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        yield app


@pytest.fixture
def copy(source, database_url):
    """Copy to the empty database of a test."""
    return lambda: source.test_cli_runner().invoke(
        args=["database", "copy-to", database_url]
    )


@pytest.fixture
def target(config):
    """An app on the database that was copied to."""
    app = create_app(config)
    yield app
    with app.app_context():
        sql_db.session.remove()
        sql_db.engine.dispose()


def answers(app, headers):
    """Return what several routes answer."""
    client = app.test_client()
    admin, grumpy = headers("snow-white"), headers("grumpy")
    body = {"uri": uri_of("apple-harvest")}
    read = [
        client.get("/admin/user/list", headers=admin),
        client.get("/admin/base_uri/list", headers=admin),
        client.get("/dataset/list?page_size=100", headers=grumpy),
        client.get("/dataset/summary", headers=grumpy),
        *(
            client.post(f"/dataset/{what}", json=body, headers=grumpy)
            for what in ("readme", "manifest", "annotations")
        ),
    ]
    searched = [
        client.post("/dataset/search", json={"free_text": text}, headers=grumpy)
        for text in ("mine", "apple", '"diamond mine"', "red_01.tif", "übergroß")
    ]
    # Which hit is the best is for each database to say.
    hits = [sorted(row["uri"] for row in response.json) for response in searched]
    return [*(response.json for response in read), *hits]


def test_the_copy_answers_as_the_original(source, copy, target, headers):
    done = copy()
    assert (done.exit_code, done.stdout) == (0, "Copied and compared every row\n")
    assert answers(target, headers) == answers(source, headers)
    assert len(answers(target, headers)[2]) == len(DATASETS)


def test_the_copy_can_be_written(copy, target, headers):
    copy()
    client = target.test_client()
    for path, body, who in [
        ("/dataset/register", dataset_info(), "librarian"),
        ("/admin/user/register", [{"username": "new"}], "snow-white"),
        ("/admin/base_uri/register", {"base_uri": "s3://new"}, "snow-white"),
    ]:
        assert client.post(path, json=body, headers=headers(who)).status_code == 201


def test_the_copy_needs_no_migration(copy, target):
    copy()
    done = target.test_cli_runner().invoke(args=["db", "check"])
    assert done.exit_code == 0, done.output
    done = target.test_cli_runner().invoke(args=["db", "upgrade"])
    assert done.exit_code == 0, done.output


def test_the_audit_trail_is_copied_and_stays_as_it_is(source, copy, target):
    copy()
    with source.app_context():
        entries = sql_db.session.execute(sa.select(audit_entry)).all()
        sql_db.session.rollback()
    with target.app_context():
        assert sql_db.session.execute(sa.select(audit_entry)).all() == entries
        with pytest.raises(sa.exc.DBAPIError, match=REFUSAL):
            sql_db.session.execute(sa.delete(audit_entry))
        sql_db.session.rollback()
    assert len(entries) > len(DATASETS)


def test_tokens_of_who_was_removed_are_worthless_in_the_copy(
    source, copy, target, headers
):
    with source.app_context():
        delete_users([{"username": "grumpy"}])
    copy()
    with target.app_context():
        register_users([{"username": "grumpy"}])
    answer = target.test_client().get("/dataset/list", headers=headers("grumpy"))
    assert (answer.status_code, answer.json) == (401, {"msg": "Token has been revoked"})


def test_a_database_that_is_not_empty_is_left_alone(copy):
    copy()
    again = copy()
    assert again.exit_code == 1
    assert again.stderr == "The database to fill is not empty\n"


def test_permissions_of_users_who_are_gone_are_left_out(source, copy, target, tmp_path):
    with closing(sqlite3.connect(tmp_path / "source" / "lookup.db")) as connection:
        connection.execute("INSERT INTO search_permissions VALUES (999, 1)")
        connection.commit()
    assert copy().exit_code == 0
    with target.app_context():
        held = sa.text("SELECT count(*) FROM search_permissions WHERE user_id = 999")
        assert sql_db.session.scalar(held) == 0


@pytest.mark.parametrize("url", ["nonsense", "oracle://me:secret@h/d"])
def test_a_wrong_url_is_one_line_without_the_password(source, url):
    done = source.test_cli_runner().invoke(args=["database", "copy-to", url])
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
