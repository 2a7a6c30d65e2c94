"""Fixtures: an app of one's own, and a library that is only read.

They run on the database that TEST_DATABASE names, tests/databases.py, and with the
plugins that TEST_PLUGINS names: sql (the default), mongo, or third-party, which are
0.18's for MongoDB.

`app` is new for every test: `runner` meets it empty, `client` with users and base
URIs in it. Tests that only read use `library`, one client over all datasets of
tests/corpus.py that the whole run shares.
"""

import functools
import json
import os
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import jwt
import pymysql
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import event

from dtool_lookup_server import create_app, engines, sql_db
from dtool_lookup_server.config import SETTINGS
from dtool_lookup_server.plugins import registry
from dtool_lookup_server.services import registering
from dtool_lookup_server.services.dataset_info import checked
from dtool_lookup_server.services.registrations import prepare
from dtool_lookup_server.utils import (
    list_datasets_by_user,
    register_base_uri,
    register_users,
    update_permissions,
)
from tests.corpus import CINDERELLA, DATASETS, MR_MEN, SNOW_WHITE
from tests.databases import KIND, Shelf, empty_database
from tests.mongod import Mongod
from tests.templates import fill_tables, make_tables

#: Who may search and who may register: the same for every test.
PERMISSIONS = [
    (SNOW_WHITE, ["grumpy", "sleepy"], ["grumpy", "librarian"]),
    (MR_MEN, ["grumpy"], ["librarian"]),
    (CINDERELLA, [], []),
]

#: The search and the retrieve plugin, by what TEST_PLUGINS may be.
PLUGINS = {
    "sql": ("sql", "sql"),
    "mongo": ("mongo", "mongo"),
    "third-party": ("MongoSearch", "MongoRetrieve"),
}
TEST_PLUGINS = os.environ.get("TEST_PLUGINS", "sql")

# The MongoDB of this run, if its plugins need one.
_mongods = []


class KeyPair(NamedTuple):
    """A private and a public RSA key, each as PEM text."""

    private: str
    public: str


def make_key_pair():
    """Return a new RSA key pair."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return KeyPair(private.decode(), public.decode())


def make_config(home, keys, url=None):
    """Return the settings of an app that keeps all it has in one folder.

    :param url: of its database; None for one in the folder
    """
    return {
        "TESTING": True,
        "DTOOL_LOOKUP_SERVER_HOME": str(home),
        "SQLALCHEMY_DATABASE_URI": url or f"sqlite:///{home}/lookup.db",
        "JWT_PUBLIC_KEY": keys.public,
        "JWT_PRIVATE_KEY": keys.private,
        "SEARCH_PLUGIN": "sql",
        "RETRIEVE_PLUGIN": "sql",
        # Tests of the limit set their own; how fast a machine is, no test asks.
        "REQUEST_TIMEOUT": 600,
        **(mongo_settings_of(_mongods[0], TEST_PLUGINS) if _mongods else {}),
    }


@contextmanager
def open_app(config, plugins=None):
    """Give an app with empty tables, and close its database in the end."""
    app = create_app(config, plugins)
    try:
        with app.app_context():
            event.listen(sql_db.engine, "connect", do_not_wait_for_the_disk)
            make_tables()
        yield app
    finally:
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()
        for plugin in (app.search, app.retrieve):
            # Third parties' keep theirs open; the tests make hundreds of apps.
            if client := getattr(plugin, "client", None):
                client.drop_database(app.config["SEARCH_MONGO_DB"])
                client.close()


def do_not_wait_for_the_disk(connection, _record):
    """Let a test's database not survive a power cut: no test needs it to."""
    if hasattr(connection, "create_collation"):  # SQLite's
        connection.execute("PRAGMA synchronous = OFF")


def add_people(app):
    """Register users, base URIs and permissions."""
    with app.app_context():
        fill_tables(register_people)


def register_people():
    """Register users, base URIs and permissions, by the public Python names."""
    register_users(
        [
            {"username": "grumpy"},
            {"username": "sleepy"},
            {"username": "noone"},
            {"username": "librarian"},
            {"username": "snow-white", "is_admin": True},
        ]
    )
    for base_uri, may_search, may_register in PERMISSIONS:
        register_base_uri(base_uri)
        update_permissions(
            {
                "base_uri": base_uri,
                "users_with_search_permissions": may_search,
                "users_with_register_permissions": may_register,
            }
        )


def add_corpus(app, headers):
    """Register every dataset of the corpus over HTTP, as a user who may."""
    client = app.test_client()
    for info in DATASETS:
        response = client.post("/dataset/register", json=info, headers=headers)
        assert response.status_code == 201, response.text


def put_in_bulk(client, infos, headers):
    """Register datasets in bulk over HTTP; return the status of each."""
    lines = "\n".join(map(json.dumps, infos))
    told = headers | {"Content-Type": "application/x-ndjson"}
    response = client.put("/uris", data=lines, headers=told)
    return [json.loads(line)["status"] for line in response.text.splitlines()]


