"""What docs/howto/databases.rst says of servers: backups, a pooler, a replica."""

import functools
import subprocess
import time

import pytest
import requests
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.engines import with_driver
from tests.conftest import (
    add_corpus,
    add_people,
    make_config,
    open_app,
    register_people,
)
from tests.corpus import EVERYTHING, dataset_info
from tests.databases import SERVERS, connected, empty_database
from tests.private_servers import (
    PgBouncer,
    PrivatePostgreSQL,
    PrivateStandby,
    program,
    running,
)
from tests.sql.test_concurrency import every, serving
from tests.sql.test_copy import answers


def run(*command, **options):
    subprocess.run([*map(str, command)], check=True, **options)


def restore_sqlite(source, target, _folder):
    run(program("sqlite3"), source.database, f".backup '{target.database}'")


def restore_postgresql(source, target, folder):
    plain = {url: url.set(drivername="postgresql") for url in (source, target)}
    dump = folder / "lookup.dump"
    run("pg_dump", "--format=custom", f"--file={dump}", plain[source])
    run(
        "pg_restore", "--no-owner", "--exit-on-error", f"--dbname={plain[target]}", dump
    )


def restore_mariadb(source, target, folder):
    def options(url):
        password = [f"--password={url.password}"] if url.password else []
        return [
            *(f"--host={url.host}", f"--port={url.port or 3306}"),
            *(f"--user={url.username}", *password, url.database),
        ]

    with (folder / "lookup.sql").open("w+b") as dump:
        run("mariadb-dump", "--single-transaction", *options(source), stdout=dump)
        dump.seek(0)
        run("mariadb", *options(target), stdin=dump)


RESTORES = {
    "sqlite": restore_sqlite,
    "postgresql": restore_postgresql,
    "mariadb": restore_mariadb,
}


@pytest.mark.parametrize("kind", ["sqlite", *SERVERS])
def test_a_backup_is_restored_whole(kind, tmp_path, keys, headers):
    (tmp_path / "target").mkdir()
    with (
        empty_database(kind, tmp_path) as source,
        empty_database(kind, tmp_path / "target") as target,
        open_app(make_config(tmp_path, keys, source)) as original,
    ):
        add_people(original)
        add_corpus(original, headers("librarian"))
        RESTORES[kind](with_driver(source), with_driver(target), tmp_path)
        restored = create_app(make_config(tmp_path, keys, target))
        try:
            assert answers(restored, headers) == answers(original, headers)
            again = restored.test_client().post(
                "/dataset/register", json=dataset_info(), headers=headers("grumpy")
            )
            assert again.status_code == 201
        finally:
            with restored.app_context():
                sql_db.session.remove()
                sql_db.engine.dispose()


# What docs/howto/databases.rst gives a user.
RIGHTS = {
    "postgresql": [
        "CREATE ROLE {user} LOGIN PASSWORD 'secret'",
        "ALTER DATABASE {database} OWNER TO {user}",
    ],
    "mariadb": [
        "CREATE USER {user}@'%' IDENTIFIED BY 'secret'",
        "GRANT ALL ON {database}.* TO {user}@'%'",
    ],
}


@pytest.mark.parametrize("kind", SERVERS)
def test_the_user_needs_no_right_beyond_its_database(kind, tmp_path, keys, grumpy):
    with empty_database(kind, tmp_path) as url:
        database = sa.make_url(url)
        user = database.database
        with connected(url) as connection:
            for statement in RIGHTS[kind]:
                filled_in = statement.format(user=user, database=database.database)
                connection.execute(sa.text(filled_in))
        own = database.set(username=user, password="secret")
        config = make_config(tmp_path, keys, own.render_as_string(hide_password=False))
        app = create_app(config)
        try:
            done = app.test_cli_runner().invoke(args=["db", "upgrade"])
            assert done.exit_code == 0, done.output
            add_people(app)
            registered = app.test_client().post(
                "/dataset/register", json=dataset_info(), headers=grumpy
            )
            assert registered.status_code == 201
        finally:
            with app.app_context():
                sql_db.session.remove()
                sql_db.engine.dispose()
            forget_user(kind, url, user)


# What docs/howto/databases.rst gives a user who only serves.
RIGHTS_OF_SERVING = {
    "postgresql": [
        "CREATE ROLE {user} LOGIN PASSWORD 'secret'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}",
    ],
    "mariadb": [
        "CREATE USER {user}@'%' IDENTIFIED BY 'secret'",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON {database}.* TO {user}@'%'",
    ],
}


