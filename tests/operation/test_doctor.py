"""doctor: each thing that is wrong has its line, with what to do about it."""

import shutil
from collections import namedtuple

import pytest
from click.testing import CliRunner

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.__main__ import main
from dtool_lookup_server.services import diagnosis
from tests.operation.conftest import set_revision


@pytest.fixture
def examine(empty_app):
    """Run the doctor on an initialised server: examine() -> exit status, lines."""
    assert empty_app.test_cli_runner().invoke(args=["init"]).exit_code == 0

    def run():
        done = empty_app.test_cli_runner().invoke(args=["doctor"])
        return done.exit_code, done.stdout.splitlines()

    return run


def wrong(lines):
    """Return the lines of what is wrong."""
    return [line for line in lines if line.startswith("!!")]


def test_an_installation_that_is_well(examine):
    status, lines = examine()
    assert status == 0
    assert wrong(lines) == []
    for subject in (
        *("versions", "settings", "keys", "disk", "plugins", "the database"),
        *("the search plugin", "migrations", "full text", "clock", "admins"),
    ):
        assert any(line.startswith(f"ok  {subject}") for line in lines), subject


def test_tables_of_an_older_version(empty_app, examine):
    set_revision(empty_app, "0002")
    status, lines = examine()
    assert status == 1
    assert "db upgrade" in wrong(lines)[0]


def test_a_database_without_tables(empty_app, examine):
    with empty_app.app_context():
        sql_db.drop_all()
    status, lines = examine()
    assert status == 1
    [line] = wrong(lines)
    assert "the database" in line
    assert "no tables yet: run `init`" in line


def test_a_key_that_others_can_read(empty_app, examine, tmp_path):
    key = tmp_path / "jwt_key"
    key.touch(mode=0o644)
    status, lines = examine()
    assert status == 1
    assert f"chmod 600 {key}" in wrong(lines)[0]


def test_keys_that_are_no_pair(empty_app, examine, other_keys):
    empty_app.config["JWT_PUBLIC_KEY"] = other_keys.public
    status, lines = examine()
    assert status == 1
    assert "no pair" in wrong(lines)[0]


@pytest.fixture
def password_file(empty_app, tmp_path):
    """The file of passwords that is set; with one in it."""
    path = tmp_path / "passwords"
    path.write_text("grumpy:hash\n")
    path.chmod(0o600)
    empty_app.config["TOKEN_PASSWORD_FILE"] = str(path)
    return path


def test_passwords_that_are_well(password_file, examine):
    status, lines = examine()
    assert status == 0
    assert f"1 in {password_file}" in "".join(lines)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.chmod(0o644), "is readable by everybody: chmod 600"),
        (lambda path: path.unlink(), "there is none in"),
        (lambda path: path.write_bytes(b"\xff"), "cannot be read"),
    ],
)
def test_passwords_that_are_not_well(password_file, examine, spoil, said):
    spoil(password_file)
    status, lines = examine()
    assert status == 1
    [line] = wrong(lines)
    assert said in line


def test_a_slip_in_the_name_of_a_setting(examine, monkeypatch):
    monkeypatch.setenv("JWT_PUBLIC_KEYFILE", "/etc/key.pub")
    status, lines = examine()
    assert status == 1
    assert "did you mean JWT_PUBLIC_KEY_FILE" in wrong(lines)[0]
    assert "/etc/key.pub" not in "".join(lines)


def test_a_full_disk(examine, monkeypatch):
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    status, lines = examine()
    assert status == 1
    assert "make room" in wrong(lines)[0]


def test_a_clock_that_is_wrong(examine, monkeypatch):
    monkeypatch.setattr(diagnosis.time, "time", lambda: 0.0)
    status, lines = examine()
    assert status == 1
    assert any("NTP" in line for line in wrong(lines))


def test_a_server_without_an_admin(empty_app, examine):
    empty_app.test_cli_runner().invoke(args=["user", "delete", "admin"])
    status, lines = examine()
    assert status == 1
    assert "`init`" in wrong(lines)[0]


@pytest.mark.parametrize("plugin", ["search", "retrieve"])
def test_a_store_that_is_away(empty_app, examine, monkeypatch, plugin):
    def fail():
        raise ConnectionError("mongodb://user:open-sesame@host")

    monkeypatch.setattr(getattr(empty_app, plugin), "check_health", fail)
    status, lines = examine()
    assert status == 1
    assert f"the {plugin} plugin" in wrong(lines)[0]
    assert "open-sesame" not in "".join(lines)


def test_a_database_that_is_too_old(examine, monkeypatch):
    oldest = dict.fromkeys(diagnosis.OLDEST, (99,))
    monkeypatch.setattr(diagnosis, "OLDEST", oldest)
    status, lines = examine()
    assert status == 1
    assert "99 or newer" in wrong(lines)[0]


def test_a_setting_that_is_wrong_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(tmp_path))
    monkeypatch.setenv("MAX_CONTENT_LENGTH", "many")
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert "MAX_CONTENT_LENGTH" in done.output


def test_a_database_that_is_away(tmp_path, keys):
    app = create_app(
        {
            "DTOOL_LOOKUP_SERVER_HOME": str(tmp_path),
            "SQLALCHEMY_DATABASE_URI": "postgresql://u:open-sesame@127.0.0.1:9/x",
            "JWT_PUBLIC_KEY": keys.public,
        }
    )
    done = app.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 1
    assert "the database" in done.output
    assert "Traceback" not in done.output
    assert "open-sesame" not in done.output
