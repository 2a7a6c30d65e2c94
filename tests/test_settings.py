"""Settings: read from the environment when the app is made, overlaid by a test's."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from dtool_lookup_server import create_app, sql_db
from tests.conftest import add_people

MINIMAL = {"TESTING": True}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder that the environment names."""
    home = tmp_path / "home"
    monkeypatch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(home))
    return home


@pytest.fixture
def start_anew(home, monkeypatch):
    """Make an app with settings in the environment, and none of them needed."""
    apps = []

    def make(**environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        apps.append(create_app(MINIMAL))
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            sql_db.engine.dispose()


@pytest.fixture
def start(start_anew, keys):
    """Make an app with settings in the environment, and a key where none is named."""

    def make(**environment):
        if not any(name.startswith("JWT_") for name in environment):
            environment["JWT_PUBLIC_KEY"] = keys.public
        return start_anew(**environment)

    return make


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def to_file(text, name="file"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return to_file


def status_with(app, token):
    """Return the status of a request that a token goes with."""
    with app.app_context():
        sql_db.create_all()
    add_people(app)
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/dataset/list", headers=headers).status_code


def as_ssh_line(keys):
    """Return a public key as ssh-keygen writes it."""
    key = serialization.load_pem_public_key(keys.public.encode())
    line = key.public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    return f"{line.decode()} user@localhost\n"


def private_as(keys, form):
    """Return a private key as OpenSSH or as OpenSSL's older releases write it."""
    key = serialization.load_pem_private_key(keys.private.encode(), None)
    return key.private_bytes(
        serialization.Encoding.PEM,
        getattr(serialization.PrivateFormat, form),
        serialization.NoEncryption(),
    ).decode()


# Nothing to configure


def test_nothing_needs_to_be_configured(start_anew, home):
    app = start_anew()
    assert app.test_client().get("/config/versions").status_code == 200
    assert str(home) in app.config["SQLALCHEMY_DATABASE_URI"]


def test_the_key_pair_is_made_once(start_anew):
    first, second = start_anew(), start_anew()
    assert first.config["JWT_PUBLIC_KEY"] == second.config["JWT_PUBLIC_KEY"]
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"]


def test_two_homes_have_nothing_in_common(start_anew, tmp_path):
    first = start_anew()
    second = start_anew(DTOOL_LOOKUP_SERVER_HOME=tmp_path / "second")
    assert first.config["JWT_PUBLIC_KEY"] != second.config["JWT_PUBLIC_KEY"]
    assert first.config["SECRET_KEY"] != second.config["SECRET_KEY"]


def test_workers_that_start_at_once_share_one_key_pair(home):
    with ThreadPoolExecutor(6) as pool:
        apps = list(pool.map(create_app, [MINIMAL] * 6))
    assert len({app.config["JWT_PUBLIC_KEY"] for app in apps}) == 1
    assert len({app.config["SECRET_KEY"] for app in apps}) == 1


def test_a_home_that_cannot_be_made_is_named(start_anew, write):
    path = write("a file, and no folder") / "home"
    with pytest.raises(RuntimeError, match="DTOOL_LOOKUP_SERVER_HOME"):
        start_anew(DTOOL_LOOKUP_SERVER_HOME=path)


def test_a_message_instead_of_an_error_where_there_are_no_tables(start, token, keys):
    app = start(JWT_PUBLIC_KEY=keys.public)
    headers = {"Authorization": f"Bearer {token('grumpy')}"}
    response = app.test_client().get("/dataset/list", headers=headers)
    assert response.status_code == 503
    assert "db upgrade" in response.json["message"]


# The environment


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("SECRET_KEY", "open-sesame", "open-sesame"),
        ("OPENAPI_URL_PREFIX", "/api-doc", "/api-doc"),
        ("OPENAPI_REDOC_PATH", "/r", "/r"),
        ("OPENAPI_REDOC_URL", "/r.js", "/r.js"),
        ("OPENAPI_SWAGGER_UI_PATH", "/s", "/s"),
        ("OPENAPI_SWAGGER_UI_URL", "/s/", "/s/"),
        ("API_SPEC_OPTIONS", '{"x-a": 1}', {"x-a": 1}),
        ("MAX_CONTENT_LENGTH", "1000", 1000),
        ("SEARCH_PLUGIN", "sql", "sql"),
        ("RETRIEVE_PLUGIN", "sql", "sql"),
    ],
)
def test_a_setting_is_read_when_the_app_is_made(start, name, text, value):
    assert start(**{name: text}).config[name] == value


