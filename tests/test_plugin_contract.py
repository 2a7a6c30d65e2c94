"""What create_app owes a plugin that was written for 0.18."""

import json
import shutil
import sys
import threading

import pytest
from flask import Blueprint, jsonify
from flask_smorest import Blueprint as SmorestBlueprint

from dtool_lookup_server import (
    ExtensionABC,
    RetrieveABC,
    SearchABC,
    UnknownURIError,
    ValidationError,
    create_app,
    sql_db,
)
from dtool_lookup_server.errors import StoreUnavailableError
from dtool_lookup_server.plugins import kept_beside
from dtool_lookup_server.plugins.interfaces import GroupingABC
from dtool_lookup_server.plugins.registry import Plugins
from tests.conftest import add_people, open_app, put_in_bulk, register_together
from tests.corpus import (
    IN_SNOW_WHITE,
    MR_MEN,
    SNOW_WHITE,
    dataset_info,
    manifest_of,
    uri_of,
    uuid_of,
)
from tests.datasets_on_disk import make_dataset, path_of


class OldSearch(SearchABC):
    """A search plugin with the methods that 0.18 asks for, and no more."""

    def __init__(self):
        self.registered = []
        self.queries = []

    def register_dataset(self, dataset_info):
        self.registered.append(dict(dataset_info))
        # 0.18's Mongo plugin writes into its copy too.
        dataset_info["tags"] = None
        dataset_info["manifest"].clear()

    def search(self, query):
        self.queries.append(query)
        hits = [
            info for info in self.registered if info["base_uri"] in query["base_uris"]
        ]
        return list(reversed(hits))

    def lookup_uris(self, uuid, base_uris):
        return []

    def init_app(self, app):
        pass


class OldRetrieve(RetrieveABC):
    """A retrieve plugin that has nothing of PluginABC."""

    def __init__(self):
        self.registered = {}

    def register_dataset(self, dataset_info):
        self.registered[dataset_info["uri"]] = dataset_info

    def get(self, uri, key):
        if uri not in self.registered:
            raise UnknownURIError
        return self.registered[uri][key]

    def get_readme(self, uri):
        return self.get(uri, "readme")

    def get_manifest(self, uri):
        return self.get(uri, "manifest")

    def get_annotations(self, uri):
        return self.get(uri, "annotations")


def blueprint_of(kind, name):
    blueprint = kind(name, __name__, url_prefix=f"/{name}")

    @blueprint.route("/hello")
    def hello():
        """Say hello."""
        return jsonify(f"hello from {name}")

    return blueprint


class OldExtension(ExtensionABC):
    """An extension with settings and routes, and no init_app of its own."""

    class Config:
        GREETING = "hello"
        GREETING_TOKEN = "open-sesame"
        not_a_setting = 1

    blueprint_kind = SmorestBlueprint

    def __init__(self):
        self.registered = []

    def register_dataset(self, dataset_info):
        self.registered.append(dataset_info)

    def get_config(self):
        return self.Config

    def get_config_secrets_to_obfuscate(self):
        return ["GREETING_TOKEN"]

    def get_blueprint(self):
        return blueprint_of(self.blueprint_kind, "greeting")


class Recorder(OldExtension):
    """Writes down how it is started."""

    def __init__(self):
        super().__init__()
        self.started = []

    def init_app(self, app, *args, **kwargs):
        self.started.append(dict(app.config))


@pytest.fixture
def plugins():
    """Plugins of 0.18, to hand to an app in place of those installed."""
    return Plugins(OldSearch(), OldRetrieve(), [OldExtension()])


@pytest.fixture
def app(config, plugins):
    """An app with the plugins, people in it."""
    with open_app(config, plugins) as app:
        add_people(app)
        yield app


@pytest.fixture
def client(app):
    """Sends requests to the app with the plugins."""
    return app.test_client()


@pytest.fixture
def register(client, headers):
    """Register a dataset as librarian."""

    def post(**fields):
        return client.post(
            "/dataset/register",
            json=dataset_info(**fields),
            headers=headers("librarian"),
        )

    return post


