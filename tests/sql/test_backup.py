"""`backup` and `restore`: all that SQL holds, from any kind of database into any."""

import hashlib
import json
import os
import pty
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime

import pytest
import sqlalchemy as sa

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.migrating import UNFINISHED, standing
from dtool_lookup_server.services import moving
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.corpus import DATASETS, dataset_info
from tests.databases import SERVERS, empty_database, listening
from tests.sql.test_copy import answers

#: Each kind is the one that is backed up, and the one that is filled.
WAYS = [("sqlite", "sqlite"), ("sqlite", "postgresql")]
WAYS += [("postgresql", "mariadb"), ("mariadb", "sqlite")]


@pytest.fixture
def database(tmp_path):
    """Give the URL of an empty database of a kind: database("postgresql")."""
    with ExitStack() as stack:

        def make(kind):
            folder = tmp_path / f"database-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return stack.enter_context(empty_database(kind, folder))

        yield make


@contextmanager
def closed(app):
    """Give an app, and leave its database in the end."""
    try:
        yield app
    finally:
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()


@pytest.fixture
def server(tmp_path, keys, database):
    """Make a server without tables, on a kind of database: server("mariadb")."""
    with ExitStack() as stack:

        def make(kind, home="target", url=None, **settings):
            (tmp_path / home).mkdir(exist_ok=True)
            config = make_config(tmp_path / home, keys, url or database(kind))
            return stack.enter_context(closed(create_app(config | settings)))

        yield make


@pytest.fixture
def filled(tmp_path, keys, headers, database):
    """Make a server with users and datasets: filled("postgresql")."""
    with ExitStack() as stack:

        def make(kind):
            (tmp_path / "source").mkdir()
            config = make_config(tmp_path / "source", keys, database(kind))
            app = stack.enter_context(open_app(config))
            run(app, "db", "stamp", "head")
            add_people(app)
            add_corpus(app, headers("librarian"))
            return app

        yield make


def run(app, *command, status=0):
    """Run a command, and return what it said on either output."""
    done = app.test_cli_runner().invoke(args=[*map(str, command)])
    assert done.exit_code == status, (done.output, done.exception)
    return done.output


def rows_of(app):
    """Return the rows of every table, by its name."""
    with app.app_context(), sql_db.engine.connect() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key.columns)
                )
            ]
            for table in sql_db.metadata.sorted_tables
        }


#: A value for a column of each type, where any will do.
VALUES = {
    int: 1,
    str: "x",
    bool: True,
    bytes: b"\0\xff",
    datetime: datetime(2026, 1, 2, 3, 4, 5, 678901),
}


def fill_empty_tables(app):
    """Put a row into every table that has none."""
    with app.app_context():
        for table in sql_db.metadata.sorted_tables:
            if sql_db.session.execute(sa.select(table)).first():
                continue
            row = {
                column.name: VALUES[column.type.python_type]
                for column in table.columns
                if not column.foreign_keys and column is not table.autoincrement_column
            } | {
                key.parent.name: sql_db.session.scalar(sa.select(key.column))
                for key in table.foreign_keys
            }
            sql_db.session.execute(table.insert().values(row))
        sql_db.session.commit()


@pytest.fixture
def table_of_a_plugin():
    """A table that only a plugin knows, with rows that may belong to nobody."""
    table = sa.Table(
        "of_a_plugin",
        sql_db.metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.ForeignKey("user.id")),
        sa.Column("note", sa.String(20)),
    )
    yield table
    sql_db.metadata.remove(table)


@pytest.mark.parametrize(("kind", "target_kind"), WAYS)
def test_everything_is_restored_into_any_kind(
    kind, target_kind, filled, server, tmp_path, headers, table_of_a_plugin
):
    source, target = filled(kind), server(target_kind)
    fill_empty_tables(source)
    with source.app_context():
        sql_db.session.execute(table_of_a_plugin.insert().values(note="nobody's"))
        sql_db.session.commit()
    before, expected = rows_of(source), answers(source, headers)
    assert all(before.values())

    said = run(source, "backup", tmp_path / "backup")
    assert f"{len(DATASETS)} datasets, 5 users" in said
    assert f"{len(DATASETS)} datasets, 5 users" in run(
        target, "restore", tmp_path / "backup"
    )

    assert rows_of(target) == before
    assert answers(target, headers) == expected
    run(target, "db", "upgrade")
    run(target, "db", "check")
    for path, body, who in [
        ("/dataset/register", dataset_info(), "librarian"),
        ("/admin/user/register", [{"username": "new"}], "snow-white"),
    ]:
        done = target.test_client().post(path, json=body, headers=headers(who))
        assert done.status_code == 201


