"""The packages in examples/ are installed, used, and pass the contract."""

import json
import time
from pathlib import Path

import jwt
import pytest

from tests.conftest import make_config
from tests.installed import install, run

EXAMPLES = Path(__file__).parent.parent / "examples"
PACKAGES = ["file_contents", "file_search", "greeting", "journal"]

PROGRAM = """
import json
from dtool_lookup_server import create_app
from dtool_lookup_server.services import base_uris, registering
from tests.corpus import SNOW_WHITE, dataset_info

app = create_app(json.load(open({config!r})))
runner = app.test_cli_runner()
for args in ("db upgrade", "user add grumpy", "user add -a snow-white"):
    assert runner.invoke(args=args.split()).exit_code == 0
with app.app_context():
    base_uris.register(SNOW_WHITE)
    registering.register(dataset_info("one"))
client = app.test_client()
tokens = {tokens!r}

def get(path, name):
    answer = client.get(path, headers={{"Authorization": "Bearer " + tokens[name]}})
    return [answer.status_code, answer.json]

print(json.dumps({{
    "plugins": runner.invoke(args=["plugins"]).output,
    "greeting": get("/greeting/", "grumpy"),
    "nobody": client.get("/greeting/").status_code,
    "journal": get("/journal/", "snow-white"),
    "journal_of_user": get("/journal/", "grumpy")[0],
    "paths": list(client.get("/doc/openapi.json").json["paths"]),
    "versions": client.get("/config/versions").json,
}}))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The folder that all examples are installed in."""
    target = tmp_path_factory.mktemp("installed")
    sources = [EXAMPLES / name for name in PACKAGES]
    install(sources, target, tmp_path_factory.mktemp("scratch"))
    return target


def test_no_example_is_left_out():
    assert sorted(path.parent.name for path in EXAMPLES.glob("*/setup.py")) == PACKAGES


@pytest.mark.parametrize("name", ["file_contents", "file_search"])
def test_an_example_passes_the_contract(installed, tmp_path, name):
    tests = EXAMPLES / name / f"test_{name}.py"
    config = tmp_path / "pytest.ini"
    config.write_text("[pytest]\nfilterwarnings = error\n")
    options = ["-q", "-p", "no:cacheprovider", "-c", config, "--rootdir", tmp_path]
    done = run(
        installed,
        *("pytest", *options, tests),
        JOURNAL_FILE=str(tmp_path / "journal"),
        SEARCH_PLUGIN="sql",
        RETRIEVE_PLUGIN="sql",
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "failed" not in done.stdout


@pytest.fixture(scope="module")
def answers(installed, tmp_path_factory, keys):
    """What a server with all examples says."""
    folder = tmp_path_factory.mktemp("server")
    config = make_config(folder, keys) | {
        "SEARCH_PLUGIN": "files",
        "RETRIEVE_PLUGIN": "files",
        "FILE_SEARCH_FOLDER": str(folder),
        "FILE_CONTENTS_FOLDER": str(folder),
        "JOURNAL_FILE": str(folder / "journal"),
    }
    (folder / "config.json").write_text(json.dumps(config))
    until = time.time() + 3600
    tokens = {
        name: jwt.encode({"sub": name, "exp": until}, keys.private, algorithm="RS256")
        for name in ("grumpy", "snow-white")
    }
    program = folder / "program.py"
    program.write_text(
        PROGRAM.format(config=str(folder / "config.json"), tokens=tokens)
    )
    code = f"import runpy; runpy.run_path({str(program)!r})"
    (installed / "start_program.py").write_text(code)
    path = f"{installed}:{EXAMPLES.parent}"
    done = run(path, "start_program")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_blueprint_knows_its_user(answers):
    assert answers["greeting"] == [200, {"greeting": "Hello, grumpy"}]
    assert answers["nobody"] == 401


def test_an_extension_hears_of_registrations(answers):
    status, [entry] = answers["journal"]
    assert status == 200
    assert entry["uri"].startswith("s3://snow-white/")


def test_a_guard_lets_only_admins_through(answers):
    assert answers["journal_of_user"] in (403, 404)


def test_every_example_is_documented_listed_and_used(answers):
    assert {"/greeting/", "/journal/"} <= set(answers["paths"])
    assert set(PACKAGES) <= set(answers["versions"])
    lines = answers["plugins"].splitlines()
    for name in PACKAGES:
        distribution = f"example-{name.replace('_', '-')}"
        [line] = [line for line in lines if distribution in line]
        assert line.split()[-2:] == ["1.0", "yes"]