def test_the_app_has_the_instances(app, plugins):
    assert app.search is plugins.search
    assert app.retrieve is plugins.retrieve
    assert list(app.custom_extensions) == plugins.extensions
    assert list(app.plugins) == [app.search, app.retrieve, *app.custom_extensions]


def test_a_plugins_settings_are_in_place(app):
    assert app.config["GREETING"] == "hello"
    assert "not_a_setting" not in app.config


def test_a_plugins_settings_may_come_from_an_object(config, plugins):
    extension = OldExtension()
    extension.get_config = lambda: OldExtension.Config()
    plugins.extensions = [extension]
    with open_app(config, plugins) as app:
        assert app.config["GREETING"] == "hello"


def test_a_plugin_may_have_no_settings(config, plugins):
    extension = OldExtension()
    extension.get_config = dict
    plugins.extensions = [extension]
    with open_app(config, plugins) as app:
        assert "GREETING" not in app.config


def test_the_configuration_of_a_test_wins_over_a_plugins(config, plugins):
    with open_app(config | {"GREETING": "good day"}, plugins) as app:
        assert app.config["GREETING"] == "good day"


def test_a_plugins_secrets_are_masked(client, grumpy):
    response = client.get("/config/info", headers=grumpy)
    assert response.json["greeting"] == "hello"
    assert response.json["greeting_token"] == "***"
    assert "open-sesame" not in response.text


def test_secrets_of_one_app_are_none_of_another(app, config):
    with open_app(config) as other:
        assert "GREETING_TOKEN" not in other.config["CONFIG_SECRETS_TO_OBFUSCATE"]
    assert "GREETING_TOKEN" in app.config["CONFIG_SECRETS_TO_OBFUSCATE"]


def test_a_plugin_is_started_once_with_all_settings(config, plugins):
    recorder = Recorder()
    plugins.extensions = [recorder]
    with open_app(config, plugins) as app:
        app.test_client().get("/config/versions")
    [settings] = recorder.started
    assert settings["GREETING"] == "hello"
    assert settings["SQLALCHEMY_DATABASE_URI"] == config["SQLALCHEMY_DATABASE_URI"]


def test_every_plugin_hears_of_a_registration(register, plugins):
    assert register(items=["a.txt"], tags=["fruit"]).status_code == 201
    [extension] = plugins.extensions
    for heard in (plugins.search.registered, extension.registered):
        assert [info["uri"] for info in heard] == [uri_of("new-dataset")]
    assert list(plugins.retrieve.registered) == [uri_of("new-dataset")]


def test_each_plugin_gets_a_copy_of_its_own(register, plugins):
    register(items=["a.txt"], tags=["fruit"])
    kept = plugins.retrieve.registered[uri_of("new-dataset")]
    assert kept["tags"] == ["fruit"]
    assert kept["manifest"] == manifest_of("a.txt")


def test_a_plugin_gets_the_uuid_as_a_string_and_times_as_numbers(register, plugins):
    register(uuid=uuid_of("new-dataset").upper(), frozen_at="1500000100.125")
    [info] = plugins.search.registered
    assert info["uuid"] == uuid_of("new-dataset")
    assert float(info["frozen_at"]) == 1500000100.125
    assert isinstance(info["readme"], str)


def test_content_is_read_from_the_retrieve_plugin(client, grumpy, register):
    register(readme="---\na: 1\n", annotations={"b": 2})
    for what, expected in [("readme", "---\na: 1\n"), ("annotations", {"b": 2})]:
        body = {"uri": uri_of("new-dataset")}
        response = client.post(f"/dataset/{what}", json=body, headers=grumpy)
        assert response.json == expected


def test_a_uri_that_the_retrieve_plugin_does_not_have_is_400(
    client, grumpy, register, plugins
):
    register()
    plugins.retrieve.registered.clear()
    body = {"uri": uri_of("new-dataset")}
    response = client.post("/dataset/readme", json=body, headers=grumpy)
    assert response.status_code == 400


