"""POST /token: a token for a name and a password, where that is configured."""

import datetime
import ipaddress
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import bcrypt
import pytest
import requests
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import attempts, passwords
from dtool_lookup_server.sql_models import TokenAttempt
from tests.conftest import add_people, open_app
from tests.sql.test_concurrency import serving

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """A refusal is answered at once, but for the tests of that."""
    monkeypatch.setattr(passwords, "REFUSAL", 0.001)


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
    later = attempts.utc_now() + timedelta(seconds=61)
    monkeypatch.setattr(attempts, "utc_now", lambda: later)
    assert ask(client, "grumpy").status_code == 200


def test_attempts_that_are_long_ago_are_forgotten(app, client, monkeypatch):
    for _ in range(3):
        ask(client, "grumpy", "wrong")
    later = attempts.utc_now() + timedelta(seconds=61)
    monkeypatch.setattr(attempts, "utc_now", lambda: later)
    ask(client, "grumpy", "wrong")
    with app.app_context():
        assert len(sql_db.session.scalars(sa.select(TokenAttempt)).all()) == 1


def test_what_was_typed_as_a_name_is_kept_nowhere(app, client):
    ask(client, PASSWORD)
    with app.app_context():
        (attempt,) = sql_db.session.scalars(sa.select(TokenAttempt))
    assert PASSWORD not in attempt.username


def test_the_limit_holds_for_all_workers_together(config, path, set_password):
    set_password("grumpy")
    settings = config | {"TOKEN_PASSWORD_FILE": str(path)}
    with serving(settings, workers=3) as url, ThreadPoolExecutor(12) as pool:
        body = {"username": "grumpy", "password": "wrong"}
        asked = [
            pool.submit(requests.post, f"{url}/token", json=body, timeout=60)
            for _ in range(40)
        ]
        statuses = [answer.result().status_code for answer in asked]
    assert set(statuses) == {401, 429}
    assert statuses.count(401) <= 5


def test_good_passwords_are_not_limited(client, set_password):
    set_password("grumpy")
    assert {ask(client, "grumpy").status_code for _ in range(8)} == {200}


class Clock:
    """A clock that only goes on when somebody works or waits."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("work", [0.001, 0.06, 0.25, 0.9])
@pytest.mark.parametrize("username", ["grumpy", "sleepy", "nobody"])
def test_every_refusal_takes_a_second(
    client, set_password, monkeypatch, username, work
):
    clock = Clock()
    set_password("grumpy")
    monkeypatch.setattr(passwords, "REFUSAL", 1.0)
    monkeypatch.setattr(passwords, "time", clock)
    monkeypatch.setattr(passwords, "matches_hash", lambda *_: clock.sleep(work))
    assert ask(client, username, "wrong").status_code == 401
    assert clock.now == pytest.approx(101)


@pytest.mark.parametrize(
    "line", ["grumpy:nonsense", "grumpy:a$b$c", "grumpy:$2b$nonsense", "grumpy"]
)
def test_what_is_no_hash_fits_no_password(client, path, line):
    path.parent.mkdir()
    path.write_text(line + "\n")
    assert ask(client, "grumpy").status_code == 401


def test_a_file_that_cannot_be_read_is_an_error_that_the_log_names(
    client, path, caplog
):
    path.mkdir(parents=True)
    assert ask(client, "grumpy").status_code == 500
    assert "TOKEN_PASSWORD_FILE" in caplog.text


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key, and a certificate of its own for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), address])
    made = (
        x509.CertificateBuilder(name, name, key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    file = tmp_path_factory.mktemp("ldap") / "certificate.pem"
    file.write_bytes(
        made.public_bytes(pem)
        + key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return file


@pytest.fixture(scope="module")
def ldap(certificate):
    """The URLs of an LDAP server that knows grumpy: plain, and with TLS."""
    script = Path(__file__).parents[1] / "ldap_server.py"
    with subprocess.Popen(
        [sys.executable, str(script), PASSWORD, str(certificate)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        plain, tls = process.stdout.readline().split()
        yield f"ldap://localhost:{plain}", f"ldaps://localhost:{tls}"
        process.stdin.close()


@pytest.fixture
def with_ldap(config):
    """Ask a server that has LDAP with some settings: with_ldap(url, who, password)."""

    def run(url, username="grumpy", password=PASSWORD, **settings):
        with open_app(config | {"TOKEN_LDAP_URL": url} | settings) as app:
            add_people(app)
            return ask(app.test_client(), username, password).status_code

    return run


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what ldap3 needs
class TestLDAP:
    """An LDAP server knows the passwords."""

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
    def test_it_may_know_the_passwords(
        self, with_ldap, ldap, username, password, status
    ):
        assert with_ldap(ldap[0], username, password) == status

    def test_a_user_of_the_directory_must_be_registered_here(self, with_ldap, ldap):
        pattern = "uid=grumpy,ou=people,dc=example,dc=org"
        assert with_ldap(ldap[0], "dopey", TOKEN_LDAP_DN=pattern) == 401

    def test_its_certificate_counts_where_it_is_known(
        self, with_ldap, ldap, certificate
    ):
        known = str(certificate)
        assert with_ldap(ldap[1], TOKEN_LDAP_CA_FILE=known) == 200
        assert with_ldap(ldap[1], password="wrong", TOKEN_LDAP_CA_FILE=known) == 401

    def test_one_that_nobody_vouches_for_gets_no_password(self, with_ldap, ldap):
        assert with_ldap(ldap[1]) == 503

    def test_one_without_starttls_gets_no_password(self, with_ldap, ldap):
        assert with_ldap(ldap[0], TOKEN_LDAP_STARTTLS=True) == 503

    def test_one_that_is_away_makes_it_503(self, with_ldap):
        assert with_ldap("ldap://127.0.0.1:1") == 503
