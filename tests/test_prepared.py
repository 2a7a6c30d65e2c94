"""Statements that go to the driver as they are find what SQLAlchemy's would."""

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

import pytest
from sqlalchemy import (
    Integer,
    bindparam,
    column,
    delete,
    event,
    insert,
    make_url,
    select,
    table,
    update,
)
from sqlalchemy.exc import DBAPIError, IntegrityError

from dtool_lookup_server import prepared, sql_db
from dtool_lookup_server.prepared import (
    Prepared,
    PreparedInsert,
    RememberedSelect,
    as_list,
    listed,
    size_for,
)
from dtool_lookup_server.services import users
from dtool_lookup_server.sql_models import BaseURI, User
from tests.conftest import make_config, open_app
from tests.databases import KIND, listening

USERS = User.__table__
BY_NAME = Prepared(
    select(USERS.c.is_admin, USERS.c.tokens_valid_from).where(
        USERS.c.username == bindparam("username")
    )
)
REMEMBERED = RememberedSelect(
    select(USERS.c.is_admin).where(USERS.c.username == bindparam("username"))
)
_ON_SQLITE = pytest.mark.skipif(
    KIND != "sqlite", reason="drivers begin a transaction themselves"
)
MOMENT = datetime(2020, 2, 2, 2, 2, 2, 222222)


@pytest.fixture
def session(app):
    """A session with a user in it who is not flushed."""
    with app.app_context():
        sql_db.session.add(
            User(username="doc", is_admin=True, tokens_valid_from=MOMENT)
        )
        yield sql_db.session


def test_values_have_the_types_of_their_columns(session):
    assert BY_NAME.all({"username": "doc"}) == [(True, MOMENT)]


@pytest.mark.parametrize("number", [1, 3, 4, 23, 250, 337])
def test_rows_are_inserted_in_their_order_whatever_their_number(session, number):
    places = BaseURI.__table__
    adding = insert(places).values(base_uri=bindparam("base_uri")).inline()
    names = [f"s3://bucket-{place}" for place in range(number)]
    PreparedInsert(adding).run([{"base_uri": name} for name in names])
    inserted = select(places.c.base_uri).order_by(places.c.id)
    assert session.scalars(inserted).all() == names


@pytest.mark.skipif(KIND != "sqlite", reason="others have executemany")
def test_many_rows_are_few_statements_of_sqlite(session):
    sent = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        sent.append(statement)

    adding = insert(BaseURI.__table__).values(base_uri=bindparam("base_uri")).inline()
    rows = [{"base_uri": f"s3://bucket-{place}"} for place in range(250)]
    session.flush()
    with listening(sql_db.engine, "before_cursor_execute", note):
        PreparedInsert(adding).run(rows)
    assert len(sent) == 1


def test_nobody_is_found(session):
    assert BY_NAME.first({"username": "nobody"}) is None
    assert BY_NAME.scalar({"username": "nobody"}) is None


def test_parameters_are_made_fit_for_the_database(session):
    assert BY_NAME.all({"username": "doc\0"}) == []


@pytest.mark.parametrize("number", [1, 2, 11, 101, 1001])
def test_lists_of_any_length(session, number):
    names = [f"dwarf-{place}" for place in range(number)]
    session.execute(insert(BaseURI), [{"base_uri": name} for name in names])
    column = BaseURI.__table__.c.base_uri
    found = Prepared(
        select(column).where(column.in_(listed("name", size_for(names), column.type)))
    ).all(as_list("name", names, ""))
    assert sorted(found) == sorted((name,) for name in names)


def test_an_empty_list_finds_nothing(session):
    column = USERS.c.username
    statement = select(column).where(column.in_(listed("name", 1, column.type)))
    assert Prepared(statement).all(as_list("name", [], "")) == []