@pytest.fixture
def search(client, grumpy):
    """Search for a text."""

    def post(user=grumpy, paging="", **query):
        body = {"free_text": "anything"} | query
        return client.post(f"/dataset/search{paging}", json=body, headers=user)

    return post


def test_a_search_plugin_decides_what_is_found_and_in_which_order(register, search):
    for name in ("one", "two", "three"):
        register(name=name)
    assert [row["name"] for row in search().json] == ["three", "two", "one"]


def test_a_page_is_taken_out_of_what_a_search_plugin_finds(register, search):
    for info in IN_SNOW_WHITE:
        register(name=info["name"])
    response = search(paging="?page=2&page_size=3")
    names = [info["name"] for info in reversed(IN_SNOW_WHITE)]
    assert [row["name"] for row in response.json] == names[3:6]


def test_an_orphan_of_a_search_plugin_is_never_shown(register, search, plugins):
    register()
    hits = [{"uri": f"{SNOW_WHITE}/orphan"}, {"uri": uri_of("new-dataset")}]
    plugins.search.search = lambda query: hits
    assert [row["uri"] for row in search().json] == [uri_of("new-dataset")]


def test_a_search_plugin_is_told_where_the_user_may_search(
    headers, register, search, plugins
):
    register()
    search(headers("sleepy"), base_uris=[SNOW_WHITE, MR_MEN, "s3://unknown"])
    search(headers("grumpy"))
    told = [sorted(query["base_uris"]) for query in plugins.search.queries]
    assert told == [[SNOW_WHITE], [MR_MEN, SNOW_WHITE]]
    assert plugins.search.queries[0]["free_text"] == "anything"


@pytest.mark.parametrize(("user", "hits"), [("grumpy", 1), ("sleepy", 0), ("noone", 0)])
def test_a_hit_where_the_user_may_not_search_is_never_shown(
    headers, register, search, plugins, user, hits
):
    uri = uri_of("new-dataset", MR_MEN)
    assert register(base_uri=MR_MEN, uri=uri).status_code == 201
    plugins.search.search = lambda query: [{"uri": uri}]
    assert len(search(headers(user)).json) == hits


@pytest.fixture
def prune(app, tmp_path):
    """Index a dataset, remove it from the disk, and index with --prune."""

    def run():
        dataset = make_dataset(tmp_path / "data", "gone")
        runner = app.test_cli_runner()
        runner.invoke(args=["base_uri", "add", str(tmp_path / "data")])
        runner.invoke(args=["base_uri", "index", str(tmp_path / "data")])
        shutil.rmtree(path_of(dataset))
        command = ["base_uri", "index", "--prune", "--allow-empty"]
        return dataset.uri, runner.invoke(args=[*command, str(tmp_path / "data")])

    return run


def test_a_plugin_that_can_forget_is_told_to(plugins, prune):
    forgotten = []
    plugins.search.delete_dataset = forgotten.append
    uri, done = prune()
    assert done.exit_code == 0, done.output
    assert forgotten == [uri]


def test_a_plugin_that_cannot_forget_is_not_asked(plugins, prune):
    assert not hasattr(plugins.retrieve, "delete_dataset")
    uri, done = prune()
    assert done.exit_code == 0, done.output
    assert uri in done.stdout
    assert uri in plugins.retrieve.registered


@pytest.mark.parametrize("failing", ["search", "retrieve"])
def test_a_store_that_does_not_answer_is_503_and_leaves_no_trace(
    client, grumpy, register, plugins, failing
):
    def fail(dataset_info):
        raise StoreUnavailableError("gone")

    getattr(plugins, failing).register_dataset = fail
    response = register()
    assert response.status_code == 503
    assert response.json["code"] == 503
    assert client.get("/dataset/list", headers=grumpy).json == []


def test_what_a_plugin_refuses_is_refused_and_leaves_no_trace(
    client, grumpy, register, plugins
):
    def refuse(dataset_info):
        raise ValidationError("never")

    plugins.retrieve.register_dataset = refuse
    assert 400 <= register().status_code < 500
    assert client.get("/dataset/list", headers=grumpy).json == []