def test_the_database_is_a_setting(start, tmp_path):
    app = start(SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/elsewhere.db")
    with app.app_context():
        sql_db.create_all()
    assert (tmp_path / "elsewhere.db").exists()


def test_the_configuration_of_a_test_wins(config, monkeypatch):
    monkeypatch.setenv("OPENAPI_URL_PREFIX", "/api-doc")
    app = create_app(config | {"OPENAPI_URL_PREFIX": "/mine"})
    assert app.config["OPENAPI_URL_PREFIX"] == "/mine"


def test_the_configuration_of_a_test_leaves_other_settings_alone(config, monkeypatch):
    monkeypatch.setenv("OPENAPI_URL_PREFIX", "/api-doc")
    app = create_app(config)
    assert app.config["OPENAPI_URL_PREFIX"] == "/api-doc"
    assert app.config["JWT_ALGORITHM"] == "RS256"


def test_the_callers_configuration_is_not_changed(config):
    before = dict(config)
    create_app(config)
    assert config == before


# Keys


@pytest.mark.parametrize("form", ["PEM", "ssh-rsa"])
@pytest.mark.parametrize("setting", ["JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE"])
def test_a_public_key_is_pem_or_an_ssh_line(start, write, keys, token, setting, form):
    text = keys.public if form == "PEM" else as_ssh_line(keys)
    app = start(**{setting: write(text) if setting.endswith("FILE") else text})
    assert status_with(app, token("grumpy")) == 200


def test_the_public_key_wins_over_its_file(start, write, keys, other_keys, token):
    file = write(other_keys.public)
    app = start(JWT_PUBLIC_KEY=keys.public, JWT_PUBLIC_KEY_FILE=file)
    assert status_with(app, token("grumpy")) == 200


def test_the_key_pair_of_the_home_is_not_used_beside_another(start_anew, keys):
    theirs = start_anew()
    runner = theirs.test_cli_runner()
    runner.invoke(args=["init"])
    user = json.loads(runner.invoke(args=["user", "list"]).stdout)[0]["username"]
    old_token = runner.invoke(args=["user", "token", user]).stdout.strip()
    app = start_anew(JWT_PUBLIC_KEY=keys.public)
    headers = {"Authorization": f"Bearer {old_token}"}
    response = app.test_client().get("/dataset/list", headers=headers)
    assert response.status_code in (401, 422)


@pytest.mark.parametrize("form", ["PKCS8", "TraditionalOpenSSL", "OpenSSH"])
def test_a_private_key_file_makes_tokens(start, write, keys, form):
    app = start(
        JWT_PUBLIC_KEY=keys.public, JWT_PRIVATE_KEY_FILE=write(private_as(keys, form))
    )
    with app.app_context():
        sql_db.create_all()
    add_people(app)
    done = app.test_cli_runner().invoke(args=["user", "token", "grumpy"])
    claims = jwt.decode(done.stdout.strip(), keys.public, algorithms=["RS256"])
    assert claims["sub"] == "grumpy"


def test_a_private_key_alone_is_a_pair(start, write, keys, token):
    app = start(JWT_PRIVATE_KEY_FILE=write(keys.private))
    assert status_with(app, token("grumpy")) == 200


def test_without_a_private_key_there_are_no_tokens_to_make(start, keys):
    app = start(JWT_PUBLIC_KEY=keys.public)
    with app.app_context():
        sql_db.create_all()
    add_people(app)
    done = app.test_cli_runner().invoke(args=["user", "token", "grumpy"])
    assert done.exit_code == 1
    assert "JWT_PRIVATE_KEY_FILE" in done.stderr
    assert done.stdout == ""


def test_tokens_of_another_service_are_enough(start, keys):
    app = start(JWT_PUBLIC_KEY=as_ssh_line(keys))
    claims = {"sub": "sleepy", "exp": time.time() + 60}
    token = jwt.encode(claims, keys.private, algorithm="RS256")
    assert status_with(app, token) == 200


# What is wrong is named


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("MAX_CONTENT_LENGTH", "many"),
        ("MAX_CONTENT_LENGTH", "-1"),
        ("API_SPEC_OPTIONS", "{"),
        ("API_SPEC_OPTIONS", "[1]"),
        ("API_SPEC_OPTIONS_FILE", "/no/such/file"),
        ("JWT_PUBLIC_KEY", "nonsense"),
        ("JWT_PUBLIC_KEY", "ssh-rsa nonsense"),
        ("JWT_PUBLIC_KEY_FILE", "/no/such/file"),
        ("JWT_PRIVATE_KEY_FILE", "/no/such/file"),
        ("SEARCH_PLUGIN", "no-such-plugin"),
        ("RETRIEVE_PLUGIN", "no-such-plugin"),
        ("SQLALCHEMY_DATABASE_URI", "nonsense"),
        ("SQLALCHEMY_DATABASE_URI", "no-such-database://queen:open-sesame@host/db"),
    ],
)
def test_a_wrong_setting_is_named(start, name, text):
    with pytest.raises(RuntimeError, match=name) as raised:
        start(**{name: text})
    assert "open-sesame" not in str(raised.value)