@pytest.mark.parametrize("kind", SERVERS)
def test_who_only_serves_needs_no_right_to_change_tables(
    kind, tmp_path, keys, headers, grumpy
):
    with empty_database(kind, tmp_path) as url:
        migrated = create_app(make_config(tmp_path, keys, url))
        done = migrated.test_cli_runner().invoke(args=["db", "upgrade"])
        assert done.exit_code == 0, done.output
        database = sa.make_url(url)
        user = f"{database.database}_serves"
        with connected(url) as connection:
            for statement in RIGHTS_OF_SERVING[kind]:
                filled_in = statement.format(user=user, database=database.database)
                connection.execute(sa.text(filled_in))
        own = database.set(username=user, password="secret")
        app = create_app(
            make_config(tmp_path, keys, own.render_as_string(hide_password=False))
        )
        try:
            # Not copied: that would take more rights.
            with app.app_context():
                register_people()
            add_corpus(app, headers("librarian"))
            client = app.test_client()
            found = client.get("/uris?free_text=apples", headers=grumpy).json
            assert len(found) == 3
            uri = f"/uris/{found[0]['uri']}"
            assert client.delete(uri, headers=headers("librarian")).status_code == 200
            index = app.test_cli_runner().invoke(args=["dataset", "reindex"])
            assert index.exit_code == 0, index.output
        finally:
            for each in (app, migrated):
                with each.app_context():
                    sql_db.session.remove()
                    sql_db.engine.dispose()
            forget_user(kind, url, user)


def forget_user(kind, url, user):
    """Remove a user, whose objects the administrator takes."""
    with connected(url) as connection:
        if kind == "postgresql":
            connection.execute(sa.text(f"REASSIGN OWNED BY {user} TO CURRENT_USER"))
            connection.execute(sa.text(f"DROP OWNED BY {user}"))
            connection.execute(sa.text(f"DROP ROLE {user}"))
        else:
            connection.execute(sa.text(f"DROP USER {user}@'%'"))


@pytest.fixture(scope="module")
def primary():
    """A PostgreSQL server of the module's own."""
    with running(PrivatePostgreSQL) as server:
        yield server


@pytest.fixture
def filled(primary, tmp_path, keys, headers):
    """Make the tables in the server's database, and give the URL."""
    url = primary.url.format(port=primary.port)
    with open_app(make_config(tmp_path, keys, url)) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        yield url
        with app.app_context():
            sql_db.session.remove()
            sql_db.drop_all()


def test_a_pooler_may_give_each_transaction_another_connection(
    primary, filled, tmp_path, keys, headers
):
    grumpy = headers("grumpy")
    with running(functools.partial(PgBouncer, primary=primary)) as pooler:
        config = make_config(tmp_path, keys, pooler.url.format(port=pooler.port))
        with serving(config, workers=3) as server:
            statuses = {
                requests.post(
                    f"{server}/dataset/register",
                    json=dataset_info(f"pooled-{number % 20}"),
                    headers=grumpy,
                    timeout=60,
                ).status_code
                for number in range(40)
            }
            found = list(every(server, "/dataset/search", grumpy, "apple"))
            rows = list(every(server, "/dataset/search", grumpy))
    assert statuses == {201}
    assert len(found) == 3
    assert len([row for row in rows if row["name"].startswith("pooled")]) == 20


@pytest.fixture
def replica(primary, filled):
    """The URL of a replica that has what the primary server has."""
    with running(functools.partial(PrivateStandby, primary=primary)) as server:
        yield server.url.format(port=server.port)


def test_a_replica_answers_and_takes_nothing(filled, replica, tmp_path, keys, headers):
    grumpy = headers("grumpy")
    app = create_app(make_config(tmp_path, keys, replica))
    client = app.test_client()
    try:
        assert client.get("/config/health").status_code == 200
        info = dataset_info()
        refused = client.post("/dataset/register", json=info, headers=grumpy)
        assert (refused.status_code, refused.json["code"]) == (503, 503)
        with connected(with_driver(filled)) as connection:
            connection.execute(sa.text("UPDATE dataset SET name = 'replicated'"))
        deadline = time.monotonic() + 60
        names = set()
        while names != {"replicated"}:
            assert time.monotonic() < deadline
            rows = client.get("/dataset/list?page_size=100", headers=grumpy).json
            names = {row["name"] for row in rows}
        assert len(rows) == len(EVERYTHING)
    finally:
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()