def of_sqlite(statement):
    """Return what changes a backup's database by a statement, and its digest."""

    def change(backup):
        with closing(sqlite3.connect(backup / "lookup.db")) as connection:
            connection.execute(statement)
            connection.commit()
        path = backup / "backup.json"
        with (backup / "lookup.db").open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        path.write_text(json.dumps(json.loads(path.read_text()) | {"sha256": sha256}))

    return change


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    "sizes",
    [
        {"_DATASETS_AT_ONCE": 2, "_ROWS_AT_ONCE": 3},
        {"_TERMS_AT_ONCE": 1, "_ROWS_AT_ONCE": 1},
        {"_SMALL": 0, "_LARGE_AT_ONCE": 1},
    ],
)
def test_every_word_is_there_in_groups_of_any_size(
    kind, sizes, backup, server, monkeypatch
):
    for name, size in sizes.items():
        monkeypatch.setattr(moving, name, size)
    target = server(kind)
    run(target, "restore", backup)
    assert f"{len(DATASETS)} unchanged, 0 different" in run(target, "dataset", "verify")


@pytest.mark.parametrize("kind", SERVERS)
def test_words_are_read_and_written_in_groups(kind, backup, server):
    target = server(kind)
    seen = []

    def watch(_connection, _cursor, statement, *_others):
        seen.append(statement)

    with listening(sa.Engine, "before_cursor_execute", watch):
        run(target, "restore", backup)
    written = [text for text in seen if text.startswith("INSERT INTO dataset_text")]
    assert 0 < len(written) <= 2
    read = [text for text in seen if "FROM dataset_content" in text]
    assert 0 < len(read) < len(DATASETS)


def test_writing_may_take_its_time(backup, server):
    target = server("postgresql")
    limits = set()

    def watch(connection, _cursor, statement, *_others):
        if statement.startswith("INSERT INTO dataset_text"):
            with connection.connection.cursor() as cursor:
                limits.add(cursor.execute("SHOW statement_timeout").fetchone()[0])

    with listening(sa.Engine, "before_cursor_execute", watch):
        run(target, "restore", backup)
    assert limits == {"0"}


def test_what_0_18_registered_is_found_by_its_words(backup, server, headers):
    of_sqlite("UPDATE dataset SET type = NULL, dtoolcore_version = NULL")(backup)
    target = server("postgresql")
    assert "not found by their words" not in run(target, "restore", backup)
    body = {"free_text": "apple"}
    found = target.test_client().post(
        "/dataset/search", json=body, headers=headers("grumpy")
    )
    assert found.json


def test_datasets_whose_contents_are_elsewhere_are_counted(backup, server):
    of_sqlite("DELETE FROM dataset_content WHERE dataset_id < 3")(backup)
    target = server("postgresql")
    said = run(target, "restore", backup)
    assert "2 datasets are not found by their words yet: run" in said


