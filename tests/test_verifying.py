"""dataset verify and dataset reindex, after a store was broken behind our back."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager

import pymongo
import pytest
from sqlalchemy import text

from dtool_lookup_server import create_app, sql_db
from dtool_lookup_server.plugins.packing import pack_text
from tests.conftest import add_people, make_config, mongo_settings_of, open_app
from tests.corpus import SNOW_WHITE, dataset_info, uri_of
from tests.datasets_on_disk import make_dataset, path_of

#: Too large for a document of MongoDB: it is kept in a file.
LARGE = "\n".join(f"line {n}: {os.urandom(32).hex()}" for n in range(8000))


@pytest.fixture(params=["sql", "mongo"])
def plugin(request):
    """The name of the search plugin and of the retrieve plugin."""
    return request.param


@pytest.fixture
def config(plugin, tmp_path, keys, database_url, request):
    config = make_config(tmp_path, keys, database_url)
    if plugin == "mongo":
        config |= mongo_settings_of(request.getfixturevalue("mongod"))
    return config


@pytest.fixture
def app(config):
    with open_app(config) as app:
        add_people(app)
        yield app


@pytest.fixture
def run(app):
    """Run a command: its exit status, and the lines that it prints."""

    def run(*args):
        done = app.test_cli_runner().invoke(args=["dataset", *args])
        return done.exit_code, done.output.splitlines()

    return run


@pytest.fixture
def dataset(app, tmp_path):
    """A dataset in a folder, indexed beside another one."""
    folder = tmp_path / "datasets"
    make_dataset(folder, "other", items={"b.txt": "b"})
    dataset = make_dataset(
        folder, "one", readme=f"description: mandragora\nnotes: |\n  {LARGE[:50]}\n",
        items={"root.txt": "a"}, annotations={"colour": "green"}, tags=["plant"],
    )  # fmt: skip
    runner = app.test_cli_runner()
    for command in (
        ("add", str(folder)),
        ("index", str(folder)),
    ):
        done = runner.invoke(args=["base_uri", *command])
        assert done.exit_code == 0, done.output
    granted = ["user", "search_permission", "grumpy", str(folder)]
    assert runner.invoke(args=granted).exit_code == 0
    return dataset


@pytest.fixture
def documents(config):
    """The collection of both mongo plugins."""
    with pymongo.MongoClient(config["SEARCH_MONGO_URI"]) as server:
        yield server[config["SEARCH_MONGO_DB"]].datasets


@pytest.fixture
def execute(app):
    """Execute SQL as another program would."""

    def execute(statement, **values):
        with app.app_context(), sql_db.engine.begin() as connection:
            connection.execute(text(statement), values)

    return execute


@pytest.fixture
def answers(app, grumpy, dataset):
    """Everything that the server says of the dataset."""
    return lambda: all_that_is_said(app, grumpy, dataset)


def all_that_is_said(app, headers, dataset):
    """Return what several routes answer about a dataset."""
    client = app.test_client()

    def post(path, **body):
        return client.post(f"/dataset/{path}", json=body, headers=headers).json

    return [
        post("search", uuids=[dataset.uuid]),
        post("search", free_text="mandragora"),
        *(post(part, uri=dataset.uri) for part in
          ("readme", "manifest", "annotations")),
    ]  # fmt: skip


@contextmanager
def closed_app(config):
    """Give an app on a database without tables."""
    app = create_app(config)
    try:
        yield app
    finally:
        with app.app_context():
            sql_db.session.remove()
            sql_db.engine.dispose()


# Each breaks one store, and the reason names it.

IN_SQL = {
    "content": ("DELETE FROM dataset_content WHERE dataset_id = :id", "retrieve store"),
    "damaged": (
        "UPDATE dataset_content SET content = :rubbish WHERE dataset_id = :id",
        "retrieve store",
    ),
    "stale": (
        "UPDATE dataset_content SET content = :stale"
        " WHERE dataset_id = :id AND kind = 'readme'",
        "not what was registered",
    ),
    "name": (
        "UPDATE dataset SET name = 'misnamed' WHERE id = :id",
        "not what was registered",
    ),
    "annotations": (
        "DELETE FROM dataset_annotation WHERE dataset_id = :id",
        "SQL has other annotations",
    ),
    "tags": (
        "DELETE FROM dataset_tag WHERE dataset_id = :id",
        "not what was registered",
    ),
}
TERMS = {
    "sqlite": "UPDATE dataset_text SET readme = 'x' WHERE rowid = :id",
    "other": "UPDATE dataset_text SET words = 'x' WHERE dataset_id = :id",
}
NO_TERMS = {
    "sqlite": "DELETE FROM dataset_text WHERE rowid = :id",
    "other": "DELETE FROM dataset_text WHERE dataset_id = :id",
}
# What a version leaves that did not tell the fields of terms.
NO_FIELDS = {
    "sqlite": "UPDATE dataset_text SET identifiers_forms = NULL WHERE rowid = :id",
    "mariadb": "UPDATE dataset_text_term SET tiers = tiers & 15 WHERE dataset_id = :id",
    "other": TERMS["other"],
}

IN_MONGO = {
    "search": ({"$unset": {"search": 1}}, "search store"),
    "terms": ({"$set": {"search.terms": ["apple"]}}, "search store"),
    "odd": ({"$set": {"search.terms": 7}}, "search store"),
    "content": ({"$unset": {"content": 1}}, "retrieve store"),
    "damaged": ({"$set": {"content.readme": b"rubbish"}}, "retrieve store"),
    "stale": ({"$set": {"content.readme": pack_text("old")}}, "not what was"),
    "head": ({"$set": {"name": "misnamed"}}, "search store"),
    "uuid": ({"$set": {"uuid": 7}}, "search store"),
}


@pytest.fixture
def broken(app, dataset, execute):
    """Break something in SQL, for a dataset."""

    def broken(statement):
        with app.app_context():
            wanted = text("SELECT id FROM dataset WHERE uri = :uri")
            found = sql_db.session.scalar(wanted, {"uri": dataset.uri})
        values = {"id": found, "rubbish": b"rubbish", "stale": pack_text("old")}
        used = {name: values[name] for name in values if f":{name}" in statement}
        execute(statement, **used)

    return broken


def mends(run, answers, dataset, before, reason):
    """Assert that verify names the dataset, and reindex mends it."""
    status, lines = run("verify")
    # What counts the dataset may be wrong too.
    [line] = [line for line in lines if line.startswith(f"Different: {dataset.uri} ")]
    assert reason in line
    assert lines[-2].startswith("1 unchanged, ")
    assert status == 1
    status, lines = run("reindex")
    assert lines[-1].endswith(" registered, 1 unchanged, 0 failed, 0 forgotten")
    assert status == 0
    assert answers() == before
    assert run("verify") == (0, ["2 unchanged, 0 different"])


def test_stores_that_agree_are_left_alone(run, answers):
    before = answers()
    assert before[1] == before[0] != []
    assert run("verify") == (0, ["2 unchanged, 0 different"])
    assert run("reindex")[1] == ["0 registered, 2 unchanged, 0 failed, 0 forgotten"]
    assert answers() == before


@pytest.mark.parametrize("plugin", ["sql"], indirect=True)
@pytest.mark.parametrize("damage", IN_SQL)
def test_a_broken_sql_store_is_mended(run, answers, dataset, broken, damage):
    before = answers()
    statement, reason = IN_SQL[damage]
    broken(statement)
    mends(run, answers, dataset, before, reason)


@pytest.mark.parametrize("plugin", ["sql"], indirect=True)
@pytest.mark.parametrize("damage", [TERMS, NO_TERMS, NO_FIELDS])
def test_a_broken_text_index_is_mended(app, run, answers, dataset, broken, damage):
    before = answers()
    with app.app_context():
        kind = sql_db.engine.dialect.name
    broken(damage.get(kind, damage["other"]))
    mends(run, answers, dataset, before, "search store")


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
@pytest.mark.parametrize("damage", IN_MONGO)
def test_a_broken_document_is_mended(run, answers, dataset, documents, damage):
    before = answers()
    update, reason = IN_MONGO[damage]
    documents.update_one({"uri": dataset.uri}, update)
    mends(run, answers, dataset, before, reason)


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
def test_a_document_that_is_gone_is_made_again(run, answers, dataset, documents):
    before = answers()
    documents.delete_one({"uri": dataset.uri})
    mends(run, answers, dataset, before, "retrieve store")


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
def test_a_file_that_is_gone_is_read_from_the_storage(run, answers, dataset, documents):
    dataset.put_readme(f"description: mandragora\nnotes: {json.dumps(LARGE)}")
    assert run("reindex", "--from-storage")[0] == 0
    before = answers()
    assert "line 7999" in before[2]
    bucket = documents.database["datasets.content.files"]
    assert bucket.delete_many({}).deleted_count == 1
    mends(run, answers, dataset, before, "retrieve store")


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
def test_a_row_that_is_gone_is_registered_from_the_storage(
    run, answers, dataset, execute
):
    before = answers()
    execute("DELETE FROM dataset_tag")
    execute("DELETE FROM dataset_annotation")
    execute("DELETE FROM dataset WHERE uri = :uri", uri=dataset.uri)
    status, lines = run("verify")
    assert status == 1
    assert f"Different: {dataset.uri} (only in the search store)" in lines
    run("reindex")
    assert answers()[2:] == before[2:]
    assert [row["tags"] for row in answers()[1]] == [["plant"]]
    assert run("verify") == (0, ["2 unchanged, 0 different"])


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
def test_what_only_a_plugin_has_is_kept_until_it_may_be_forgotten(
    run, dataset, execute, documents
):
    execute("DELETE FROM dataset_tag")
    execute("DELETE FROM dataset_annotation")
    execute("DELETE FROM dataset WHERE uri = :uri", uri=dataset.uri)
    shutil.rmtree(path_of(dataset))
    status, lines = run("reindex")
    assert status == 1
    assert f"Failed to register:  {dataset.uri}" in lines
    assert documents.count_documents({"uri": dataset.uri}) == 1
    assert f"Forgotten: {dataset.uri}" in run("reindex", "--prune")[1]
    assert documents.count_documents({"uri": dataset.uri}) == 0
    assert run("verify") == (0, ["1 unchanged, 0 different"])


def test_what_is_nowhere_whole_is_named_and_kept(run, dataset, broken):
    shutil.rmtree(path_of(dataset))
    broken(IN_SQL["name"][0])
    status, lines = run("reindex")
    assert status == 1
    assert f"Failed to register:  {dataset.uri}" in lines
    assert "0 registered, 1 unchanged, 1 failed, 0 forgotten" in lines
    assert run("verify")[0] == 1


def test_a_change_in_the_storage_is_read_if_asked_for(run, answers, dataset):
    dataset.put_readme("description: mandragora and more")
    assert run("verify")[0] == 0
    assert run("reindex", "--from-storage")[0] == 0
    assert answers()[2] == "description: mandragora and more"


def test_wrong_counters_are_named_and_mended(run, dataset, execute):
    assert run("verify")[0] == 0
    execute("UPDATE dataset_counter SET number = 7 WHERE kind = 'tag'")

    status, lines = run("verify")
    assert (status, "counters not right: tag plant" in str(lines)) == (1, True)
    assert run("reindex")[0] == 0
    assert run("verify")[0] == 0


def test_who_registered_it_stays(app, run, headers, grumpy, plugin, execute):
    client = app.test_client()
    info = dataset_info("theirs")
    client.post("/dataset/register", json=info, headers=headers("librarian"))
    path = f"/uris/{uri_of('theirs')}"
    before = client.get(path, headers=grumpy).json
    execute("UPDATE dataset SET digest = NULL")
    assert "registered with other plugins" in str(run("verify"))
    assert run("reindex")[0] == 0
    assert client.get(path, headers=grumpy).json == before
    assert before["uploaded_by"] == "librarian"


def test_one_base_uri_may_be_looked_at_alone(app, run, headers, execute):
    client, librarian = app.test_client(), headers("librarian")
    for base_uri in (SNOW_WHITE, "s3://mr-men"):
        info = dataset_info("one", base_uri)
        client.post("/dataset/register", json=info, headers=librarian)
    execute("UPDATE dataset SET digest = NULL")
    assert "0 unchanged, 1 different" in run("verify", SNOW_WHITE + "/")[1]
    assert run("reindex", SNOW_WHITE)[0] == 0
    assert "1 unchanged, 1 different" in run("verify")[1]


@pytest.mark.parametrize("command", ["verify", "reindex"])
def test_an_unknown_base_uri_is_one_line(run, command):
    status, lines = run(command, "s3://unknown")
    assert (status, lines) == (1, ["Base URI 's3://unknown' not registered"])


def test_plugins_that_are_exchanged_are_filled(
    tmp_path, keys, mongod, database_url, grumpy, headers
):
    info = dataset_info("one", readme="description: mandragora", tags=["plant"])
    sql = make_config(tmp_path, keys, database_url)
    with open_app(sql) as app:
        add_people(app)
        client = app.test_client()
        client.post("/dataset/register", json=info, headers=headers("librarian"))
    with open_app(sql | mongo_settings_of(mongod) | {"RETRIEVE_PLUGIN": "sql"}) as app:
        runner = app.test_cli_runner()
        assert runner.invoke(args=["dataset", "reindex"]).exit_code == 0
        query = {"free_text": "mandragora"}
        client = app.test_client()
        found = client.post("/dataset/search", json=query, headers=grumpy).json
        assert [row["tags"] for row in found] == [["plant"]]
        assert runner.invoke(args=["dataset", "verify"]).exit_code == 0


@pytest.mark.parametrize("plugin", ["mongo"], indirect=True)
def test_a_backup_of_sql_and_the_storage_bring_all_of_it_back(
    app, config, answers, dataset, documents, tmp_path, grumpy
):
    dataset.put_readme(f"description: mandragora\nnotes: {json.dumps(LARGE)}")
    run = app.test_cli_runner().invoke
    assert run(args=["dataset", "reindex", "--from-storage"]).exit_code == 0
    before = answers()
    assert run(args=["db", "stamp", "head"]).exit_code == 0
    assert run(args=["backup", str(tmp_path / "backup")]).exit_code == 0
    # MongoDB is lost with all that is in it, and so is the database.
    documents.database.client.drop_database(documents.database.name)
    (tmp_path / "new").mkdir()
    new = {"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/new/lookup.db"}
    with closed_app(config | new) as restored:
        run = restored.test_cli_runner().invoke
        done = run(args=["restore", str(tmp_path / "backup")])
        assert done.exit_code == 0
        assert "What other stores hold is in no backup" in done.stderr
        assert run(args=["dataset", "verify"]).exit_code == 1
        done = run(args=["dataset", "reindex"])
        assert done.stdout.splitlines()[-1].startswith("2 registered")
        assert run(args=["dataset", "verify"]).exit_code == 0
        assert all_that_is_said(restored, grumpy, dataset) == before


# Long work.


@pytest.fixture
def many(app, headers, execute):
    """Forty datasets, none of which is as it should be."""
    client, librarian = app.test_client(), headers("librarian")
    for n in range(40):
        info = dataset_info(f"number-{n}", readme=LARGE[: 100 * n])
        client.post("/dataset/register", json=info, headers=librarian)
    execute("UPDATE dataset SET digest = NULL")


def environment_of(config):
    """Return the environment of a command that works on an app's stores."""
    settings = {key: value for key, value in config.items() if isinstance(value, str)}
    settings.pop("JWT_PRIVATE_KEY")
    return {**os.environ, **settings}


def test_it_is_stopped_and_run_again(run, many, config):
    command = [sys.executable, "-u", "-m", "dtool_lookup_server", "dataset", "reindex"]
    process = subprocess.Popen(
        command,
        env=environment_of(config),
        stdout=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background may have it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with process:
        assert process.stdout.readline().startswith("Registered: ")
        process.send_signal(signal.SIGINT)
        left = process.stdout.read()
        assert process.wait(30) != 0
    assert "Traceback" not in left
    status, lines = run("verify")
    [summary] = [line for line in lines if line.endswith(" different")]
    unchanged, different = (int(part.split()[0]) for part in summary.split(", "))
    assert unchanged + different == 40
    assert unchanged > 0
    assert run("reindex")[0] == 0
    assert run("verify") == (0, ["40 unchanged, 0 different"])


def test_progress_is_not_shown_in_a_pipe(config, many):
    command = [sys.executable, "-m", "dtool_lookup_server", "dataset", "verify"]
    done = subprocess.run(
        command,
        env=environment_of(config),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == "40 datasets differ: run `flask dataset reindex`\n"