@pytest.mark.parametrize("setting", ["JWT_PUBLIC_KEY_FILE", "JWT_PRIVATE_KEY_FILE"])
@pytest.mark.parametrize("content", ["", "nonsense", "-----BEGIN PUBLIC KEY-----\nAA"])
def test_a_key_file_that_holds_no_key_is_named(start, write, setting, content):
    with pytest.raises(RuntimeError, match=setting):
        start(**{setting: write(content)})


def test_a_private_key_is_never_a_public_one(start, keys):
    with pytest.raises(RuntimeError, match="JWT_PUBLIC_KEY") as raised:
        start(JWT_PUBLIC_KEY=keys.private)
    assert keys.private.splitlines()[3] not in str(raised.value)


# OpenAPI


def test_further_content_of_the_openapi_document(start):
    app = start(API_SPEC_OPTIONS='{"info": {"description": "Ours"}}')
    document = app.test_client().get("/doc/openapi.json").json
    assert document["info"]["description"] == "Ours"


def test_further_content_of_the_openapi_document_from_a_file(start, write):
    app = start(API_SPEC_OPTIONS_FILE=write('{"info": {"description": "Filed"}}'))
    document = app.test_client().get("/doc/openapi.json").json
    assert document["info"]["description"] == "Filed"


@pytest.mark.parametrize(
    ("name", "page"), [("OPENAPI_SWAGGER_UI_PATH", "s"), ("OPENAPI_REDOC_PATH", "r")]
)
def test_the_path_of_a_page_is_a_setting(start, name, page):
    client = start(**{name: f"/{page}"}).test_client()
    assert client.get(f"/doc/{page}").mimetype == "text/html"


@pytest.mark.parametrize(
    ("name", "url", "page"),
    [
        ("OPENAPI_SWAGGER_UI_URL", "https://cdn.example/swagger/", "swagger"),
        ("OPENAPI_REDOC_URL", "https://cdn.example/redoc.js", "redoc"),
    ],
)
def test_the_scripts_of_a_page_may_come_from_elsewhere(start, name, url, page):
    assert url in start(**{name: url}).test_client().get(f"/doc/{page}").text