def test_many_rows_are_written(session):
    adding = Prepared(insert(USERS).values(username=bindparam("name"), is_admin=False))
    adding.run([])
    adding.run([{"name": "happy"}])
    adding.run([{"name": "dopey"}, {"name": "bashful"}])
    names = ("happy", "dopey", "bashful")
    session.execute(delete(USERS).where(USERS.c.username == "happy"))
    found = session.scalars(select(User.username).where(User.username.in_(names)))
    assert sorted(found) == ["bashful", "dopey"]


def test_what_only_reads_sees_what_others_have_committed_meanwhile(app):
    with app.app_context():
        assert BY_NAME.all({"username": "doc"}) == []
        with sql_db.engine.begin() as another:
            another.execute(insert(USERS).values(username="doc", is_admin=True))
        assert BY_NAME.scalar({"username": "doc"}) is True


@_ON_SQLITE
def test_what_only_reads_opens_no_session(app):
    with app.app_context():
        BY_NAME.all({"username": "doc"})
        assert not sql_db.session.registry.has()


@pytest.mark.skipif(KIND == "sqlite", reason="is read on connections of threads")
def test_the_connection_goes_back_with_the_context(app):
    with app.app_context():
        BY_NAME.all({"username": "doc"})
        pool = sql_db.engine.pool
        assert pool.checkedout() == 1
    assert pool.checkedout() == 0


def _connection(app):
    """Return the connection of the driver that this thread reads with."""
    with app.app_context():
        BY_NAME.all({"username": "doc"})
        return prepared._reading_connection().connection.dbapi_connection


@_ON_SQLITE
def test_a_thread_reads_on_one_connection_that_is_its_own(app):
    assert _connection(app) is _connection(app)
    with app.app_context():
        assert sql_db.engine.pool.checkedout() == 0
    # More of them than a pool has connections.
    barrier = threading.Barrier(40)

    def read(_number):
        barrier.wait()
        return id(_connection(app))

    with ThreadPoolExecutor(40) as threads:
        assert len({*threads.map(read, range(40)), id(_connection(app))}) == 41


@_ON_SQLITE
def test_a_thread_that_ends_leaves_no_connection_open(app):
    with ThreadPoolExecutor(1) as thread:
        left = thread.submit(_connection, app).result()
    with pytest.raises(sqlite3.ProgrammingError):
        left.execute("SELECT 1")


@_ON_SQLITE
def test_what_was_read_is_locked_for_nobody(app):
    with app.app_context():
        BY_NAME.all({"username": "doc"})
        with sql_db.engine.connect() as another:
            done = another.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    assert done[0] == 0, "somebody still reads"


@_ON_SQLITE
def test_an_engine_that_was_disposed_of_is_read_anew(app):
    before = _connection(app)
    with app.app_context():
        sql_db.engine.dispose()
    assert _connection(app) is not before
    with pytest.raises(sqlite3.ProgrammingError):
        before.execute("SELECT 1")


@_ON_SQLITE
# Python 3.12 warns of what other threads may hold, which is not used here.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_reads_on_a_connection_of_its_own(app):
    before = _connection(app)
    child = os.fork()
    if not child:
        # Whatever happens, the child is not to go on with the tests.
        with suppress(BaseException):
            os._exit(_connection(app) is before)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert _connection(app) is before


@_ON_SQLITE
def test_each_application_reads_its_own_database(app, keys, tmp_path):
    config = make_config(tmp_path, keys, f"sqlite:///{tmp_path / 'other.db'}")
    with open_app(config) as other, other.app_context():
        users.register([{"username": "doc"}])
        assert BY_NAME.all({"username": "doc"}) == [(False, None)]
        with app.app_context():
            assert BY_NAME.all({"username": "doc"}) == []
        assert BY_NAME.all({"username": "doc"}) == [(False, None)]


def test_a_database_in_memory_is_read_within_its_transaction(keys, tmp_path):
    with open_app(make_config(tmp_path, keys, "sqlite://")) as app, app.app_context():
        sql_db.session.add(User(username="doc"))
        sql_db.session.flush()
        assert BY_NAME.scalar({"username": "doc"}) is False
        sql_db.session.rollback()
        assert BY_NAME.all({"username": "doc"}) == []