class GroupingRetrieve(GroupingABC, OldRetrieve):
    """A plugin with a store of its own that takes many datasets at once."""

    shares_sql_transaction = False

    def __init__(self):
        super().__init__()
        self.groups = []

    def prepare_dataset(self, dataset_info):
        return dict(dataset_info)

    def register_prepared(self, datasets):
        self.groups.append(len(datasets))
        for uri, info in datasets.items():
            if info["name"] == "bad":
                raise ValidationError("never")
            self.registered[uri] = info

    def delete_dataset(self, uri):
        self.registered.pop(uri, None)


@pytest.fixture
def grouping(plugins):
    """The retrieve plugin of the app, which takes many datasets at once."""
    plugins.retrieve = GroupingRetrieve()
    return plugins.retrieve


def test_a_plugin_with_a_store_of_its_own_may_take_many_at_once(app, grouping):
    with app.app_context():
        register_together(map(dataset_info, ("one", "other", "third")))
    assert grouping.groups == [3]
    assert list(grouping.registered) == [uri_of(n) for n in ("one", "other", "third")]


def test_of_many_that_a_plugin_takes_at_once_one_is_refused_alone(
    client, grumpy, headers, grouping
):
    infos = map(dataset_info, ("one", "bad", "other"))
    first, bad, last = put_in_bulk(client, infos, headers("librarian"))
    assert (first, last) == (201, 201)
    assert 400 <= bad < 500
    assert grouping.registered.keys() == {uri_of("one"), uri_of("other")}
    listed = client.get("/dataset/list", headers=grumpy).json
    assert sorted(row["name"] for row in listed) == ["one", "other"]


def test_what_a_group_left_in_a_store_is_taken_back(app, client, grumpy, grouping):
    with app.app_context(), pytest.raises(ValidationError):
        register_together(map(dataset_info, ("one", "bad", "other")))
    assert grouping.groups == [3]
    assert grouping.registered == {}
    assert client.get("/dataset/list", headers=grumpy).json == []


def test_a_smorest_blueprint_is_served_and_documented(client):
    assert client.get("/greeting/hello").json == "hello from greeting"
    assert "/greeting/hello" in client.get("/doc/openapi.json").json["paths"]


def test_what_a_smorest_blueprint_names_is_in_the_document(config, plugins):
    blueprint = SmorestBlueprint("tea", __name__)

    @blueprint.get("/tea")
    @blueprint.alt_response(418, response="IM_A_TEAPOT")
    def brew():
        return "tea"

    plugins.blueprints = [blueprint]
    with open_app(config, plugins) as app:
        document = app.test_client().get("/doc/openapi.json").json
    responses = document["paths"]["/tea"]["get"]["responses"]
    assert responses["418"] == {"$ref": "#/components/responses/IM_A_TEAPOT"}
    assert document["components"]["responses"]["IM_A_TEAPOT"]["content"]


def test_a_plain_blueprint_is_served(config, plugins):
    extension = OldExtension()
    extension.blueprint_kind = Blueprint
    plugins.extensions = [extension]
    plugins.blueprints = [blueprint_of(Blueprint, "plain")]
    with open_app(config, plugins) as app:
        client = app.test_client()
        assert client.get("/greeting/hello").json == "hello from greeting"
        assert client.get("/plain/hello").json == "hello from plain"
        documented = client.get("/doc/openapi.json").json["paths"]
        assert documented["/plain/hello"]["get"]["tags"] == ["plain"]


def test_an_extension_may_have_its_blueprint_alone(config, plugins, headers):
    class Bare(ExtensionABC):
        def get_blueprint(self):
            return blueprint_of(Blueprint, "bare")

    plugins.extensions = [Bare()]
    with open_app(config, plugins) as app:
        add_people(app)
        response = app.test_client().post(
            "/dataset/register", json=dataset_info(), headers=headers("librarian")
        )
    assert response.status_code == 201


# What a plugin refuses, and another would keep.


