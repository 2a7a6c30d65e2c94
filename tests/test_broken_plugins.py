"""Installed distributions whose plugin cannot be used: named, with the reason."""

import pytest

from tests.conftest import make_config
from tests.installed import install, run

SETUP = """
from setuptools import setup

setup(
    name={name!r},
    version="7.8.9",
    py_modules=[{module!r}],
    entry_points={{"dtool_lookup_server.{group}": ["odd = {module}:{target}"]}},
)
"""

#: The group, the module's code, what the entry point names, and the reason.
BROKEN = {
    "missing-import": ("extension", "import nosuch", "Odd", "No module named 'nosuch'"),
    "syntax-error": ("search", "def", "Odd", "SyntaxError"),
    "fails-at-import": ("retrieve", "1 / 0", "Odd", "ZeroDivisionError"),
    "no-such-name": ("blueprints", "x = 1", "Odd", "has no attribute 'Odd'"),
    "no-blueprint": ("blueprints", "Odd = 1", "Odd", "is not a Flask Blueprint"),
    "cannot-be-made": (
        "extension",
        "class Odd:\n    def __init__(self, more): ...",
        "Odd",
        "missing 1 required positional argument",
    ),
}


@pytest.fixture(scope="module", params=BROKEN)
def broken(request, tmp_path_factory):
    """The name of a broken distribution, the reason, and the folder it is in."""
    folder = tmp_path_factory.mktemp("broken")
    group, code, target, reason = BROKEN[request.param]
    module = request.param.replace("-", "_")
    source = folder / "sources" / module
    source.mkdir(parents=True)
    (source / f"{module}.py").write_text(code + "\n")
    names = {"name": request.param, "module": module, "group": group, "target": target}
    (source / "setup.py").write_text(SETUP.format(**names))
    install([source], folder / "site", folder)
    return request.param, reason, folder / "site"


@pytest.fixture
def settings(tmp_path, keys):
    """The environment of a server that uses whatever third party's plugin there is."""
    config = make_config(tmp_path, keys)
    return {key: config[key] for key in config if key.startswith(("SQL", "DTOOL"))}


def test_the_start_fails_and_names_it(broken, settings):
    name, reason, site = broken
    done = run(site, "dtool_lookup_server", "user", "list", **settings)
    assert done.returncode == 1
    assert name in done.stderr
    assert reason in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_list_of_plugins_goes_on_and_names_it(broken, settings):
    name, reason, site = broken
    done = run(site, "dtool_lookup_server", "plugins", **settings)
    assert done.returncode == 1
    [line] = [line for line in done.stdout.splitlines() if name in line]
    assert "7.8.9" in line
    assert line.endswith("broken")
    assert "mongo" in done.stdout
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
