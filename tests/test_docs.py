"""The documentation is complete, and builds without a warning."""

import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from textwrap import dedent

import click
import pytest

from dtool_lookup_server.command_line import command_line
from dtool_lookup_server.config import SETTINGS
from dtool_lookup_server.plugins.mongo.settings import RETRIEVE, SEARCH, settings_of
from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLRetrieve
from tests.conftest import add_corpus, add_people, open_app

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the documentation as HTML."""
    folder = tmp_path_factory.mktemp("docs")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    done = subprocess.run(
        [*command, "-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "html"


def text_of(built: Path, page: str) -> str:
    """Return the text of a page without its markup."""
    html = (built / "reference" / f"{page}.html").read_text(encoding="utf-8")
    return unescape(re.sub(r"<[^>]+>", "", html))


def commands_of(command: click.Command, path: str) -> list[str]:
    if not isinstance(command, click.Group):
        return [path]
    return [
        line
        for name, inner in command.commands.items()
        for line in commands_of(inner, f"{path} {name}")
    ]


def test_every_setting_is_documented(built):
    page = text_of(built, "settings")

    for setting in (*SETTINGS, *settings_of(SEARCH), *settings_of(RETRIEVE)):
        assert setting.name in page
        assert setting.help


def test_every_route_is_documented(built, app):
    page = text_of(built, "routes")

    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?(\w+)>", r"{\1}", rule.rule)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            assert f"{method} {path}" in page


def test_every_command_is_documented(built, app):
    page = text_of(built, "commands")

    for group in (command_line, app.cli):
        for command in commands_of(group, "dtool-lookup-server"):
            assert command in page


def test_plugins_of_the_manual_work(config, headers):
    manual = (DOCS / "plugins.rst").read_text(encoding="utf-8")
    names = {"__name__": __name__}
    for block in re.findall(r"code-block:: python\n.*\n((?:   .*\n|\n)+)", manual):
        if "setup(" not in block:
            exec(dedent(block), names)
    plugins = Plugins(names["NameSearch"](), SQLRetrieve(), [names["Hello"]()])

    with open_app(config, plugins) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        client, grumpy = app.test_client(), headers("grumpy")
        query = {"free_text": "survey"}
        found = client.post("/dataset/search", json=query, headers=grumpy).json

        assert [dataset["name"] for dataset in found] == ["mine-survey"]
        assert client.get("/hello/", headers=grumpy).json == {"hello": "grumpy"}
        assert client.get("/hello/").status_code == 401


def test_documentation_needs_no_other_host(built):
    for page in built.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert not re.search(
            r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//', html
        )


def test_the_tests_that_the_documentation_names_are_there():
    named = {
        path
        for page in DOCS.rglob("*.rst")
        for path in re.findall(r"\btests/[\w/]+\.py\b", page.read_text("utf-8"))
    }
    assert "tests/security/access.py" in named
    assert [path for path in named if not (DOCS.parent / path).is_file()] == []


def test_every_promise_of_security_names_a_test():
    text = (DOCS / "security.rst").read_text(encoding="utf-8")
    promises = text.partition("What is promised")[2].partition("CI runs all of")[0]
    items = re.split(r"\n- ", promises)[1:]
    assert len(items) > 20
    assert [item for item in items if "`tests/" not in item] == []