class PickyRetrieve(OldRetrieve):
    """A plugin whose store has numbers of 8 bytes, no NUL, and small documents."""

    def register_dataset(self, dataset_info):
        text = json.dumps(dataset_info)
        if len(text) > 10_000:
            raise ValidationError("too large")
        if "\\u0000" in text:
            raise LookupError("NUL")
        if str(2**63) in text:
            raise OverflowError("too many bytes")
        super().register_dataset(dataset_info)


@pytest.fixture
def picky(plugins, monkeypatch):
    """The retrieve plugin of the app, which refuses some contents."""
    monkeypatch.setattr(kept_beside, "LARGEST", 3000)
    plugins.retrieve = PickyRetrieve()
    return plugins.retrieve


@pytest.fixture
def read(client, grumpy):
    """Read a content of the dataset."""

    def post(kind):
        body = {"uri": uri_of("new-dataset")}
        response = client.post(f"/dataset/{kind}", json=body, headers=grumpy)
        assert response.status_code == 200, response.text
        return response.json

    return post


REFUSED = {
    "readme": "x" * 11_000,
    "manifest": manifest_of(*(f"{n}.txt" for n in range(500))),
    "annotations": {"large": {"larger": [2**63]}},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_plugin_refuses_is_kept_beside_it(picky, register, read, kind):
    contents = {"readme": "small", "annotations": {"small": 1}, "tags": ["fruit"]}
    contents |= {kind: REFUSED[kind]}
    assert register(**contents).status_code == 201
    for each in ("readme", "annotations", kind):
        assert read(each) == contents[each]
    assert picky.registered[uri_of("new-dataset")]["tags"] == ["fruit"]


def test_a_plugin_gets_what_is_left_and_the_beginning_of_a_readme(picky, register):
    register(readme=f"apple{REFUSED['readme']}", annotations={"\0": 1})
    kept = picky.registered[uri_of("new-dataset")]
    assert kept["readme"].startswith("apple")
    assert kept["annotations"] == {}
    assert kept["name"] == "new-dataset"


def rows_beside(app):
    with app.app_context():
        count = sql_db.text("SELECT count(*) FROM dataset_content")
        return sql_db.session.scalar(count)


def test_what_is_kept_beside_goes_with_the_next_registration(
    app, picky, register, read
):
    register(annotations=REFUSED["annotations"])
    register(annotations={"small": 1})
    assert read("annotations") == {"small": 1}
    assert rows_beside(app) == 0


def test_what_is_kept_beside_goes_with_the_dataset(app, client, headers, picky):
    body = dataset_info(annotations=REFUSED["annotations"])
    path = f"/uris/{body['uri']}"
    client.put(path, json=body, headers=headers("librarian"))
    assert rows_beside(app) > 0
    assert client.delete(path, headers=headers("librarian")).status_code == 200
    assert rows_beside(app) == 0


def test_the_stores_agree_where_something_is_kept_beside(app, picky, plugins, register):
    plugins.search.lookup_uris = lambda uuid, base_uris: plugins.search.registered
    picky.holds = lambda info: picky.registered.get(info["uri"]) == info
    register(annotations=REFUSED["annotations"])
    printed = app.test_cli_runner().invoke(args=["dataset", "verify"]).output
    assert "1 unchanged, 0 different" in printed


def test_a_plugin_that_says_to_keep_all_is_believed(app, picky, register):
    picky.keeps_all = True
    response = register(annotations=REFUSED["annotations"])
    assert response.status_code == 409
    assert "too many bytes" in response.json["message"]
    assert rows_beside(app) == 0


# Two at once.


@pytest.mark.parametrize(
    ("known", "other"), [(False, "register"), (True, "register"), (True, "reindex")]
)
def test_of_two_at_once_the_last_is_the_last_in_every_store(
    app, client, grumpy, headers, plugins, known, other
):
    def register(name):
        body = dataset_info("dataset") | {"name": name}
        asked = {"json": body, "headers": headers("librarian")}
        assert app.test_client().post("/dataset/register", **asked).status_code == 201

    def run_other():
        if other == "register":
            register("second")
        else:
            app.test_cli_runner().invoke(args=["dataset", "reindex"])
        ended.set()

    def register_slowly(info):
        OldRetrieve.register_dataset(plugins.retrieve, info)
        if info["name"] == "first":
            threads[1].start()
            # In vain, where the other one waits for this one.
            ended.wait(0.5)

    if known:
        register("zeroth")
    plugins.retrieve.register_dataset = register_slowly
    ended = threading.Event()
    threads = [
        threading.Thread(target=register, args=["first"]),
        threading.Thread(target=run_other),
    ]
    threads[0].start()
    threads[0].join()
    threads[1].join()
    [row] = client.get("/dataset/list", headers=grumpy).json
    assert plugins.retrieve.registered[uri_of("dataset")]["name"] == row["name"]


# Plugins that are installed.

MODULE = """
from dtool_lookup_server import SearchABC
from flask import Blueprint

__version__ = "7.8.9"
bp = Blueprint({name!r}, __name__, url_prefix="/{name}")


@bp.route("/hello")
def hello():
    return "hello"


class Plugin(SearchABC):
    def register_dataset(self, dataset_info):
        pass

    def search(self, query):
        return []

    def lookup_uris(self, uuid, base_uris):
        return []
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package that brings one entry point."""

    def write(name, group, target, code=None):
        folder = tmp_path / f"site-{name}"
        info = folder / f"{name}-7.8.9.dist-info"
        info.mkdir(parents=True)
        (folder / f"{name}.py").write_text(code or MODULE.format(name=name))
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 7.8.9\n"
        )
        (info / "entry_points.txt").write_text(
            f"[dtool_lookup_server.{group}]\n{name} = {name}:{target}\n"
        )
        monkeypatch.syspath_prepend(str(folder))
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.fixture
def free_config(config):
    """Settings that leave the choice of plugins to the server."""
    return {key: value for key, value in config.items() if "PLUGIN" not in key}


