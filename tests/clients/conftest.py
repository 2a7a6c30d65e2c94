"""Existing clients, unmodified, each in an environment of its own."""

import os
import subprocess
import sys

import pytest

from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.live_server import serve


@pytest.fixture
def server(tmp_path, keys, headers):
    """The URL of a server with users and datasets, which also knows passwords."""
    settings = make_config(tmp_path, keys) | {
        "TOKEN_PASSWORD_FILE": str(tmp_path / "passwords"),
        "EDITS": "index",
    }
    with open_app(settings) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        typed = "correct horse\ncorrect horse\n"
        args = ["user", "set-password", "snow-white"]
        assert app.test_cli_runner().invoke(args=args, input=typed).exit_code == 0
        with serve(app) as url:
            yield url


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """Make a virtual environment with packages: environment("dtool-cli")."""
    made = {}

    def make(*packages, build=()):
        if packages not in made:
            folder = tmp_path_factory.mktemp("client")
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
            pip = [str(folder / "bin" / "pip"), "install", "--quiet"]
            # What is to be built is built with old tools, which these need.
            if build:
                subprocess.run([*pip, *build], check=True)
            isolation = ["--no-build-isolation"] if build else []
            subprocess.run([*pip, *isolation, *packages], check=True)
            made[packages] = folder / "bin"
        return made[packages]

    return make


@pytest.fixture
def run(tmp_path):
    """Run a program with nothing but a few variables, and return what it prints."""

    def run(*command, **variables):
        done = subprocess.run(
            [str(part) for part in command],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
