"""No request waits forever for a database: the answer is 503 instead."""

import sqlite3
import threading

import pytest
import sqlalchemy as sa

from dtool_lookup_server import engines, sql_db
from dtool_lookup_server.engines import without_time_limit
from tests.conftest import add_people, make_config, open_app
from tests.corpus import dataset_info
from tests.databases import SERVERS, connected, empty_database


def end_connections(url):
    """End the connections to a database that nobody uses at the moment."""
    name = sa.make_url(url).database
    with connected(url) as connection:
        if connection.dialect.name == "postgresql":
            ending = (
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = :name AND pid <> pg_backend_pid()"
            )
            assert connection.execute(sa.text(ending), {"name": name}).all()
            return
        listed = (
            "SELECT id FROM information_schema.processlist"
            " WHERE db = :name AND id <> connection_id()"
        )
        ids = connection.scalars(sa.text(listed), {"name": name}).all()
        assert ids
        for id_ in ids:
            connection.execute(sa.text(f"KILL {id_}"))


@pytest.fixture(params=SERVERS)
def database_url(request, tmp_path):
    """URL of an empty database on each server."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@pytest.fixture
def app(config):
    """An app that waits for a second, and has two connections."""
    limits = dict.fromkeys(
        (
            "SQL_TIMEOUT",
            "SQL_STATEMENT_TIMEOUT",
            "SQL_CONNECT_TIMEOUT",
            "SQL_POOL_SIZE",
        ),
        1,
    )
    with open_app(config | limits) as app:
        add_people(app)
        with app.app_context():
            sql_db.session.remove()
            yield app


def test_where_every_connection_stays_in_use_the_answer_is_503(app, grumpy):
    with sql_db.engine.connect(), sql_db.engine.connect():
        response = app.test_client().get("/dataset/list", headers=grumpy)
    assert (response.status_code, response.json["code"]) == (503, 503)
    assert app.test_client().get("/dataset/list", headers=grumpy).status_code == 200


def test_where_a_row_stays_locked_the_answer_is_503(app, grumpy):
    client = app.test_client()
    info = dataset_info()
    assert (
        client.post("/dataset/register", json=info, headers=grumpy).status_code == 201
    )
    with sql_db.engine.connect() as other:
        other.execute(sa.text("UPDATE dataset SET name = 'locked'"))
        response = client.post("/dataset/register", json=info, headers=grumpy)
        other.rollback()
    assert response.status_code == 503
    assert (
        client.post("/dataset/register", json=info, headers=grumpy).status_code == 201
    )


#: What takes for ever.
SLOW = {
    "postgresql": "SELECT pg_sleep(900)",
    "mysql": "SELECT max(md5(seq)) FROM seq_1_to_1000000000",
    "mariadb": "SELECT max(md5(seq)) FROM seq_1_to_1000000000",
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT count(*) FROM n",
}


def test_a_sqlite_database_that_is_locked_while_it_is_opened_is_waited_for(tmp_path):
    path = tmp_path / "lookup.db"
    # Who wants to write ahead, in a database where that was not done before, is refused
    # by SQLite at once while somebody else writes.
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE held (id INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.5, other.execute, ["COMMIT"]).start()
    engine = sa.create_engine(f"sqlite:///{path}")
    engines.set_up(engine, {"SQL_TIMEOUT": 30, "SQL_STATEMENT_TIMEOUT": 30})
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
    other.close()


def test_a_statement_that_takes_too_long_is_ended(app):
    slow = sa.text(SLOW[sql_db.engine.dialect.name])
    with sql_db.engine.connect() as connection, pytest.raises(sa.exc.OperationalError):
        connection.execute(slow)


def test_a_migration_takes_as_long_as_it_needs(app):
    sleep = {"postgresql": "SELECT pg_sleep(3)"}.get(
        sql_db.engine.dialect.name, "SELECT SLEEP(3)"
    )
    with (
        without_time_limit(sql_db.engine, app.config) as engine,
        engine.connect() as connection,
    ):
        # MariaDB tells of a sleep that was cut short with 1.
        assert not connection.execute(sa.text(sleep)).scalar()


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_request_that_takes_too_long_is_ended(kind, tmp_path, keys, grumpy):
    def be_slow():
        sql_db.session.execute(sa.text(SLOW[sql_db.engine.dialect.name]))
        return "never"

    with empty_database(kind, tmp_path) as url:
        config = make_config(tmp_path, keys, url) | {"REQUEST_TIMEOUT": 2}
        with open_app(config) as app:
            add_people(app)
            app.add_url_rule("/slow", "slow", be_slow)
            client = app.test_client()
            response = client.get("/slow")
            assert response.status_code == 503
            assert "may take (2 seconds)" in response.json["message"]
            # The connection is as good as ever.
            app.config["REQUEST_TIMEOUT"] = 60
            for path in ("/dataset/list", "/uris"):
                assert client.get(path, headers=grumpy).status_code == 200


# A connection that was idle may have lost its server.


@pytest.fixture
def asked(database_url, tmp_path, keys, grumpy, monkeypatch):
    """Ask for a list; return how often a connection was asked for its server."""
    config = make_config(tmp_path, keys, database_url)
    with open_app(config) as app:
        add_people(app)
        client, pings = app.test_client(), []
        with app.app_context():
            dialect = sql_db.engine.dialect
        ping = dialect.do_ping

        def noted(connection):
            pings.append(1)
            return ping(connection)

        def ask():
            pings.clear()
            assert client.get("/dataset/list", headers=grumpy).status_code == 200
            return len(pings)

        monkeypatch.setattr(dialect, "do_ping", noted)
        ask()
        yield ask


def test_a_connection_in_use_just_before_is_taken_as_it_is(asked):
    assert asked() == 0


def test_a_connection_that_was_idle_is_asked_for_its_server(asked, monkeypatch):
    monkeypatch.setattr(engines, "_JUST_BEFORE", 0)
    assert asked() > 0


def test_an_idle_connection_without_a_server_is_replaced(
    asked, database_url, monkeypatch
):
    monkeypatch.setattr(engines, "_JUST_BEFORE", 0)
    end_connections(database_url)
    assert asked() > 0
