"""An installation of the real 0.18.0, with MongoDB, becomes one of this server.

PYTHON_OF_018 names the Python of a virtual environment with requirements_018.txt;
`tox -e takeover` makes one.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path

import bson
import pymongo
import pytest

from dtool_lookup_server import create_app, sql_db
from tests.conftest import PERMISSIONS
from tests.corpus import DATASETS
from tests.datasets_on_disk import make_dataset
from tests.takeover.questions import TEXTS, ask

HERE = Path(__file__).parent
USERS = ["grumpy", "sleepy", "librarian", "snow-white"]


@pytest.fixture(scope="module")
def python_of_018():
    """The Python that has 0.18.0."""
    python = os.environ.get("PYTHON_OF_018")
    if not python:
        pytest.skip("PYTHON_OF_018 names no Python with 0.18.0: run `tox -e takeover`")
    return Path(python)


@pytest.fixture(scope="module", params=[("datasets",) * 2, ("search", "contents")],
                ids=["one collection", "two collections"])  # fmt: skip
def settings(request, tmp_path_factory, mongod, keys):
    """The environment that 0.18 has been running with."""
    home = tmp_path_factory.mktemp("of_018")
    for name, key in (("private", keys.private), ("public", keys.public)):
        (home / name).write_text(key)
    database = f"takeover_{uuid.uuid4().hex}"
    settings = {
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{home}/app.db",
        "JWT_PRIVATE_KEY_FILE": str(home / "private"),
        "JWT_PUBLIC_KEY_FILE": str(home / "public"),
    }
    for kind, collection in zip(("SEARCH", "RETRIEVE"), request.param, strict=True):
        settings |= {
            f"{kind}_MONGO_URI": mongod.uri,
            f"{kind}_MONGO_DB": database,
            f"{kind}_MONGO_COLLECTION": collection,
        }
    return settings


@pytest.fixture(scope="module")
def answers_of_018(settings, python_of_018, tmp_path_factory, token):
    """Fill a new installation of 0.18, and return what each user is told by it."""
    folder = tmp_path_factory.mktemp("cwd")
    on_disk = f"file://{os.uname().nodename}{folder}/store"

    def run(program, *args):
        done = subprocess.run(
            [python_of_018.parent / program, *map(str, args)],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "FLASK_APP": "dtool_lookup_server",
                **settings,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for command in ("init", "migrate", "upgrade"):
        run("flask", "db", command)
    for name in USERS:
        run("flask", "user", "add", *(["-a"] if name == "snow-white" else []), name)
    for base_uri, may_search, may_register in [
        *PERMISSIONS,
        (on_disk, ["grumpy"], []),
    ]:
        run("flask", "base_uri", "add", base_uri)
        for name in may_search:
            run("flask", "user", "search_permission", name, base_uri)
        for name in may_register:
            run("flask", "user", "register_permission", name, base_uri)
    make_dataset(
        folder / "store",
        "roots",
        readme="---\ndescription: mandragora\n",
        items={"a/root.txt": "mandragora"},
        annotations={"colour": "crimson"},
        tags=["fruit", "plant"],
    )
    assert "Registered" in run("flask", "base_uri", "index", on_disk)
    (folder / "datasets.json").write_text(json.dumps(DATASETS))
    tokens = {name: token(name) for name in ("librarian", "grumpy", "sleepy")}
    (folder / "tokens.json").write_text(json.dumps(tokens))
    arguments = (folder / f"{name}.json" for name in ("datasets", "tokens", "answers"))
    run("python", HERE / "fill_018.py", *arguments)
    return json.loads((folder / "answers.json").read_text())


@pytest.fixture(scope="module")
def app(answers_of_018, settings, tmp_path_factory):
    """This server, as docs/howto/take_over.rst has it: upgrade, then reindex."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setenv("DTOOL_LOOKUP_SERVER_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("SEARCH_PLUGIN", "mongo")
        patch.setenv("RETRIEVE_PLUGIN", "mongo")
        app = create_app()
        runner = app.test_cli_runner()
        done = runner.invoke(args=["db", "upgrade"])
        assert done.exit_code == 0, done.output
        before = runner.invoke(args=["dataset", "verify"])
        assert before.output.count("SQL lacks what 0.18 did not keep there") == 13
        done = runner.invoke(args=["dataset", "reindex"])
        assert done.exit_code == 0, done.output
        assert "13 registered, 0 unchanged, 0 failed" in done.output
        yield app
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()


@pytest.fixture(scope="module")
def answers(app, headers):
    """What each user is told by this server."""
    client = app.test_client()
    return {name: ask(client, headers(name)) for name in ("grumpy", "sleepy")}


@pytest.fixture(scope="module")
def collections(app, settings):
    """The collections of the search and of the retrieve plugin."""
    with pymongo.MongoClient(settings["SEARCH_MONGO_URI"]) as server:
        database = server[settings["SEARCH_MONGO_DB"]]
        yield [
            database[settings[f"{kind}_MONGO_COLLECTION"]]
            for kind in ("SEARCH", "RETRIEVE")
        ]


@pytest.mark.parametrize("name", ["grumpy", "sleepy"])
@pytest.mark.parametrize("about", ["list", "lookup", "summary", "queries", "contents"])
def test_everybody_is_told_the_same(answers_of_018, answers, name, about):
    assert answers_of_018[name][about]
    assert answers[name][about] == answers_of_018[name][about]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_finds_the_same(answers_of_018, answers, text):
    found = answers_of_018["grumpy"]["texts"][text]
    assert bool(found) == (text != "nowhere")
    assert answers["grumpy"]["texts"][text] == found


def test_the_users_and_permissions_stay(app):
    listed = json.loads(app.test_cli_runner().invoke(args=["user", "list"]).stdout)
    users = {user["username"]: user for user in listed}
    assert set(users) == set(USERS)
    assert users["snow-white"]["is_admin"]
    assert len(users["grumpy"]["search_permissions_on_base_uris"]) == 3


def test_the_stores_agree(app):
    done = app.test_cli_runner().invoke(args=["dataset", "verify"])
    assert "13 unchanged, 0 different" in done.output


def test_every_uuid_is_text_in_the_end(collections):
    for collection in collections:
        uuids = [document["uuid"] for document in collection.find()]
        assert len(uuids) == 13
        assert not [value for value in uuids if isinstance(value, bson.Binary)]


def test_what_0_18_needed_for_searching_is_gone(collections):
    search, _contents = collections
    assert "$**_text" not in search.index_information()
    assert {"uri", "uuid", "base_uri", "text"} < set(search.index_information())
