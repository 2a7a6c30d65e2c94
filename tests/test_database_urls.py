"""A database's URL as people write it works with the driver that is installed."""

import pytest

from dtool_lookup_server import create_app, engines
from dtool_lookup_server.engines import with_driver


@pytest.fixture
def installed(monkeypatch):
    """Pretend that these drivers are installed, and no others."""

    def install(*modules):
        monkeypatch.setattr(
            engines, "find_spec", lambda name: name if name in modules else None
        )

    return install


@pytest.mark.parametrize(
    ("url", "modules", "drivername"),
    [
        ("postgresql://h/d", ["psycopg", "psycopg2"], "postgresql+psycopg"),
        ("postgresql://h/d", ["psycopg2"], "postgresql+psycopg2"),
        ("postgres://h/d", ["psycopg"], "postgresql+psycopg"),
        ("postgresql+psycopg2://h/d", [], "postgresql+psycopg2"),
        ("mysql://h/d", ["MySQLdb", "pymysql"], "mariadb+mysqldb"),
        ("mysql://h/d", ["pymysql"], "mariadb+pymysql"),
        ("mariadb://h/d", ["pymysql"], "mariadb+pymysql"),
        ("mysql+pymysql://h/d", [], "mariadb+pymysql"),
        ("sqlite:///x.db", [], "sqlite"),
    ],
)
def test_the_driver_that_is_installed_is_used(installed, url, modules, drivername):
    installed(*modules)
    assert with_driver(url).drivername == drivername


def test_the_rest_of_a_url_stays_as_it_is(installed):
    installed("psycopg")
    url = with_driver("postgres://me:p%40ss@db.example.org:6543/lookup?sslmode=require")
    assert (url.username, url.password, url.host) == ("me", "p@ss", "db.example.org")
    assert (url.port, url.database, dict(url.query)) == (
        6543,
        "lookup",
        {"sslmode": "require"},
    )


@pytest.mark.parametrize("url", ["mariadb://h/d", "mysql://h/d?charset=latin1"])
def test_mariadb_is_sent_every_character(installed, url):
    installed("pymysql")
    assert with_driver(url).query["charset"] == "utf8mb4"


@pytest.mark.parametrize(
    ("url", "extra"),
    [
        ("postgresql://me:secret@h/d", "postgresql"),
        ("postgres://me:secret@h/d", "postgresql"),
        ("mysql://me:secret@h/d", "mysql"),
        ("mariadb://me:secret@h/d", "mysql"),
    ],
)
def test_where_there_is_no_driver_the_error_names_the_extra(
    installed, config, url, extra
):
    installed()
    with pytest.raises(RuntimeError, match=rf"dtool-lookup-server\[{extra}\]") as error:
        create_app(config | {"SQLALCHEMY_DATABASE_URI": url})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("url", ["nonsense", "oracle://me:secret@h/d", "://secret"])
def test_a_url_that_cannot_be_used_is_an_error_that_names_the_setting(config, url):
    with pytest.raises(RuntimeError, match="SQLALCHEMY_DATABASE_URI") as error:
        create_app(config | {"SQLALCHEMY_DATABASE_URI": url})
    assert "secret" not in str(error.value)
