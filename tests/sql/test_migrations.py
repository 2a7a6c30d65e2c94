"""The migrations make what the models say, from nothing and from 0.18, and back."""

import re
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.engines import MARIADB
from dtool_lookup_server.plugins import analysis, term_sets
from dtool_lookup_server.plugins.sql import fts5
from dtool_lookup_server.services import indexing, verifying
from dtool_lookup_server.sql_models import BaseURI, utc_now
from tests.conftest import add_corpus, add_people, register_together
from tests.corpus import DATASETS, EVERYTHING, dataset_info
from tests.databases import listening

#: The last revision with a FULLTEXT index on MariaDB.
FULLTEXT = "0016"
#: The last revision with terms that say what field they are in.
LABELS = "0022"

#: The tables of 0.18, as its models have them.
OLD = sa.MetaData()
USER = sa.Table(
    "user",
    OLD,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("username", sa.String(64), index=True, unique=True),
    sa.Column("is_admin", sa.Boolean, nullable=False),
)
BASE_URI = sa.Table(
    "base_uri",
    OLD,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("base_uri", sa.String(255), index=True, unique=True),
)
SEARCH, REGISTER = (
    sa.Table(
        name,
        OLD,
        sa.Column("user_id", sa.ForeignKey("user.id"), primary_key=True),
        sa.Column("base_uri_id", sa.ForeignKey("base_uri.id"), primary_key=True),
    )
    for name in ("search_permissions", "register_permissions")
)
DATASET = sa.Table(
    "dataset",
    OLD,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("base_uri_id", sa.ForeignKey("base_uri.id"), nullable=False),
    sa.Column("uri", sa.String(255), index=True, unique=True, nullable=False),
    sa.Column("uuid", sa.String(36), index=True, nullable=False),
    sa.Column("name", sa.String(80), index=True, nullable=False),
    sa.Column("creator_username", sa.String(255), index=True, nullable=False),
    sa.Column("frozen_at", sa.DateTime, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("number_of_items", sa.Integer),
    sa.Column("size_in_bytes", sa.BigInteger),
)
VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32))
)

#: A statement that makes an index of one of them.
INDEX_OF_0_18 = re.compile(
    r'\s*CREATE (UNIQUE )?INDEX .* ON "?(user|base_uri|dataset)"? ', re.DOTALL
)

#: Rows of each table of 0.18, the longest that it took among them.
ROWS = {
    USER: [(1, "snow-white", True), (2, "grumpy", False), (3, "ü" * 64, False)],
    BASE_URI: [(1, "s3://one"), (2, "s3://".ljust(255, "y"))],
    SEARCH: [(2, 1), (3, 1), (2, 2)],
    REGISTER: [(2, 1)],
    DATASET: [
        (
            number,
            1 + number % 2,
            f"s3://one/{number}".ljust(255, "z"),
            f"{number:036}",
            "ä" * 80,
            f"creator{number % 3}",
            datetime(2017, 7, 14, 2, 40, 1),
            datetime(1, 1, 1),
            None if number % 5 else 2**31 - 1,
            None if number % 7 else 2**63 - 1,
        )
        for number in range(1, 100)
    ],
}


@pytest.fixture
def app(config):
    """An app on a database without tables."""
    app = create_app(config)
    with app.app_context():
        yield app
        sql_db.session.remove()
        sql_db.engine.dispose()


@pytest.fixture
def db(app, runner):
    """Run a command of `db`: db("upgrade")."""

    def run(*arguments):
        result = runner.invoke(args=["db", *arguments])
        assert result.exit_code == 0, result.output
        sql_db.session.remove()

    return run


@pytest.fixture
def old(app):
    """A database of 0.18 with data."""
    OLD.create_all(sql_db.engine)
    with sql_db.engine.begin() as connection:
        for table, rows in ROWS.items():
            names = table.columns.keys()
            values = [dict(zip(names, row, strict=True)) for row in rows]
            connection.execute(table.insert(), values)


def rows_of(table):
    with sql_db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table))]