def register_together(infos):
    """Register datasets in one transaction, within an application context."""
    registering.register_all([prepare(checked(info), None, None) for info in infos])


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside():
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for setting in SETTINGS:
            patch.delenv(setting.name, raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk():
    """Let what a test writes not survive a power cut: no test needs it to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _file: None)
        patch.setattr(engines, "_synchronise", os.fsync)
        yield


@pytest.fixture(scope="session", autouse=True)
def what_is_installed_is_read_once():
    """Look for plugins among what is installed once, not for each app.

    Tests that install something put its folder on the path.
    """
    discover = functools.cache(lambda _path, find=registry.discover: find())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "discover", lambda: discover(tuple(sys.path)))
        yield


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once():
    """Read the system's certificates once, not for each connection to MariaDB."""
    make = pymysql.connections.Connection._create_ssl_ctx
    usual = functools.cache(lambda: make(None, {}))

    def make_once(connection, settings):
        return make(connection, settings) if settings else usual()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pymysql.connections.Connection, "_create_ssl_ctx", make_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def plugins_of_this_run(request):
    """Start MongoDB, if the plugins that TEST_PLUGINS names need it."""
    if TEST_PLUGINS != "sql":
        _mongods.append(request.getfixturevalue("mongod"))
    yield
    _mongods.clear()


@pytest.fixture(scope="session")
def keys():
    """The key pair that signs and checks tokens."""
    return make_key_pair()


@pytest.fixture(scope="session")
def other_keys():
    """A key pair that the server knows nothing of."""
    return make_key_pair()


@pytest.fixture(scope="session")
def token(keys):
    """Make a token: token("grumpy"), token("grumpy", exp=0)."""
    # To read the key takes longer than to sign with it.
    key = serialization.load_pem_private_key(keys.private.encode(), None)

    def make(username, **claims):
        claims = {"sub": username, "exp": time.time() + 3600} | claims
        return jwt.encode(claims, key, algorithm="RS256")

    return make


@pytest.fixture(scope="session")
def headers(token):
    """Make the headers of a user's requests: headers("grumpy").

    grumpy may search two base URIs and register in one, sleepy may search one,
    librarian may register in both and search none, noone has no permission,
    snow-white is admin, dopey is not registered.
    """

    def make(username):
        return {"Authorization": f"Bearer {token(username)}"}

    return make


@pytest.fixture(scope="session")
def grumpy(headers):
    """Headers of one who may search two base URIs, and register in one."""
    return headers("grumpy")


@pytest.fixture(scope="session")
def admin(headers):
    """Headers of an admin, who has no permission on any base URI."""
    return headers("snow-white")


@pytest.fixture(scope="session")
def shelf():
    """The databases of this run, where they are on a server."""
    with ExitStack() as stack:
        yield Shelf(stack)


@contextmanager
def open_database(folder, shelf):
    """Give the URL of an empty database."""
    if KIND == "sqlite":
        with empty_database(KIND, folder) as url:
            yield url
    else:
        url = shelf.take()
        yield url
        shelf.put_back(url)


@pytest.fixture
def database_url(tmp_path, shelf):
    """URL of an empty database."""
    with open_database(tmp_path, shelf) as url:
        yield url


@pytest.fixture
def config(tmp_path, keys, database_url):
    """Settings of an app that keeps all it has for itself."""
    return make_config(tmp_path, keys, database_url)


@pytest.fixture
def app(config):
    """An app with empty tables."""
    with open_app(config) as app:
        yield app


@pytest.fixture
def app_context(app):
    """An application context, for tests of Python names."""
    with app.app_context():
        yield app


@pytest.fixture
def runner(app):
    """Runs commands against empty tables."""
    return app.test_cli_runner()


@pytest.fixture
def client(app):
    """Sends requests to an app that has users and base URIs, and no dataset."""
    add_people(app)
    return app.test_client()


@pytest.fixture
def corpus(app, client, headers):
    """Add the datasets of tests/corpus.py to a client of one's own."""
    add_corpus(app, headers("librarian"))
    return DATASETS


@pytest.fixture(scope="session")
def library_app(tmp_path_factory, keys, headers, shelf):
    """One app with users and datasets for the whole run; nobody writes to it."""
    folder = tmp_path_factory.mktemp("library")
    with (
        open_database(folder, shelf) as url,
        open_app(make_config(folder, keys, url)) as app,
    ):
        add_people(app)
        add_corpus(app, headers("librarian"))
        yield app
        with app.app_context():
            left = [row["uri"] for row in list_datasets_by_user("grumpy")]
        assert sorted(left) == sorted(info["uri"] for info in DATASETS)


@pytest.fixture
def library(library_app):
    """Sends requests that only read to an app with users and datasets."""
    return library_app.test_client()


@pytest.fixture(scope="session")
def mongod(tmp_path_factory):
    """A MongoDB server for the whole run."""
    server = Mongod(tmp_path_factory.mktemp("mongod"))
    server.start()
    yield server
    server.stop()


def mongo_settings_of(server, plugins="mongo"):
    """Return settings for plugins with a database of their own.

    :param plugins: one of PLUGINS; of third parties, the extensions too
    """
    database = f"test_{uuid.uuid4().hex}"
    search, retrieve = PLUGINS[plugins]
    settings = {"SEARCH_PLUGIN": search, "RETRIEVE_PLUGIN": retrieve}
    for kind in ("SEARCH_MONGO", "RETRIEVE_MONGO", "MONGO"):
        settings[f"{kind}_URI"] = server.uri
        settings[f"{kind}_DB"] = database
        settings[f"{kind}_COLLECTION"] = "datasets"
        # No test depends on how fast the machine is.
        settings[f"{kind}_TIMEOUT"] = 60
    return settings | {"MONGO_COLLECTION": "of_extensions"}


@pytest.fixture(scope="class")
def mongo_settings(mongod):
    """Settings for both plugins, with a database of the class's own."""
    return mongo_settings_of(mongod)
