"""Datasets are kept as JSON on SQLite: faster to answer, and never anything else."""

import pytest
import sqlalchemy as sa

from dtool_lookup_server import sql_db
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.corpus import DATASETS, dataset_info

KEPT = "SELECT dataset_id, json FROM dataset_json ORDER BY dataset_id"


@pytest.fixture
def config(tmp_path, keys):
    return make_config(tmp_path, keys)


@pytest.fixture
def app(config, headers):
    """An app with all datasets of the corpus, on SQLite."""
    with open_app(config) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        yield app


@pytest.fixture
def sql(app):
    """Execute SQL, as one does who knows nothing of the server; return the rows."""

    def execute(statement):
        with app.app_context(), sql_db.engine.begin() as connection:
            result = connection.execute(sa.text(statement))
            return result.all() if result.returns_rows else []

    return execute


@pytest.fixture
def answers(app, grumpy):
    """Ask for lists in every way in which datasets are found; return what came."""

    def ask():
        client = app.test_client()
        queries = (
            {"free_text": "apple"},
            {"free_text": "apple poison harvest"},
            {"tags": ["fruit"]},
            {"creator_usernames": ["queen"]},
            {"creator_usernames": ["queen", "dopey"], "tags": ["fruit"]},
            {},
        )
        uuid = dataset_info("apple-harvest")["uuid"]
        paths = ("/dataset/list?page_size=5", f"/dataset/lookup/{uuid}", "/uris")
        found = [client.get(path, headers=grumpy) for path in paths]
        for query in queries:
            asked = {"json": query, "headers": grumpy}
            found.append(client.post("/dataset/search", **asked))
        assert {answer.status_code for answer in found} == {200}
        return [answer.data for answer in found]

    return ask


@pytest.fixture
def register(app, headers):
    """Register a dataset over HTTP."""

    def send(info):
        sent = {"json": info, "headers": headers("librarian")}
        assert app.test_client().post("/dataset/register", **sent).status_code == 201

    return send


@pytest.fixture
def one(register, sql):
    """The number of a dataset with one tag, the last that was registered."""
    register(dataset_info("one", tags=["fruit"]))
    [(number,)] = sql("SELECT max(id) FROM dataset")
    return number


@pytest.fixture
def shown(app, sql, grumpy):
    """Return what a list says of each dataset, by its number."""

    def ask():
        numbers = dict(tuple(row) for row in sql("SELECT uri, id FROM dataset"))
        answer = app.test_client().get("/dataset/list?page_size=100", headers=grumpy)
        return {numbers[row["uri"]]: row for row in answer.json}

    return ask


def test_each_dataset_is_kept_once_it_is_registered(sql):
    assert len(sql(KEPT)) == len(DATASETS)


def test_what_is_kept_is_what_the_rows_say_to_the_byte(sql, answers):
    kept = answers()
    assert any(b'"tags":["' in answer for answer in kept)
    sql("DELETE FROM dataset_json")
    assert answers() == kept


def test_a_dataset_that_is_not_kept_stays_in_its_place(sql, answers):
    kept = answers()
    sql("DELETE FROM dataset_json WHERE dataset_id % 2")
    assert 0 < len(sql(KEPT)) < len(DATASETS)
    assert answers() == kept


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("UPDATE dataset SET name = 'renamed' WHERE id = {id}", "name", "renamed"),
        ("UPDATE base_uri SET base_uri = 's3://x' || id", "base_uri", "s3://x1"),
        ("INSERT INTO dataset_tag VALUES ({id}, 'ripe', 9)", "tags", ["fruit", "ripe"]),
        ("DELETE FROM dataset_tag WHERE dataset_id = {id}", "tags", []),
        ("UPDATE dataset_tag SET tag = 'x' WHERE dataset_id = {id}", "tags", ["x"]),
    ],
)
def test_what_anybody_changes_is_answered_at_once(sql, shown, one, change, key, value):
    assert shown()[one][key] != value
    sql(change.format(id=one))
    assert shown()[one][key] == value


def test_a_dataset_that_takes_the_number_of_another_is_not_shown_as_that(
    sql, shown, one, register
):
    sql(f"DELETE FROM dataset WHERE id = {one}")
    register(dataset_info("another"))
    assert shown()[one]["name"] == "another"


def test_registering_again_keeps_what_is_new(sql, shown, one, register):
    register(dataset_info("one", tags=["fruit"], creator_username="doc"))
    assert shown()[one]["creator_username"] == "doc"
    [(kept,)] = sql(f"SELECT json FROM dataset_json WHERE dataset_id = {one}")
    assert '"creator_username":"doc"' in kept


def test_verify_tells_what_is_kept_wrong_and_reindex_mends_it(sql, shown, one, app):
    kept = sql(KEPT)
    sql(f"UPDATE dataset_json SET json = '[]' WHERE dataset_id = {one}")
    run = app.test_cli_runner().invoke
    told = run(args=["dataset", "verify"])
    assert told.exit_code == 1
    assert "SQL shows it otherwise" in told.output
    assert run(args=["dataset", "reindex"]).exit_code == 0
    assert sql(KEPT) == kept
    assert run(args=["dataset", "verify"]).exit_code == 0


def test_reindex_keeps_what_is_not_kept(sql, app):
    kept = sql(KEPT)
    sql("DELETE FROM dataset_json")
    run = app.test_cli_runner().invoke
    assert run(args=["dataset", "verify"]).exit_code == 0
    assert run(args=["dataset", "reindex"]).exit_code == 0
    assert sql(KEPT) == kept


def test_an_upgrade_keeps_what_registering_would(sql, app):
    kept = sql(KEPT)
    for step in (("stamp", "head"), ("downgrade", "0021"), ("upgrade",)):
        done = app.test_cli_runner().invoke(args=["db", *step])
        assert done.exit_code == 0, done.output
    assert sql(KEPT) == kept


def test_a_copy_keeps_it_too(sql, app, tmp_path):
    url = f"sqlite:///{tmp_path}/copy.db"
    done = app.test_cli_runner().invoke(args=["database", "copy-to", url])
    assert done.exit_code == 0, done.output
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sa.text(KEPT)).all() == sql(KEPT)
    engine.dispose()