def described():
    """Return what is in the database: columns with types, indexes, foreign keys."""
    inspector = sa.inspect(sql_db.engine)
    tables = set(inspector.get_table_names()) - {"alembic_version"}
    found = {}
    for table in tables:
        if table.startswith("dataset_text_"):
            continue  # FTS5 has these for itself
        columns = {
            column["name"]: (
                repr(column["type"]),
                getattr(column["type"], "collation", None),
                column["nullable"],
            )
            for column in inspector.get_columns(table)
        }
        indexes = sorted(
            (index["name"], bool(index["unique"]), tuple(index["column_names"]))
            for index in inspector.get_indexes(table)
        )
        keys = sorted(
            (key["constrained_columns"], key["referred_table"], key["options"])
            for key in inspector.get_foreign_keys(table)
        )
        primary = inspector.get_pk_constraint(table)["constrained_columns"]
        found[table] = (columns, indexes, keys, primary)
    return found


def drop_everything():
    sql_db.drop_all()
    with sql_db.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))


def test_the_migrations_make_what_the_models_say(app, db):
    db("upgrade")
    db("check")
    made = described()
    drop_everything()
    sql_db.create_all()
    assert made == described()


@pytest.mark.parametrize("tables", ["none", "of a version that revoked no tokens"])
def test_who_has_not_upgraded_is_told_what_to_do(app, db, headers, tables):
    if tables != "none":
        db("upgrade", "0005")
    response = app.test_client().get("/base-uris", headers=headers("snow-white"))
    assert response.status_code == 503
    assert "run `flask db upgrade`" in response.json["message"]


def test_an_upgraded_database_is_as_a_new_one(app, db, old):
    db("upgrade")
    db("check")
    upgraded = described()
    drop_everything()
    db("upgrade")
    assert upgraded == described()


def test_down_and_up_again(app, db):
    db("upgrade")
    made = described()
    db("downgrade", "base")
    assert described() == {}
    db("upgrade")
    assert described() == made


@pytest.mark.parametrize("revision", [None, "3f1c7a9be0d2"])
def test_all_rows_of_0_18_are_there_after_an_upgrade(app, db, old, revision):
    if revision:
        VERSION.create(sql_db.engine)
        with sql_db.engine.begin() as connection:
            connection.execute(VERSION.insert().values(version_num=revision))
    db("upgrade")
    for table, rows in ROWS.items():
        assert sorted(rows_of(table)) == sorted(rows)


def test_all_rows_are_there_after_going_back_to_0_18(app, db, old):
    before = described()
    db("upgrade")
    db("downgrade", "0001")
    for table, rows in ROWS.items():
        assert sorted(rows_of(table)) == sorted(rows)
    assert described().keys() == before.keys()


def in_whole_seconds(row):
    """Return a row as 0.18 kept it in MariaDB."""
    return tuple(
        value.replace(microsecond=0) if isinstance(value, datetime) else value
        for value in row
    )


def test_what_tables_hold_stays_on_the_way_down_and_up(app, db, headers, grumpy):
    db("upgrade")
    add_people(app)
    add_corpus(app, headers("librarian"))
    kept = {table: sorted(rows_of(table)) for table in ROWS}
    if sql_db.engine.dialect.name in MARIADB:
        kept[DATASET] = sorted(map(in_whole_seconds, kept[DATASET]))
    db("downgrade", "0001")
    db("upgrade")
    assert {table: sorted(rows_of(table)) for table in ROWS} == kept
    listed = app.test_client().get("/dataset/list?page_size=100", headers=grumpy).json
    assert len(listed) == len(EVERYTHING)
    info = DATASETS[0]
    answer = app.test_client().post(
        "/dataset/register", json=info, headers=headers("librarian")
    )
    assert answer.status_code == 201