def test_where_nothing_is_named_the_embedded_plugins_are_used(free_config):
    with open_app(free_config) as app:
        answer = app.test_client().get("/config/versions").json
    assert [key for key in answer if "sql" in key]


def test_one_third_party_plugin_is_used_unasked(free_config, install):
    install("third_a", "search", "Plugin")
    with open_app(free_config) as app:
        assert type(app.search).__module__ == "third_a"
        assert app.test_client().get("/config/versions").json["third_a"] == "7.8.9"


def test_a_setting_names_the_plugin(free_config, install):
    install("third_b", "search", "Plugin")
    install("third_c", "search", "Plugin")
    with open_app(free_config | {"SEARCH_PLUGIN": "third_c"}) as app:
        assert type(app.search).__module__ == "third_c"


def test_two_plugins_and_no_setting_is_an_error_that_names_all(free_config, install):
    install("third_d", "search", "Plugin")
    install("third_e", "search", "Plugin")
    with pytest.raises(RuntimeError, match=r"(?s)(?=.*third_d)(?=.*third_e).*SEARCH_P"):
        create_app(free_config)


def test_a_plugin_that_is_not_there_is_an_error_that_names_it(config):
    with pytest.raises(RuntimeError, match=r"(?s)(?=.*RETRIEVE_PLUGIN).*no-such-one"):
        create_app(config | {"RETRIEVE_PLUGIN": "no-such-one"})


@pytest.mark.parametrize("group", ["extension", "blueprints"])
@pytest.mark.parametrize(
    "code", ["import no_such_module", "raise SystemError('broken')", "syntax error", ""]
)
def test_a_plugin_that_does_not_load_is_named(config, install, group, code):
    install("third_f", group, "missing", code or "x = 1")
    with pytest.raises(Exception, match="third_f"):
        create_app(config)


def test_a_blueprint_that_is_installed_is_served(config, install):
    install("third_g", "blueprints", "bp")
    with open_app(config) as app:
        assert app.test_client().get("/third_g/hello").text == "hello"