def test_errors_are_those_of_sqlalchemy(session):
    session.rollback()
    adding = Prepared(insert(USERS).values(username=bindparam("name"), is_admin=False))
    with pytest.raises(IntegrityError) as caught:
        adding.run([{"name": "a-secret"}, {"name": "a-secret"}])
    # A server's own words may repeat the key.
    assert "a-secret" not in str(caught.value).replace(str(caught.value.orig), "")
    session.rollback()
    nowhere = table("nowhere", column("number", Integer))
    with pytest.raises(DBAPIError):
        Prepared(select(nowhere.c.number)).all({})


def test_a_listener_may_change_the_statement(session):
    def nobody(_connection, _cursor, statement, _parameters, _context, _many):
        return statement, ("nobody",) if by_place else {"username": "nobody"}

    session.flush()
    engine = sql_db.engine
    by_place = engine.dialect.positional
    event.listen(engine, "before_cursor_execute", nobody, retval=True)
    try:
        assert BY_NAME.all({"username": "doc"}) == []
    finally:
        event.remove(engine, "before_cursor_execute", nobody)
    assert BY_NAME.all({"username": "doc"}) == [(True, MOMENT)]


@pytest.fixture
def asked(app):
    """The statements that the database was asked."""
    statements = []

    def note(*arguments):
        statements.append(arguments[2])

    with (
        app.app_context(),
        listening(sql_db.engine, "before_cursor_execute", note),
    ):
        yield statements


@_ON_SQLITE
def test_what_is_remembered_is_asked_once(asked):
    for name in ("doc", "happy", "doc", "happy"):
        assert REMEMBERED.all({"username": name}) == []
    assert len(asked) == 2


@_ON_SQLITE
def test_not_more_is_remembered_than_a_thread_has_room_for(asked, monkeypatch):
    monkeypatch.setattr(prepared._Memory, "_MOST_ROWS", 2)
    for name in ("doc", "happy", "sleepy", "sleepy", "doc"):
        assert REMEMBERED.all({"username": name}) == []
    assert len(asked) == 4


def write_doc():
    """Register doc, as another does."""
    with sql_db.engine.begin() as another:
        another.execute(insert(USERS).values(username="doc", is_admin=True))


def test_nothing_is_remembered_beyond_the_next_commit(app):
    with app.app_context():
        assert REMEMBERED.all({"username": "doc"}) == []
        write_doc()
        assert REMEMBERED.all({"username": "doc"}) == [(True,)]
        sql_db.session.execute(update(USERS).values(is_admin=False))
        assert REMEMBERED.all({"username": "doc"}) == [(False,)]
        sql_db.session.rollback()
        assert REMEMBERED.all({"username": "doc"}) == [(True,)]


@_ON_SQLITE
def test_another_process_may_have_written(app):
    path = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).database
    with app.app_context():
        assert REMEMBERED.all({"username": "doc"}) == []
        write = "INSERT INTO user (username, is_admin) VALUES ('doc', 1)"
        script = f"import sqlite3; sqlite3.connect({path!r}).executescript({write!r})"
        subprocess.run([sys.executable, "-c", script], check=True)
        assert REMEMBERED.all({"username": "doc"}) == [(True,)]


@_ON_SQLITE
def test_what_is_held_is_as_it_was_when_first_asked_for(app):
    def ask():
        return REMEMBERED.all({"username": "doc"})

    with app.app_context():
        assert ask() == []
        prepared.hold(True)
        write_doc()
        assert ask() == [(True,)]
        with sql_db.engine.begin() as another:
            another.execute(delete(USERS))
        assert ask() == [(True,)]
        prepared.hold(False)
        assert ask() == []


def test_what_is_remembered_can_be_changed_by_nobody(app):
    with app.app_context():
        REMEMBERED.all({"username": "doc"}).append("changed")
        assert REMEMBERED.all({"username": "doc"}) == []