def test_a_backup_is_of_one_moment_while_others_write(filled, tmp_path):
    source = filled("sqlite")
    stop = threading.Event()

    def register_two_at_once():
        path = source.config["SQLALCHEMY_DATABASE_URI"].removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            number = 0
            while not stop.is_set():
                for half in "ab":
                    connection.execute(
                        'INSERT INTO "user" (username, is_admin) VALUES (?, 0)',
                        (f"{number}-{half}",),
                    )
                connection.commit()
                number += 1

    writer = threading.Thread(target=register_two_at_once)
    writer.start()
    try:
        for number in range(3):
            run(source, "backup", tmp_path / f"{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        with closing(sqlite3.connect(tmp_path / f"{number}" / "lookup.db")) as backup:
            (halves,) = backup.execute(
                "SELECT count(*) FROM user WHERE username LIKE '%-_'"
            ).fetchone()
        assert halves % 2 == 0


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_of_older_tables_is_brought_up_to_date(kind, server, tmp_path):
    source = server("sqlite", "source")
    run(source, "db", "upgrade", "0003")
    with source.app_context():
        sql_db.session.execute(
            sa.text("INSERT INTO user (username, is_admin) VALUES ('grumpy', 0)")
        )
        sql_db.session.commit()
    run(source, "backup", tmp_path / "backup")
    target = server(kind)
    run(target, "restore", tmp_path / "backup")
    assert [row[1] for row in rows_of(target)["user"]] == ["grumpy"]
    run(target, "db", "check")


@pytest.fixture
def backup(filled, tmp_path):
    """The folder of a backup that was made on SQLite."""
    run(filled("sqlite"), "backup", tmp_path / "backup")
    return tmp_path / "backup"


def test_a_backup_is_for_its_owner_alone(backup):
    for path in (backup, *backup.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert {path.name for path in backup.iterdir()} == {"lookup.db", "backup.json"}


def test_nothing_is_written_over(backup, server):
    app = server("sqlite")
    run(app, "restore", backup)
    assert "already" in run(app, "backup", backup, status=1)
    assert "not empty" in run(app, "restore", backup, status=1)


def damage(backup):
    with (backup / "lookup.db").open("r+b") as database:
        database.seek(-100, os.SEEK_END)
        database.write(b"?")


def cut(backup):
    os.truncate(backup / "lookup.db", 8192)


make_newer = of_sqlite("UPDATE alembic_version SET version_num = '9999'")


def take_apart(backup):
    (backup / "backup.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (damage, "is damaged"),
        (cut, "is damaged"),
        (make_newer, "a newer one than this"),
        (take_apart, "is no backup"),
    ],
)
def test_what_is_no_good_backup_changes_nothing(backup, server, spoil, said):
    app = server("sqlite")
    spoil(backup)
    output = run(app, "restore", backup, status=1)
    assert said in output
    assert output.count("\n") == 1
    with app.app_context():
        assert sa.inspect(sql_db.engine).get_table_names() == []


def test_there_is_nothing_to_back_up_without_tables(server, tmp_path):
    said = run(server("sqlite"), "backup", tmp_path / "backup", status=1)
    assert "db upgrade" in said
    assert not (tmp_path / "backup").exists()


def test_a_folder_that_cannot_be_written_is_named(backup, server, tmp_path):
    app = server("sqlite")
    run(app, "restore", backup)
    (tmp_path / "file").touch()
    said = run(app, "backup", tmp_path / "file" / "backup", status=1)
    assert str(tmp_path / "file") in said


# Does a command's work in a process of its own, and is killed at one of its steps.
KILLED = """
import json, os, signal, sys
from pathlib import Path
from dtool_lookup_server import create_app
from dtool_lookup_server.services import backups, moving

config, what, argument, last = json.loads(sys.stdin.read())
backups.PAGES_AT_ONCE = 5
seen = 0

def reach(done, total):
    global seen
    seen += 1
    if seen == last:
        os.kill(os.getpid(), signal.SIGKILL)

with create_app(config).app_context():
    if what == "copy-to":
        for _step in moving.copy_to(argument):
            reach(0, 0)
    elif what == "backup":
        backups.make(Path(argument), False, reach)
    else:
        backups.restore(Path(argument), False, reach)
"""


def be_killed(app, what, argument, step):
    """Do something in another process that is killed at a step of it."""
    settings = {key: app.config[key] for key in make_config("", _NoKeys)}
    done = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=json.dumps([settings, what, str(argument), step]),
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


class _NoKeys:
    public = private = None


def test_a_backup_that_was_killed_is_not_there(backup, server, tmp_path):
    app = server("sqlite")
    run(app, "restore", backup)
    be_killed(app, "backup", tmp_path / "another", 1)
    assert not (tmp_path / "another").exists()
    run(app, "backup", tmp_path / "another")


def test_a_restore_that_was_killed_leaves_sqlite_empty(backup, server):
    app = server("sqlite")
    # The first step is that of the draft.
    be_killed(app, "restore", backup, 2)
    with app.app_context():
        assert sa.inspect(sql_db.engine).get_table_names() == []
    run(app, "restore", backup)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_restore_that_was_killed_is_unfinished_and_done_again(
    kind, backup, server, headers
):
    app = server(kind)
    be_killed(app, "restore", backup, 30)
    with app.app_context(), sql_db.engine.connect() as connection:
        assert standing(connection) == UNFINISHED
    for command in ("db upgrade", "init", "doctor"):
        assert "not filled to the end" in run(app, *command.split(), status=1)
    ready = app.test_client().get("/config/ready", headers=headers("snow-white"))
    assert ready.status_code == 503
    run(app, "restore", backup)
    assert len(rows_of(app)["dataset"]) == len(DATASETS)
    run(app, "db", "upgrade")


def test_a_copy_that_was_killed_is_unfinished_and_done_again(backup, server, database):
    source, url = server("sqlite"), database("postgresql")
    run(source, "restore", backup)
    be_killed(source, "copy-to", url, 30)
    target = server("postgresql", url=url)
    assert "not filled to the end" in run(target, "db", "upgrade", status=1)
    run(source, "database", "copy-to", url)
    assert rows_of(target) == rows_of(source)


@pytest.fixture
def own_keys(server, tmp_path):
    """Make a server with keys and passwords of its own: own_keys("home")."""

    def make(home, **settings):
        app = server(
            "sqlite",
            home,
            JWT_PUBLIC_KEY=None,
            JWT_PRIVATE_KEY=None,
            TOKEN_PASSWORD_FILE=str(tmp_path / home / "passwords.txt"),
            **settings,
        )
        return app, tmp_path / home

    return make


def test_keys_and_passwords_are_restored_if_it_is_said(own_keys, tmp_path):
    source, home = own_keys("home")
    run(source, "init", "--admin", "grumpy")
    (home / "passwords.txt").write_text("grumpy:hash\n")
    run(source, "backup", tmp_path / "backup", "--with-secrets")

    target, there = own_keys("there")
    names = ["jwt_key", "jwt_key.pub", "secret_key"]
    former = {name: (there / name).read_text() for name in names}
    run(target, "restore", tmp_path / "backup", "--with-secrets")
    for name in (*names, "passwords.txt"):
        assert (there / name).read_text() == (home / name).read_text()
        others = 0o044 if name == "jwt_key.pub" else 0
        assert stat.S_IMODE((there / name).stat().st_mode) & 0o077 == others
    for name in names:
        assert (there / f"{name}.before-restore").read_text() == former[name]


def test_keys_are_left_alone_if_nothing_is_said(own_keys, tmp_path):
    source, home = own_keys("home")
    run(source, "init")
    run(source, "backup", tmp_path / "backup", "--with-secrets")
    target, there = own_keys("there")
    assert "--with-secrets" in run(target, "restore", tmp_path / "backup")
    assert (there / "jwt_key").read_text() != (home / "jwt_key").read_text()


def test_passwords_need_a_place(own_keys, server, tmp_path):
    source, home = own_keys("home")
    run(source, "init")
    (home / "passwords.txt").write_text("admin:hash\n")
    run(source, "backup", tmp_path / "backup", "--with-secrets")
    target = server("sqlite")
    said = run(target, "restore", tmp_path / "backup", "--with-secrets", status=1)
    assert "TOKEN_PASSWORD_FILE" in said
    with target.app_context():
        assert sa.inspect(sql_db.engine).get_table_names() == []


def on_a_terminal(*command, **environment):
    """Run a command, and return what it says to a terminal on standard error."""
    here, there = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "dtool_lookup_server", *map(str, command)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=there,
    ) as process:
        os.close(there)
        said = b""
        # The end of a terminal is an error on Linux.
        with suppress(OSError), open(here, "rb", buffering=0) as terminal:
            while part := terminal.read(1024):
                said += part
    assert process.returncode == 0, said
    return said.decode()


def test_a_terminal_sees_how_far_it_has_come(backup, database, tmp_path):
    home = {
        "DTOOL_LOOKUP_SERVER_HOME": str(tmp_path / "home"),
        "SQLALCHEMY_DATABASE_URI": database("sqlite"),
    }
    assert " s left" in on_a_terminal("restore", backup, **home)
