"""DISABLE_JWT_AUTHORISATION: everybody is DEFAULT_USER, on this machine alone."""

import logging

import pytest
from click.testing import CliRunner

from dtool_lookup_server.__main__ import main
from tests.conftest import add_people, open_app

FOR_ALL = "DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS"


@pytest.fixture
def open_client(config):
    """Make a client of an app with settings: open_client(DEFAULT_USER="sleepy")."""
    apps = []

    def make(**settings):
        context = open_app(config | {"DISABLE_JWT_AUTHORISATION": True} | settings)
        app = context.__enter__()
        apps.append(context)
        add_people(app)
        return app.test_client()

    yield make
    for context in apps:
        context.__exit__(None, None, None)


@pytest.mark.parametrize("value", [True, "True", "1", "yes"])
def test_everybody_is_the_default_user(open_client, value):
    client = open_client(DISABLE_JWT_AUTHORISATION=value, DEFAULT_USER="sleepy")
    assert client.get("/me").json["username"] == "sleepy"
    assert client.get("/users").status_code == 403
    assert client.get("/dataset/list").status_code == 200


def test_the_default_user_is_to_be_registered(open_client):
    assert open_client().get("/me").status_code == 401


@pytest.mark.parametrize("value", [False, "False", "0", "no", ""])
def test_false_is_false_however_it_is_written(open_client, value):
    client = open_client(DISABLE_JWT_AUTHORISATION=value, DEFAULT_USER="sleepy")
    response = client.get("/me")
    assert response.status_code == 401
    assert list(response.json) == ["msg"]


def test_the_server_says_so_loudly(open_client, caplog):
    with caplog.at_level(logging.WARNING):
        open_client(DEFAULT_USER="sleepy")
    assert "DISABLE_JWT_AUTHORISATION" in caplog.text
    assert "sleepy" in caplog.text


@pytest.mark.parametrize(
    ("address", "settings", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.8.9.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("", {}, 200),
        ("192.168.0.7", {}, 403),
        ("8.8.8.8", {}, 403),
        ("2001:db8::1", {}, 403),
        ("8.8.8.8", {FOR_ALL: True}, 200),
        ("8.8.8.8", {FOR_ALL: "False"}, 403),
    ],
)
def test_other_machines_are_refused(open_client, address, settings, status):
    client = open_client(DEFAULT_USER="sleepy", **settings)
    environ = {"REMOTE_ADDR": address}
    assert client.get("/me", environ_overrides=environ).status_code == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org"])
def test_the_server_refuses_to_listen_beyond(monkeypatch, tmp_path, host):
    monkeypatch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(tmp_path))
    monkeypatch.setenv("DISABLE_JWT_AUTHORISATION", "true")
    monkeypatch.setattr("werkzeug.serving.run_simple", print)
    result = CliRunner().invoke(main, ["run", "--host", host, "--port", "0"])
    assert result.exit_code != 0
    assert FOR_ALL in result.output + str(result.exception)
