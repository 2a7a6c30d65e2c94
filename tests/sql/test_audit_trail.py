"""The audit trail on each database: nobody changes it, and nobody waits for it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.append_only import REFUSAL
from dtool_lookup_server.database import transactional
from dtool_lookup_server.services import audit, users
from dtool_lookup_server.services.audit import Action
from dtool_lookup_server.sql_models import audit_entry
from tests.conftest import add_people, make_config, open_app
from tests.corpus import dataset_info
from tests.databases import SERVERS, empty_database, listening

E = audit_entry.c


@pytest.fixture
def library(app):
    """An application context with people, of whom the trail tells."""
    add_people(app)
    with app.app_context():
        yield app
        sql_db.session.remove()


def number_of(*conditions):
    counted = sa.select(sa.func.count()).select_from(audit_entry).where(*conditions)
    number = sql_db.session.scalar(counted)
    sql_db.session.rollback()
    return number


def change(statement):
    with sql_db.engine.begin() as connection:
        connection.execute(statement)


def old_entry(days):
    row = {"action": "user.add", "source": "api", "subject": f"of {days}"}
    then = audit.utc_now() - timedelta(days=days)
    return sa.insert(audit_entry).values(happened_at=then, **row)


@pytest.fixture(params=["made new", "migrated"])
def guarded(request, config):
    """An application context with one old entry; the tables are made in each way."""
    app = create_app(config)
    with app.app_context():
        if request.param == "migrated":
            done = app.test_cli_runner().invoke(args=["db", "upgrade"])
            assert done.exit_code == 0, done.output
        else:
            sql_db.create_all()
        change(old_entry(400))
        yield app
        sql_db.session.remove()
        sql_db.engine.dispose()


def test_nobody_changes_an_entry(guarded):
    statements = [
        sa.update(audit_entry).values(username="somebody else"),
        sa.delete(audit_entry),
        sa.delete(audit_entry).where(E.subject == "of 400"),
    ]
    if sql_db.engine.dialect.name == "postgresql":
        statements.append(sa.text("TRUNCATE audit_entry"))
    else:
        statements.append(
            sa.text(
                "REPLACE INTO audit_entry (id, action, source, happened_at)"
                " SELECT id, 'user.add', 'api', happened_at FROM audit_entry"
            )
        )
    for statement in statements:
        with pytest.raises(sa.exc.DBAPIError, match=REFUSAL):
            change(statement)
    assert number_of(E.subject == "of 400", E.username.is_(None)) == 1


def test_only_what_is_said_to_be_pruned_can_be_deleted(guarded):
    change(old_entry(10))
    assert audit.prune(timedelta(days=365)) == 1
    assert number_of(E.action == Action.PRUNE.value) == 1
    for condition in (E.subject == "of 10", E.action == Action.PRUNE.value):
        with pytest.raises(sa.exc.DBAPIError, match=REFUSAL):
            change(sa.delete(audit_entry).where(condition))
    # A backup that comes back is pruned again.
    assert audit.prune(timedelta(days=5)) == 1
    assert number_of(E.subject.startswith("of ")) == 0


def test_more_is_pruned_than_goes_into_one_transaction(library, monkeypatch):
    monkeypatch.setattr(audit, "_PRUNED_AT_ONCE", 3)
    same = audit.utc_now() - timedelta(days=400)
    for entry in [*map(old_entry, range(380, 387)), *[old_entry(400)] * 2]:
        change(entry)
    change(
        sa.insert(audit_entry).values(
            [{"action": "user.add", "source": "api", "happened_at": same}] * 5
        )
    )
    assert audit.prune(timedelta(days=365)) == 14
    assert number_of(E.happened_at < audit.utc_now() - timedelta(days=365)) == 0


def test_a_transaction_that_fails_leaves_no_entry(library):
    @transactional
    def fail():
        users.register([{"username": "doc"}])
        raise ValueError("half way")

    before = number_of()
    with pytest.raises(ValueError, match="half way"):
        fail()
    assert number_of() == before
    assert users.find("doc") is None


def test_entries_of_one_transaction_are_few_statements(library):
    sent = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        if "INTO audit_entry" in statement:
            sent.append(statement)

    before = number_of()
    with listening(sql_db.engine, "before_cursor_execute", note):
        users.register([{"username": f"dwarf {number}"} for number in range(50)])
        users.register([{"username": "doc"}])
    assert len(sent) < 8
    assert number_of() == before + 51


def test_whoever_registers_at_once_leaves_one_entry_for_each(library, headers):
    grumpy, clients, rounds = headers("grumpy"), 6, 8

    def register(number):
        client = library.test_client()
        for turn in range(rounds):
            # Half of them are registered by all at once.
            name = f"shared-{turn}" if turn % 2 else f"{number}-{turn}"
            info = dataset_info(name, tags=[name])
            response = client.post("/dataset/register", json=info, headers=grumpy)
            assert response.status_code == 201

    sql_db.session.remove()
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(register, range(clients)))
    datasets = (clients + 1) * rounds // 2
    assert number_of(E.action == Action.REGISTER.value) == datasets
    assert number_of(E.base_uri.is_not(None), E.username == "grumpy") == (
        clients * rounds
    )


@pytest.mark.parametrize("kind", SERVERS)
def test_nobody_waits_for_anothers_entry(kind, tmp_path, keys):
    written, done = Event(), Event()

    @transactional
    def write_and_wait():
        audit.record(Action.ADD_USER, "slow")
        # As it is done before the commit.
        audit._write(sql_db.session())
        written.set()
        assert done.wait(60)

    def in_another_worker(app):
        with app.app_context():
            write_and_wait()

    with empty_database(kind, tmp_path) as url:
        config = make_config(tmp_path, keys, url) | {"SQL_TIMEOUT": 20}
        with open_app(config) as app, ThreadPoolExecutor(1) as pool:
            other = pool.submit(in_another_worker, app)
            assert written.wait(60)
            try:
                with app.app_context():
                    audit.write(Action.ADD_USER, "quick")
                    assert number_of(E.subject == "quick") == 1
                    assert number_of(E.subject == "slow") == 0
            finally:
                done.set()
            other.result()
            with app.app_context():
                assert number_of(E.subject == "slow") == 1
