"""The commands of `flask` and of `dtool-lookup-server`."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import dtoolcore
import jwt
import pytest
from click.testing import CliRunner

import dtool_lookup_server
from dtool_lookup_server import __version__, create_app, sql_db
from dtool_lookup_server.__main__ import main
from dtool_lookup_server.command_line import command_line
from tests.conftest import make_config, open_app
from tests.corpus import SNOW_WHITE
from tests.databases import KIND, empty_database
from tests.datasets_on_disk import README, make_dataset, path_of


@pytest.fixture
def run(runner):
    """Run a command: run("user", "add", "grumpy")."""
    return lambda *args: runner.invoke(args=args)


@pytest.fixture
def succeed(run):
    """Run a command that must succeed, and return what it printed."""

    def check(*args):
        result = run(*args)
        assert result.exit_code == 0, result.output
        return result.stdout

    return check


@pytest.fixture
def fail(run):
    """Run a command that must fail, and return what it said on standard error."""

    def check(*args):
        result = run(*args)
        assert result.exit_code not in (0, None)
        assert result.exit_code < 3, result.output
        return result.stderr

    return check


@pytest.fixture
def users(succeed):
    """The users as `user list` has them."""
    return lambda: {
        user["username"]: user for user in json.loads(succeed("user", "list"))
    }


@pytest.fixture
def base_uris(succeed):
    """The base URIs as `base_uri list` has them."""
    return lambda: [row["base_uri"] for row in json.loads(succeed("base_uri", "list"))]


# user


def test_there_are_no_users_at_first(succeed):
    assert json.loads(succeed("user", "list")) == []


@pytest.mark.parametrize(
    ("options", "is_admin"), [([], False), (["--is_admin"], True), (["-a"], True)]
)
def test_user_add(succeed, options, is_admin):
    succeed("user", "add", *options, "grumpy")
    assert json.loads(succeed("user", "list")) == [
        {
            "username": "grumpy",
            "is_admin": is_admin,
            "search_permissions_on_base_uris": [],
            "register_permissions_on_base_uris": [],
        }
    ]


def test_adding_a_user_twice_fails(succeed, fail, users):
    succeed("user", "add", "grumpy")
    assert "User 'grumpy' already registered" in fail("user", "add", "-a", "grumpy")
    assert users()["grumpy"]["is_admin"] is False


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[31m", "x" * 65])
def test_a_name_that_cannot_be_is_refused(fail, users, name):
    assert fail("user", "add", name)
    assert users() == {}


@pytest.mark.parametrize("name", ["o'neill", "Schneewittchen Müller", "日本"])
def test_a_name_is_any_text_of_a_line(succeed, users, name):
    succeed("user", "add", name)
    assert list(users()) == [name]


@pytest.mark.parametrize(("options", "is_admin"), [([], False), (["-a"], True)])
def test_user_update_sets_is_admin(succeed, users, options, is_admin):
    succeed("user", "add", *([] if options else ["-a"]), "grumpy")
    succeed("user", "update", *options, "grumpy")
    assert users()["grumpy"]["is_admin"] is is_admin


def test_updating_a_user_who_is_not_there_fails(fail, users):
    assert "User 'doc' is not registered yet" in fail("user", "update", "-a", "doc")
    assert users() == {}


def test_user_delete(succeed, users):
    succeed("user", "add", "grumpy")
    succeed("user", "add", "sleepy")
    succeed("user", "delete", "grumpy")
    assert list(users()) == ["sleepy"]


@pytest.mark.parametrize("kind", ["search", "register"])
def test_a_permission_is_given_and_listed(succeed, users, kind):
    succeed("user", "add", "grumpy")
    succeed("base_uri", "add", SNOW_WHITE)
    succeed("user", f"{kind}_permission", "grumpy", SNOW_WHITE)
    granted = {key for key, value in users()["grumpy"].items() if value == [SNOW_WHITE]}
    assert granted == {f"{kind}_permissions_on_base_uris"}


@pytest.mark.parametrize("kind", ["search", "register"])
def test_a_permission_takes_none_away(succeed, users, kind):
    succeed("user", "add", "grumpy")
    for base_uri in (SNOW_WHITE, "s3://second"):
        succeed("base_uri", "add", base_uri)
        succeed("user", "search_permission", "grumpy", base_uri)
        succeed("user", "register_permission", "grumpy", base_uri)
    key = f"{kind}_permissions_on_base_uris"
    assert sorted(users()["grumpy"][key]) == ["s3://second", SNOW_WHITE]


@pytest.mark.parametrize("kind", ["search", "register"])
def test_a_permission_twice_fails(succeed, fail, kind):
    succeed("user", "add", "grumpy")
    succeed("base_uri", "add", SNOW_WHITE)
    command = ("user", f"{kind}_permission", "grumpy", SNOW_WHITE)
    succeed(*command)
    assert f"User 'grumpy' already has {kind} permissions" in fail(*command)


@pytest.mark.parametrize("kind", ["search", "register"])
def test_a_permission_on_an_unknown_base_uri_fails(succeed, fail, kind):
    succeed("user", "add", "grumpy")
    said = fail("user", f"{kind}_permission", "grumpy", "s3://unknown")
    assert "Base URI 's3://unknown' not registered" in said


@pytest.mark.parametrize("kind", ["search", "register"])
def test_a_permission_for_nobody_fails(succeed, fail, kind):
    succeed("base_uri", "add", SNOW_WHITE)
    said = fail("user", f"{kind}_permission", "dopey", SNOW_WHITE)
    assert "User 'dopey' not registered" in said


# user token


def test_a_token_is_one_line_that_the_public_key_verifies(succeed, keys):
    succeed("user", "add", "grumpy")
    printed = succeed("user", "token", "grumpy")
    assert printed.count("\n") == 1
    claims = jwt.decode(printed.strip(), keys.public, algorithms=["RS256"])
    assert claims["sub"] == "grumpy"
    assert claims["exp"] > time.time()


def test_a_token_may_last_forever(succeed, keys):
    succeed("user", "add", "grumpy")
    printed = succeed("user", "token", "--last-forever", "grumpy").strip()
    assert "exp" not in jwt.decode(printed, keys.public, algorithms=["RS256"])


@pytest.mark.parametrize("options", [[], ["--last-forever"]])
def test_a_token_opens_the_api(app, succeed, options):
    succeed("user", "add", "grumpy")
    token = succeed("user", "token", *options, "grumpy").strip()
    headers = {"Authorization": f"Bearer {token}"}
    response = app.test_client().get("/dataset/list", headers=headers)
    assert response.status_code == 200


def test_a_token_for_nobody_fails(run):
    result = run("user", "token", "dopey")
    assert result.exit_code == 1
    assert "User 'dopey' not registered" in result.stderr
    assert result.stdout == ""


# base_uri


def test_there_are_no_base_uris_at_first(succeed):
    assert json.loads(succeed("base_uri", "list")) == []


def test_base_uri_add(succeed):
    succeed("base_uri", "add", SNOW_WHITE)
    assert json.loads(succeed("base_uri", "list")) == [
        {
            "base_uri": SNOW_WHITE,
            "users_with_search_permissions": [],
            "users_with_register_permissions": [],
        }
    ]


def test_permissions_are_listed_with_a_base_uri(succeed):
    succeed("base_uri", "add", SNOW_WHITE)
    succeed("user", "add", "grumpy")
    succeed("user", "search_permission", "grumpy", SNOW_WHITE)
    [row] = json.loads(succeed("base_uri", "list"))
    assert row["users_with_search_permissions"] == ["grumpy"]
    assert row["users_with_register_permissions"] == []


@pytest.mark.parametrize("again", [SNOW_WHITE, SNOW_WHITE + "/"])
def test_adding_a_base_uri_twice_fails(succeed, fail, base_uris, again):
    succeed("base_uri", "add", SNOW_WHITE)
    said = fail("base_uri", "add", again)
    assert "Base URI 's3://snow-white' already registered" in said
    assert base_uris() == [SNOW_WHITE]


@pytest.mark.parametrize("base_uri", ["s3://", "", "s3://a\nb", "s3://" + "x" * 9000])
def test_what_is_no_base_uri_is_refused(fail, base_uris, base_uri):
    assert fail("base_uri", "add", base_uri)
    assert base_uris() == []


FORMS = ["{path}", "{path}/", "file://{path}", "file://{host}{path}", "file://{path}/"]


@pytest.mark.parametrize("form", FORMS)
def test_each_spelling_of_a_folder_is_the_base_uri_of_dtoolcore(
    succeed, base_uris, tmp_path, form
):
    host = socket.gethostname()
    succeed("base_uri", "add", form.format(path=tmp_path, host=host))
    assert base_uris() == [f"file://{host}{tmp_path}"]


def test_a_relative_path_is_the_same_base_uri(
    succeed, base_uris, tmp_path, monkeypatch
):
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    succeed("base_uri", "add", "data")
    assert base_uris() == [f"file://{socket.gethostname()}{tmp_path}/data"]


@pytest.mark.parametrize("form", FORMS)
def test_every_spelling_finds_what_another_one_added(succeed, fail, tmp_path, form):
    spelled = form.format(path=tmp_path, host=socket.gethostname())
    succeed("base_uri", "add", str(tmp_path))
    succeed("user", "add", "grumpy")
    assert "already registered" in fail("base_uri", "add", spelled)
    succeed("user", "search_permission", "grumpy", spelled)
    succeed("base_uri", "index", spelled)


# base_uri index


def counts_in(printed):
    """Return the numbers of the last line: registered, unchanged, failed."""
    last = printed.strip().splitlines()[-1]
    found = re.findall(r"(\d+) (registered|unchanged|failed)", last)
    return {word: int(number) for number, word in found}


def counts(registered=0, unchanged=0, failed=0):
    return {"registered": registered, "unchanged": unchanged, "failed": failed}


@pytest.fixture
def folder(tmp_path, succeed):
    """A folder for datasets, whose name has a space and an accent: a base URI."""
    folder = tmp_path / "mes données"
    folder.mkdir()
    succeed("base_uri", "add", str(folder))
    succeed("user", "add", "grumpy")
    succeed("user", "search_permission", "grumpy", str(folder))
    return folder


@pytest.fixture
def index(succeed, folder):
    """Index the folder, which must succeed, and return what was printed."""
    return lambda *options: succeed("base_uri", "index", *options, str(folder))


@pytest.fixture
def api(app, grumpy):
    """Ask the server: api("/dataset/list"), api("/dataset/search", free_text="x")."""
    client = app.test_client()

    def ask(path, **body):
        method = "POST" if body else "GET"
        response = client.open(path, method=method, json=body or None, headers=grumpy)
        assert response.status_code == 200, response.text
        return response.json

    return ask


def test_an_empty_folder_is_indexed(index):
    assert counts_in(index()) == counts()


def test_every_dataset_is_registered_and_named(index, folder, api):
    made = [make_dataset(folder, name) for name in ("one", "two", "three")]
    printed = index()
    for dataset in made:
        assert f"Registered: {dataset.uri}\n" in printed
    assert counts_in(printed) == counts(registered=3)
    listed = [row["uri"] for row in api("/dataset/list")]
    assert sorted(listed) == sorted(dataset.uri for dataset in made)


def test_a_row_is_what_dtoolcore_says(index, folder, api):
    dataset = make_dataset(folder, "one", items={"a.txt": "abc", "b": ""}, tags=["x"])
    index()
    [row] = api("/dataset/list")
    metadata = dataset.admin_metadata
    for key in ("uuid", "name", "creator_username", "type", "dtoolcore_version"):
        assert row[key] == metadata[key]
    for key in ("frozen_at", "created_at"):
        assert row[key] == pytest.approx(float(metadata[key]), abs=1e-6)
    assert row["uri"] == dataset.uri
    assert row["base_uri"] == dataset.base_uri
    assert row["tags"] == ["x"]
    assert (row["number_of_items"], row["size_in_bytes"]) == (2, 3)


@pytest.mark.parametrize(
    "text",
    ["hypocotyl", "etiolation", "chlorophyll", "shelf", "U00096.3.rev.1.bt2", "été"],
)
def test_words_of_a_dataset_are_found(index, folder, api, text):
    dataset = make_dataset(
        folder,
        "dark",
        items={"a b/U00096.3.rev.1.bt2": "", "été 2017.csv": ""},
        annotations={"pigment": "chlorophyll"},
        tags=["shelf-7"],
    )
    make_dataset(folder, "other", readme="---\nx: y\n")
    index()
    found = api("/dataset/search", free_text=text)
    assert [row["uri"] for row in found] == [dataset.uri]


def test_content_is_what_dtoolcore_gives(index, folder, api):
    items = {f"folder {n % 7}/é_{n:03}.txt": "x" * n for n in range(300)}
    annotations = {"number": 1, "list": [1, {"a": None}], "text": "ü"}
    dataset = make_dataset(folder, "one", items=items, annotations=annotations)
    dataset.put_overlay("checked", {i: True for i in dataset.identifiers})
    index()
    assert api("/dataset/readme", uri=dataset.uri) == README
    assert api("/dataset/annotations", uri=dataset.uri) == annotations
    assert api("/dataset/manifest", uri=dataset.uri) == dataset._manifest


def test_a_name_with_spaces_and_accents_is_indexed(index, folder, api):
    dataset = make_dataset(folder, "plain")
    metadata = path_of(dataset) / ".dtool" / "dtool"
    metadata.write_text(metadata.read_text().replace('"plain"', '"Été au soleil"'))
    path_of(dataset).rename(folder / "Été au soleil")
    assert counts_in(index()) == counts(registered=1)
    [row] = api("/dataset/list")
    assert row["name"] == "Été au soleil"
    assert api("/dataset/readme", uri=row["uri"]) == README


def test_a_uuid_of_an_indexed_dataset_is_looked_up(index, folder, api):
    dataset = make_dataset(folder, "one")
    index()
    [row] = api(f"/dataset/lookup/{dataset.uuid}")
    assert row["uri"] == dataset.uri


def test_indexing_again_changes_nothing(index, folder, api):
    make_dataset(folder, "one", items={"a": "a"}, annotations={"a": 1}, tags=["x"])
    make_dataset(folder, "two")
    index()
    before = api("/dataset/list")
    assert counts_in(index()) == counts(unchanged=2)
    assert api("/dataset/list") == before


def test_a_new_dataset_is_all_that_is_registered_again(index, folder):
    make_dataset(folder, "one")
    index()
    make_dataset(folder, "two")
    assert counts_in(index()) == counts(registered=1, unchanged=1)


@pytest.mark.parametrize(
    ("change", "path", "expected"),
    [
        (lambda d: d.put_tag("new"), "tags", ["new", "old"]),
        (lambda d: d.delete_tag("old"), "tags", []),
        (lambda d: d.put_annotation("a", 2), "annotations", {"a": 2}),
        (lambda d: d.put_readme("---\nnew: 1\n"), "readme", "---\nnew: 1\n"),
        (lambda d: d.update_name("renamed"), "name", "renamed"),
    ],
    ids=["tag", "tag taken away", "annotation", "readme", "name"],
)
def test_a_change_is_registered(index, folder, api, change, path, expected):
    make_dataset(folder, "one")
    dataset = make_dataset(folder, "two", annotations={"a": 1}, tags=["old"])
    index()
    change(dataset)
    assert counts_in(index()) == counts(registered=1, unchanged=1)
    if path in ("annotations", "readme"):
        assert api(f"/dataset/{path}", uri=dataset.uri) == expected
    else:
        row = next(row for row in api("/dataset/list") if row["uri"] == dataset.uri)
        found = row[path]
        assert (sorted(found) if path == "tags" else found) == expected


def test_without_prune_a_dataset_that_is_gone_stays(index, folder, api):
    dataset = make_dataset(folder, "one")
    index()
    shutil.rmtree(path_of(dataset))
    index()
    assert len(api("/dataset/list")) == 1


def test_prune_forgets_what_is_gone_and_says_so(index, folder, api):
    kept, gone = make_dataset(folder, "kept"), make_dataset(folder, "gone")
    index()
    shutil.rmtree(path_of(gone))
    printed = index("--prune")
    assert re.search(rf"(?im)^(forg|remov|prun)\w*:? .*{re.escape(gone.uri)}$", printed)
    assert [row["uri"] for row in api("/dataset/list")] == [kept.uri]
    assert api(f"/dataset/lookup/{gone.uuid}") == []
    assert [row["uri"] for row in api("/dataset/search", free_text="dark")] == [
        kept.uri
    ]


def test_prune_leaves_other_base_uris_alone(index, succeed, folder, tmp_path, api):
    other = make_dataset(tmp_path / "other", "elsewhere")
    succeed("base_uri", "add", str(tmp_path / "other"))
    succeed("user", "search_permission", "grumpy", str(tmp_path / "other"))
    succeed("base_uri", "index", str(tmp_path / "other"))
    index("--prune")
    assert [row["uri"] for row in api("/dataset/list")] == [other.uri]


def test_prune_keeps_a_dataset_that_fails(folder, index, run, api):
    dataset = make_dataset(folder, "one")
    index()
    (path_of(dataset) / "README.yml").write_text("---\n- [")
    assert run("base_uri", "index", "--prune", str(folder)).exit_code != 0
    assert len(api("/dataset/list")) == 1


def test_a_dataset_that_is_not_frozen_is_passed_over(index, folder):
    make_dataset(folder, "frozen")
    dtoolcore.create_proto_dataset("draft", str(folder))
    assert counts_in(index()) == counts(registered=1)


def break_readme(path):
    (path / "README.yml").write_text("---\nname: [unclosed\n")


def break_manifest(path):
    (path / ".dtool" / "manifest.json").write_text("{")


def break_annotation(path):
    annotations = path / ".dtool" / "annotations"
    annotations.mkdir(exist_ok=True)
    (annotations / "a.json").write_text("{")


def break_metadata(path):
    (path / ".dtool" / "dtool").write_text("nonsense")


def lose_manifest(path):
    (path / ".dtool" / "manifest.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [break_readme, break_manifest, break_annotation, break_metadata, lose_manifest],
)
def test_a_broken_dataset_is_named_and_the_others_go_on(run, folder, api, damage):
    whole = [make_dataset(folder, name) for name in ("first", "zoo")]
    broken = make_dataset(folder, "middle")
    damage(path_of(broken))
    result = run("base_uri", "index", str(folder))
    assert result.exit_code not in (0, None)
    assert not isinstance(result.exception, Exception) or result.exit_code == 1
    assert broken.uri in result.output
    assert sorted(row["uri"] for row in api("/dataset/list")) == sorted(
        dataset.uri for dataset in whole
    )
    assert counts_in(result.stdout) == counts(registered=2, failed=1)


def test_a_broken_readme_is_called_by_its_name(run, folder):
    dataset = make_dataset(folder, "broken", readme="---\nname: [unclosed\n")
    result = run("base_uri", "index", str(folder))
    assert f"Failed to register: broken {dataset.uri}" in result.output
    assert "README YAML" in result.output


def test_a_dataset_that_is_mended_is_registered(run, folder, index, api):
    dataset = make_dataset(folder, "broken", readme="---\nname: [unclosed\n")
    assert run("base_uri", "index", str(folder)).exit_code != 0
    (path_of(dataset) / "README.yml").write_text(README)
    assert counts_in(index()) == counts(registered=1)


def test_indexing_an_unknown_base_uri_fails(fail, tmp_path):
    uri = f"file://{socket.gethostname()}{tmp_path}"
    assert f"Base URI '{uri}' not registered" in fail(
        "base_uri", "index", str(tmp_path)
    )


@pytest.mark.parametrize("base_uri", ["no-such-scheme://x", "/no/such/folder"])
def test_a_base_uri_that_cannot_be_read_fails_in_one_line(succeed, fail, base_uri):
    succeed("base_uri", "add", base_uri)
    said = fail("base_uri", "index", base_uri)
    assert base_uri in said
    assert "Traceback" not in said


def test_progress_is_not_shown_in_a_pipe(run, folder):
    make_dataset(folder, "one")
    result = run("base_uri", "index", str(folder))
    assert result.stderr == ""
    assert "\r" not in result.stdout


# config


def test_config_show_is_json_in_lower_case(succeed):
    shown = json.loads(succeed("config", "show"))
    assert shown["testing"] is True
    assert shown["openapi_url_prefix"] == "/doc"
    assert all(key == key.lower() for key in shown)


def test_config_show_has_no_secrets(config, keys):
    settings = {
        "SECRET_KEY": "open-sesame",
        "SEARCH_MONGO_URI": "mongodb://queen:open-sesame@localhost/",
    }
    with open_app(config | settings) as app:
        printed = app.test_cli_runner().invoke(args=["config", "show"]).output
    assert "open-sesame" not in printed
    assert keys.private.splitlines()[3] not in printed
    assert json.loads(printed)["secret_key"] == "***"


def test_config_versions_is_json(succeed):
    versions = json.loads(succeed("config", "versions"))
    assert versions["dtool_lookup_server"] == __version__
    assert all(isinstance(version, str) for version in versions.values())


# db


@pytest.fixture
def bare_runner(tmp_path, keys):
    """Runs commands where there is no table yet."""
    # The databases of other tests are used again, with their tables.
    with empty_database(KIND, tmp_path) as url:
        app = create_app(make_config(tmp_path, keys, url))
        yield app.test_cli_runner()
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()


def test_db_upgrade_is_all_that_is_needed(bare_runner):
    assert bare_runner.invoke(args=["db", "upgrade"]).exit_code == 0
    assert bare_runner.invoke(args=["user", "add", "grumpy"]).exit_code == 0
    assert "grumpy" in bare_runner.invoke(args=["user", "list"]).stdout


def test_db_upgrade_twice_is_fine(bare_runner):
    for _ in range(2):
        assert bare_runner.invoke(args=["db", "upgrade"]).exit_code == 0


def test_the_three_commands_of_the_old_set_up_succeed(
    bare_runner, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    for command in ("init", "migrate", "upgrade"):
        assert bare_runner.invoke(args=["db", command]).exit_code == 0, command
    assert bare_runner.invoke(args=["user", "add", "grumpy"]).exit_code == 0
    made = {path.name for path in tmp_path.iterdir()} - set(before)
    assert not any(name.startswith("migrations") for name in made)


def test_the_migrations_make_the_tables_of_the_models(bare_runner):
    bare_runner.invoke(args=["db", "upgrade"])
    result = bare_runner.invoke(args=["db", "check"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    "command", [["user", "list"], ["base_uri", "list"], ["user", "add", "grumpy"]]
)
def test_without_tables_a_command_says_what_to_do(bare_runner, command):
    result = bare_runner.invoke(args=command)
    assert result.exit_code == 1
    assert "db upgrade" in result.stderr
    assert "Traceback" not in result.output


# init, plugins


def test_init_makes_all_that_is_needed(tmp_path):
    home = tmp_path / "home"
    app = create_app({"DTOOL_LOOKUP_SERVER_HOME": str(home), "TESTING": True})
    runner = app.test_cli_runner()
    assert runner.invoke(args=["init"]).exit_code == 0
    users = json.loads(runner.invoke(args=["user", "list"]).stdout)
    assert [user["is_admin"] for user in users] == [True]
    assert runner.invoke(args=["user", "token", users[0]["username"]]).exit_code == 0
    with app.app_context():
        sql_db.engine.dispose()


def test_init_twice_is_the_same_server(tmp_path):
    app = create_app({"DTOOL_LOOKUP_SERVER_HOME": str(tmp_path), "TESTING": True})
    runner = app.test_cli_runner()
    listed = []
    for _ in range(2):
        assert runner.invoke(args=["init"]).exit_code == 0
        listed.append(runner.invoke(args=["user", "list"]).stdout)
    assert listed[0] == listed[1]
    with app.app_context():
        sql_db.engine.dispose()


def test_what_is_secret_is_readable_by_its_owner_alone(tmp_path):
    home = tmp_path / "home"
    create_app({"DTOOL_LOOKUP_SERVER_HOME": str(home), "TESTING": True})
    assert home.stat().st_mode & 0o077 == 0
    secret = [
        path for path in home.iterdir() if "PRIVATE KEY" in path.read_text("latin-1")
    ]
    assert secret
    assert [path.stat().st_mode & 0o777 for path in secret] == [0o600] * len(secret)


def test_plugins_lists_what_is_installed_and_used(succeed):
    printed = succeed("plugins")
    for group in ("dtool_lookup_server.search", "dtool_lookup_server.retrieve"):
        assert re.search(rf"(?m)^{group}\s+sql\b.*\byes\b", printed)


# As people type them


def run_program(*args, **environment):
    """Run a program in a process of its own, with no setting but those given."""
    clean = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return subprocess.run(
        [sys.executable, *args],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


CONSOLE_SCRIPT = """
import sys
from importlib.metadata import entry_points
[script] = {
    entry.value: entry
    for entry in entry_points(group="console_scripts", name="dtool-lookup-server")
}.values()
sys.argv[0] = "dtool-lookup-server"
sys.exit(script.load()())
"""


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        (["-m", "flask"], {"FLASK_APP": "dtool_lookup_server"}),
        (["-c", CONSOLE_SCRIPT], {}),
    ],
    ids=["flask", "dtool-lookup-server"],
)
def test_the_commands_are_there_from_any_folder(
    tmp_path, monkeypatch, program, environment
):
    monkeypatch.chdir(tmp_path)
    environment = environment | {"DTOOL_LOOKUP_SERVER_HOME": str(tmp_path / "home")}
    for command in (["db", "upgrade"], ["user", "add", "grumpy"]):
        done = run_program(*program, *command, **environment)
        assert done.returncode == 0, done.stderr
    listed = run_program(*program, "user", "list", **environment)
    assert [user["username"] for user in json.loads(listed.stdout)] == ["grumpy"]


@pytest.mark.parametrize(
    "command",
    [
        "user",
        "base_uri",
        "config",
        "db",
        "init",
        "demo",
        "plugins",
        "user token",
        "base_uri index",
    ],
)
def test_every_command_has_help(runner, command):
    result = runner.invoke(args=[*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("name", ["user", "base_uri", "config", "db", "init", "demo"])
def test_help_is_there_where_the_app_cannot_be_made(monkeypatch, name):
    monkeypatch.setenv("SEARCH_PLUGIN", "no-such-plugin")
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert re.search(rf"^  {name} ", result.output, re.MULTILINE)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SEARCH_PLUGIN", "no-such-plugin"),
        ("JWT_PUBLIC_KEY_FILE", "/no/such/file"),
        ("JWT_PUBLIC_KEY", "not a key"),
        ("SQL_TIMEOUT", "soon"),
        ("API_SPEC_OPTIONS", "{"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(monkeypatch, setting, value):
    monkeypatch.setenv(setting, value)
    result = CliRunner().invoke(main, ["user", "list"])
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert setting in result.stderr


# How --help is shown without loading the server


HELP_LOADS = """
import sys
from dtool_lookup_server.__main__ import main
try:
    main(["--help"], prog_name="x")