def test_a_step_that_was_interrupted_is_run_again(app, db, old):
    db("upgrade")
    made = described()
    db("stamp", "0001")
    db("upgrade", "0002")
    db("stamp", "head")
    assert described() == made
    for table, rows in ROWS.items():
        assert sorted(rows_of(table)) == sorted(rows)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_who_registers_never_waits_for_an_index_of_postgresql(app, db, old):
    statements = []

    def listen(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    # Migrations have an engine of their own.
    with listening(sa.Engine, "before_cursor_execute", listen):
        db("upgrade")
    made = [text for text in statements if INDEX_OF_0_18.match(text)]
    assert made
    assert [text for text in made if "CONCURRENTLY" not in text] == []


def test_a_database_that_was_migrated_serves(app, db, headers, grumpy):
    db("upgrade")
    add_people(app)
    add_corpus(app, headers("librarian"))
    found = app.test_client().post(
        "/dataset/search", json={"free_text": "apples"}, headers=grumpy
    )
    names = [row["name"] for row in found.json]
    assert sorted(names) == ["apple-harvest", "apple-harvest", "market-basket"]
    assert len(rows_of(DATASET)) == len(DATASETS)


def test_a_base_uri_from_before_has_a_time_too(app, db):
    db("upgrade", "0023")
    with sql_db.engine.begin() as connection:
        connection.execute(BASE_URI.insert().values(id=1, base_uri="s3://before"))
    db("upgrade")
    [(registered_at,)] = sql_db.session.execute(sa.select(BaseURI.registered_at))
    assert abs(utc_now() - registered_at) < timedelta(minutes=5)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_datasets_stay_kept_as_json_when_base_uris_get_a_time(app, db, headers):
    def number():
        return sql_db.session.scalar(sa.text("SELECT count(*) FROM dataset_json"))

    db("upgrade")
    add_people(app)
    add_corpus(app, headers("librarian"))
    before = number()
    assert before
    sql_db.session.remove()
    db("downgrade", "0023")
    with sql_db.engine.begin() as connection:
        # As it was at this step.
        connection.execute(sa.text("DROP TRIGGER dataset_json_moved"))
        connection.execute(
            sa.text(
                "CREATE TRIGGER dataset_json_moved AFTER UPDATE ON base_uri"
                " BEGIN DELETE FROM dataset_json; END"
            )
        )
    db("upgrade")
    assert number() == before


# Words and identifiers that are just short enough for a term, for a term with one label
# or another, or too long for each.
LONG = " ".join("x" * n + f" {n}.{'y' * (n - 4)}" for n in range(62, 84))


@pytest.mark.parametrize("revision", [FULLTEXT, LABELS])
def test_terms_survive_going_back_and_forth(app, db, headers, grumpy, revision):
    def found(free_text):
        asked = {"json": {"free_text": free_text}, "headers": grumpy}
        return app.test_client().post("/dataset/search", **asked).json

    queries = ['"apple harvest" -nothing', "name:harvest", "readme:x* uri:snow*"]
    db("upgrade")
    add_people(app)
    add_corpus(app, headers("librarian"))
    long = dataset_info("long", readme=LONG, tags=["appled"], annotations={"a": "runs"})
    register_together([long])
    before = [found(free_text) for free_text in queries]
    assert all(before)
    sql_db.session.remove()  # MariaDB waits for who may still look at the tables
    db("downgrade", revision)
    db("upgrade")
    assert [found(free_text) for free_text in queries] == before
    assert {outcome.kind for outcome in verifying.verify()} == {indexing.UNCHANGED}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_index_of_before_unites_its_segments_as_a_new_one(app, db):
    def settings():
        return dict(sql_db.session.execute(sa.text(kept)).all())

    kept = f"SELECT k, v FROM {fts5.TABLE}_config"
    db("upgrade")
    of_new = settings()
    assert (of_new["crisismerge"], of_new["usermerge"]) == (5, 2)
    sql_db.session.remove()
    db("downgrade", "0024")
    assert settings() != of_new
    sql_db.session.remove()
    db("upgrade")
    assert settings() == of_new


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_items_in_rows_of_their_own_survive_going_back(
    app, db, headers, grumpy, monkeypatch
):
    monkeypatch.setattr(analysis, "_FEW_PATHS", 4)
    monkeypatch.setattr(term_sets, "TEXT_LENGTH", 100)
    items = [f"run_{n}/WT-{n}_rep{n % 2}.fastq.gz" for n in range(40)]
    info = dataset_info("large", items=items)

    def found(free_text):
        asked = {"json": {"free_text": free_text}, "headers": grumpy}
        answer = app.test_client().post("/dataset/search", **asked)
        return [row["name"] for row in answer.json]

    def rows(table):
        return sql_db.session.scalar(sa.text(f"SELECT count(*) FROM {table}"))

    db("upgrade")
    add_people(app)
    sent = {"json": info, "headers": headers("librarian")}
    assert app.test_client().post("/dataset/register", **sent).status_code == 201
    assert rows(fts5.MORE) > 10
    sql_db.session.remove()
    db("downgrade", "0020")
    assert rows(f"{fts5.TABLE} WHERE items LIKE '% wt__39 %'") == 1
    sql_db.session.remove()
    db("upgrade")
    assert rows(fts5.MORE) == 0
    assert found('"WT-7" "WT-39"') == ["large"]
    assert {outcome.kind for outcome in verifying.verify()} == {indexing.UNCHANGED}
    sql_db.session.execute(sa.text("DELETE FROM dataset"))
    assert rows(fts5.TABLE) == 0
