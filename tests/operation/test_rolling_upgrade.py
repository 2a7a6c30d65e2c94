"""A rolling upgrade: the version before and this one serve side by side.

The version before is the newest release in the history of the repository. Before there
is one it is the newest state of the sources with older tables than these.
"""

import io
import json
import os
import subprocess
import sys
import tarfile
from contextlib import contextmanager

import pytest

from tests.conftest import add_people
from tests.corpus import SNOW_WHITE, dataset_info
from tests.databases import SERVERS, empty_database
from tests.operation.processes import REPOSITORY, free_port, get, running, wait_for

STEPS = "migrations/versions"


def git(*arguments):
    """Return what git says; skip where it has no history, fail under CI."""
    try:
        done = subprocess.run(
            ["git", "-C", REPOSITORY, *arguments], capture_output=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = f"no history of the repository: {error}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return done.stdout


def version_before():
    """Return the newest release, or the newest commit with older tables."""
    tags = git("tag", "--list", "v*", "--sort=-version:refname", "--merged").split()
    if tags:
        return tags[0].decode()
    now = {path.name[:4] for path in (REPOSITORY / STEPS).glob("[0-9]*.py")}
    # What a merge leaves on the way to the next one was never meant to run.
    history = git("log", "--first-parent", "--no-merges", "--format=%H", "--", STEPS)
    for commit in history.decode().split():
        names = git("ls-tree", "--name-only", f"{commit}:{STEPS}").decode().split()
        if {name[:4] for name in names if name[:4].isdigit()} < now:
            return commit
    raise AssertionError("no commit has older tables")


@pytest.fixture(scope="module")
def old_code(tmp_path_factory):
    """A folder with the code of the version before."""
    folder = tmp_path_factory.mktemp("before")
    archive = git("archive", version_before(), "dtool_lookup_server", "migrations")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request, tmp_path):
    """URL of an empty database of each kind."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@contextmanager
def serving(config, code=REPOSITORY):
    """Give what asks a server that runs some code: ask(path, headers, json)."""
    port = free_port()
    names = ("DTOOL_LOOKUP_SERVER_HOME", "SQLALCHEMY_DATABASE_URI", "JWT_PUBLIC_KEY")
    environment = {name: config[name] for name in names}
    command = [
        *(sys.executable, "-m", "gunicorn", "--log-level=error"),
        *(f"--bind=127.0.0.1:{port}", "dtool_lookup_server:create_app()"),
    ]
    with running(
        command,
        cwd=code,
        env={**os.environ, **environment, "PYTHONPATH": str(code)},
        stderr=subprocess.DEVNULL,
    ) as process:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/config/versions", process)

        def ask(path, headers, body=None):
            data = None if body is None else json.dumps(body).encode()
            headers = {**headers, "Content-Type": "application/json"}
            status, _headers, text = get(url + path, headers, data=data)
            assert status in (200, 201), text
            return json.loads(text)

        yield ask


def test_both_versions_serve_on_the_new_tables(empty_app, config, old_code, grumpy):
    upgraded = empty_app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert upgraded.exit_code == 0, upgraded.output
    add_people(empty_app)
    with serving(config, old_code) as old, serving(config) as new:
        by_old = dataset_info("by-old", SNOW_WHITE, readme="fruit: apple", tags=["a"])
        by_new = dataset_info("by-new", SNOW_WHITE, readme="fruit: apple", tags=["a"])
        old("/dataset/register", grumpy, by_old)
        new("/dataset/register", grumpy, by_new)
        for ask in (old, new):
            found = ask("/dataset/search", grumpy, {"free_text": "apples"})
            assert {row["name"] for row in found} == {"by-old", "by-new"}
            listed = ask("/dataset/list", grumpy)
            assert {row["name"] for row in listed} == {"by-old", "by-new"}
            for info in (by_old, by_new):
                read = ask("/dataset/readme", grumpy, {"uri": info["uri"]})
                assert read == info["readme"]
            assert ask("/dataset/summary", grumpy)["number_of_datasets"] == 2
        # Each changes what the other one has registered.
        old("/dataset/register", grumpy, {**by_new, "readme": "fruit: plum"})
        new("/dataset/register", grumpy, {**by_old, "readme": "fruit: plum"})
        for ask in (old, new):
            found = ask("/dataset/search", grumpy, {"free_text": "plum"})
            assert len(found) == 2