finally:
    print(sorted({"flask", "sqlalchemy", "dtoolcore"} & sys.modules.keys()))
"""


def test_help_does_not_load_the_server():
    done = run_program("-c", HELP_LOADS)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_help_is_what_the_commands_say_of_themselves():
    shown = CliRunner().invoke(main, ["--help"], prog_name="x")
    loaded = CliRunner().invoke(command_line, ["--help"], prog_name="x")
    # A command or an option that is new has its row in overview.py, too.
    assert shown.output == loaded.output


@pytest.fixture
def run_beside(tmp_path):
    """Run a command where somebody else's package has one, greet, of this source."""

    def run(source, *arguments):
        metadata = tmp_path / "greeting-1.0.dist-info"
        metadata.mkdir(exist_ok=True)
        (metadata / "METADATA").write_text("Name: greeting\nVersion: 1.0\n")
        point = "[flask.commands]\ngreet = greeting:x\n"
        (metadata / "entry_points.txt").write_text(point)
        (tmp_path / "greeting.py").write_text(source)
        program = ("-m", "dtool_lookup_server", *arguments)
        return run_program(*program, PYTHONPATH=str(tmp_path))

    return run


def test_help_lists_the_commands_of_others(run_beside):
    source = "import click\nx = click.Command('greet', help='Say hello.')\n"
    done = run_beside(source, "--help")
    assert re.search(r"(?m)^  greet +Say hello\.$", done.stdout), done.stderr
    assert re.search(r"(?m)^  base_uri ", done.stdout)


def test_commands_of_others_are_not_loaded_for_one_of_ours(run_beside):
    source = "raise SystemExit('loaded')\n"
    assert run_beside(source, "base_uri", "--help").returncode == 0
    assert run_beside(source, "greet").stderr == "loaded\n"


COLLECTS = """
import gc
from dtool_lookup_server.__main__ import main
main(["base_uri", "--help"], standalone_mode=False)
print(gc.isenabled(), gc.get_freeze_count() > 10_000)
"""


def test_garbage_is_collected_once_a_command_is_loaded_and_not_among_modules():
    done = run_program("-c", COLLECTS)
    assert done.stdout.splitlines()[-1] == "True True", done.stderr


def test_names_of_the_package_are_there_when_they_are_asked_for():
    script = "import dtool_lookup_server as s; print([hasattr(s, n) for n in dir(s)])"
    done = run_program("-c", script)
    assert "False" not in done.stdout
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no_such_name"):
        dtool_lookup_server.no_such_name  # noqa: B018
