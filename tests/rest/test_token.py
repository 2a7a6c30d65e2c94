"""POST /token: a token for a name and a password, where that is configured."""

import functools
import importlib
import time
import warnings
from statistics import median

import bcrypt
import pytest

from dtool_lookup_server.services import passwords
from tests.conftest import add_people, open_app

with warnings.catch_warnings():
    # Of a package that it needs.
    warnings.simplefilter("ignore", DeprecationWarning)
    ldap3 = importlib.import_module("ldap3")

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """No attempts of other tests are remembered."""
    monkeypatch.setattr(passwords.Attempts, "_moments", {})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secrets" / "passwords"


@pytest.fixture
def app(config, path):
    """An app that keeps passwords in a file, with users."""
    with open_app(config | {"TOKEN_PASSWORD_FILE": str(path)}) as app:
        add_people(app)
        yield app


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def set_password(app):
    """Run `user set-password`, and return its result."""

    def run(username, password=PASSWORD, again=None):
        typed = f"{password}\n{password if again is None else again}\n"
        args = ["user", "set-password", username]
        return app.test_cli_runner().invoke(args=args, input=typed)

    return run


def ask(client, username, password=PASSWORD, **options):
    body = {"username": username, "password": password}
    return client.post("/token", json=body, **options)


def test_without_configuration_there_is_no_such_thing(library):
    response = ask(library, "grumpy")
    assert (response.status_code, response.json["code"]) == (404, 404)


def test_a_password_gives_a_token(client, set_password):
    assert set_password("grumpy").exit_code == 0
    response = ask(client, "grumpy")
    assert response.status_code == 200
    assert list(response.json) == ["token"]
    assert response.headers["Cache-Control"] == "no-store"
    headers = {"Authorization": f"Bearer {response.json['token']}"}
    assert client.get("/me", headers=headers).json["username"] == "grumpy"


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("grumpy", "wrong"),
        ("grumpy", ""),
        ("grumpy", PASSWORD + " "),
        ("grumpy", "x" * 100_000),
        ("grumpy", "a\0b"),
        ("sleepy", PASSWORD),
        ("dopey", PASSWORD),
        ("", PASSWORD),
        ("", ""),
        ("a:b", PASSWORD),
        ("grumpy\n", PASSWORD),
    ],
    ids=lambda text: repr(text[:10]),
)
def test_anything_else_is_401_and_says_no_more(
    client, set_password, username, password
):
    set_password("grumpy")
    response = ask(client, username, password)
    assert response.status_code == 401
    assert response.json == {"code": 401, "status": "Unauthorized"}


@pytest.mark.parametrize(
    "body", [{}, {"username": "grumpy"}, {"username": 1, "password": []}, []]
)
def test_what_is_no_question_is_422(client, body):
    assert client.post("/token", json=body).status_code == 422


def test_the_file_is_private_and_holds_no_password(set_password, path):
    for username in ("grumpy", "sleepy", "grumpy"):
        set_password(username)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert PASSWORD not in text
    assert [line.partition(":")[0] for line in text.splitlines()] == [
        "grumpy",
        "sleepy",
    ]


def test_a_hash_of_bcrypt_counts_too(client, path):
    path.parent.mkdir()
    known = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    path.write_text(f"grumpy:{known}\n")
    assert ask(client, "grumpy").status_code == 200
    assert ask(client, "grumpy", "wrong").status_code == 401
    assert ask(client, "grumpy", "x" * 1000).status_code == 401


@pytest.mark.parametrize(
    ("username", "password", "again", "said"),
    [
        ("dopey", PASSWORD, None, "User 'dopey' not registered"),
        ("grumpy", "short", None, "Shorter than"),
        ("grumpy", PASSWORD, "other", "do not match"),
    ],
)
def test_what_cannot_be_a_password_is_refused(
    set_password, path, username, password, again, said
):
    result = set_password(username, password, again)
    assert result.exit_code != 0
    assert said in result.output + result.stderr
    assert not path.exists()


def test_a_password_is_never_an_argument(app):
    args = ["user", "set-password", "grumpy", PASSWORD]
    assert app.test_cli_runner().invoke(args=args).exit_code == 2


def test_attempts_are_limited(client, set_password):
    set_password("grumpy")
    set_password("sleepy")
    for _ in range(5):
        assert ask(client, "grumpy", "wrong").status_code == 401
    assert ask(client, "grumpy").status_code == 429
    assert ask(client, "sleepy").status_code == 200
    elsewhere = {"REMOTE_ADDR": "10.0.0.9"}
    assert ask(client, "grumpy", environ_overrides=elsewhere).status_code == 200


def test_the_limit_ends(client, set_password, monkeypatch):
    set_password("grumpy")
    for _ in range(6):
        ask(client, "grumpy", "wrong")
    now = time.monotonic()
    monkeypatch.setattr(passwords.time, "monotonic", lambda: now + 61)
    assert ask(client, "grumpy").status_code == 200


def test_good_passwords_are_not_limited(client, set_password):
    set_password("grumpy")
    assert {ask(client, "grumpy").status_code for _ in range(8)} == {200}


def test_an_unknown_user_takes_as_long_as_a_wrong_password(app, client, set_password):
    app.config["TOKEN_ATTEMPTS_PER_MINUTE"] = 1000
    set_password("grumpy")

    def seconds(username):
        times = []
        for _ in range(7):
            start = time.perf_counter()
            ask(client, username, "wrong")
            times.append(time.perf_counter() - start)
        return median(times)

    known, unknown = seconds("grumpy"), seconds("nobody")
    assert known > 0.01
    assert 0.4 < known / unknown < 2.5


@pytest.fixture
def ldap(monkeypatch):
    """An LDAP directory with one user, in memory."""
    entry = "uid=grumpy,ou=people,dc=example,dc=org"

    def connect(*args, **kwargs):
        connection = real(*args, client_strategy=ldap3.MOCK_SYNC, **kwargs)
        connection.strategy.add_entry(
            entry, {"userPassword": PASSWORD, "objectClass": "person"}
        )
        return connection

    real = functools.partial(ldap3.Connection)
    monkeypatch.setattr(ldap3, "Connection", connect)


@pytest.mark.usefixtures("ldap")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("username", "password", "status"),
    [
        ("grumpy", PASSWORD, 200),
        ("grumpy", "wrong", 401),
        ("grumpy", "", 401),
        ("sleepy", PASSWORD, 401),
        ("grumpy,ou=people", PASSWORD, 401),
        ("*", PASSWORD, 401),
    ],
)
def test_ldap_may_know_the_passwords(config, username, password, status):
    settings = {"TOKEN_LDAP_URL": "ldap://127.0.0.1:1"}
    with open_app(config | settings) as app:
        add_people(app)
        assert ask(app.test_client(), username, password).status_code == status


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_ldap_server_that_is_away_refuses(config):
    with open_app(config | {"TOKEN_LDAP_URL": "ldap://127.0.0.1:1"}) as app:
        add_people(app)
        assert ask(app.test_client(), "grumpy").status_code == 401
