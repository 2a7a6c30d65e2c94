"""Editing READMEs, tags and annotations: the storage first, then the index."""

import dtoolcore
import pytest

from dtool_lookup_server.utils import register_base_uri, update_permissions
from tests.conftest import TEST_PLUGINS, add_people, open_app
from tests.corpus import SNOW_WHITE, dataset_info
from tests.datasets_on_disk import README, make_dataset, path_of
from tests.rest.paths import encoded

TAGS = ["dark", "plant"]
ANNOTATIONS = {"colour": "green", "weight_g": 182}


@pytest.fixture
def dataset(app, client, tmp_path):
    """A dataset on disk that is registered."""
    made = make_dataset(
        tmp_path / "base", "hypocotyl", annotations=ANNOTATIONS, tags=TAGS
    )
    base_uri = made.uri.rpartition("/")[0]
    permit(app, base_uri)
    assert app.test_cli_runner().invoke(args=["base_uri", "index", base_uri])
    return made


def permit(app, base_uri):
    with app.app_context():
        register_base_uri(base_uri)
        update_permissions(
            {
                "base_uri": base_uri,
                "users_with_search_permissions": ["grumpy", "sleepy"],
                "users_with_register_permissions": ["grumpy", "librarian"],
            }
        )


def path(root, dataset, *more):
    return "/".join([root, encoded(dataset.uri), *more])


def in_storage(dataset):
    """Return README, tags and annotations as the storage has them."""
    stored = dtoolcore.DataSet.from_uri(dataset.uri)
    return {
        "/readmes": {"readme": stored.get_readme_content()},
        "/tags": {"tags": sorted(stored.list_tags())},
        "/annotations": {
            "annotations": {
                name: stored.get_annotation(name)
                for name in stored.list_annotation_names()
            }
        },
    }


def in_index(client, headers, dataset):
    """Return README, tags and annotations as the index has them."""
    shown = {
        root: client.get(path(root, dataset), headers=headers).json
        for root in ("/readmes", "/tags", "/annotations")
    }
    shown["/tags"]["tags"].sort()
    return shown


def set_annotations(**values):
    return {"annotations": ANNOTATIONS | values}


EDITS = [
    ("PUT", "/readmes", [], {"readme": "---\na: ß\n"}, {"readme": "---\na: ß\n"}),
    ("PUT", "/readmes", [], {"readme": README}, {"readme": README}),
    ("PUT", "/tags", [], {"tags": ["a", "dark"]}, {"tags": ["a", "dark"]}),
    ("PUT", "/tags", [], {"tags": []}, {"tags": []}),
    ("POST", "/tags", ["zzz"], None, {"tags": ["dark", "plant", "zzz"]}),
    ("POST", "/tags", ["dark"], None, {"tags": TAGS}),
    ("DELETE", "/tags", ["dark"], None, {"tags": ["plant"]}),
    ("DELETE", "/tags", ["none"], None, {"tags": TAGS}),
    (
        "PUT",
        "/annotations",
        [],
        {"annotations": {"a": [1]}},
        {"annotations": {"a": [1]}},
    ),
    ("PUT", "/annotations", [], {"annotations": {}}, {"annotations": {}}),
    ("PUT", "/annotations", ["n"], {"value": None}, set_annotations(n=None)),
    (
        "PUT",
        "/annotations",
        ["n"],
        {"value": {"x": 1.5}},
        set_annotations(n={"x": 1.5}),
    ),
    (
        "PUT",
        "/annotations",
        ["weight_g"],
        {"value": True},
        set_annotations(weight_g=True),
    ),
    ("DELETE", "/annotations", ["colour"], None, {"annotations": {"weight_g": 182}}),
    ("DELETE", "/annotations", ["none"], None, {"annotations": ANNOTATIONS}),
]


@pytest.mark.parametrize(("method", "root", "more", "body", "after"), EDITS)
def test_an_edit_changes_storage_and_index(
    client, grumpy, dataset, method, root, more, body, after
):
    before = in_storage(dataset)
    url = path(root, dataset, *more)
    response = client.open(url, method=method, json=body, headers=grumpy)
    assert response.status_code == 200, response.text
    assert response.json == after
    assert in_storage(dataset) == before | {root: after}
    assert in_index(client, grumpy, dataset) == before | {root: after}


def test_an_edit_is_found_by_search(client, grumpy, dataset):
    body = {"readme": "description: Zebrafish"}
    client.put(path("/readmes", dataset), json=body, headers=grumpy)
    for word, found in (("zebrafish", 1), ("étiolation", 0)):
        rows = client.post("/uris", json={"free_text": word}, headers=grumpy).json
        assert len(rows) == found


def test_an_edit_does_not_change_who_uploaded(client, grumpy, dataset):
    before = client.get(path("/uris", dataset), headers=grumpy).json
    client.post(path("/tags", dataset, "new"), headers=grumpy)
    after = client.get(path("/uris", dataset), headers=grumpy).json
    assert after == before | {"tags": ["dark", "plant", "new"]}


def test_what_only_the_storage_had_is_kept(client, grumpy, dataset):
    dataset.put_tag("by-hand")
    response = client.post(path("/tags", dataset, "new"), headers=grumpy)
    assert sorted(response.json["tags"]) == ["by-hand", "dark", "new", "plant"]


def test_indexing_after_an_edit_finds_nothing_changed(app, client, grumpy, dataset):
    client.put(path("/annotations", dataset, "n"), json={"value": 1}, headers=grumpy)
    base_uri = dataset.uri.rpartition("/")[0]
    app.test_cli_runner().invoke(args=["base_uri", "index", base_uri])
    assert in_index(client, grumpy, dataset) == in_storage(dataset)


@pytest.mark.parametrize(
    ("method", "root", "more", "body"),
    [
        ("PUT", "/readmes", [], {"readme": 1}),
        ("PUT", "/readmes", [], {"readme": "a: b: c"}),
        ("PUT", "/readmes", [], {}),
        ("PUT", "/tags", [], {"tags": "dark"}),
        ("PUT", "/tags", [], {"tags": [1]}),
        ("PUT", "/tags", [], {"tags": ["good", "not good"]}),
        ("POST", "/tags", ["not%20good"], None),
        ("POST", "/tags", ["a%2Fb"], None),
        ("PUT", "/annotations", [], {"annotations": []}),
        ("PUT", "/annotations", [], {"annotations": {"..": 1}}),
        ("PUT", "/annotations", [], {"annotations": {}, "value": 1}),
        ("PUT", "/annotations", [], {}),
        ("PUT", "/annotations", ["n.n"], {"value": 1}),
        ("PUT", "/annotations", ["x" * 81], {"value": 1}),
    ],
)
def test_what_dtool_cannot_keep_is_422(
    client, grumpy, dataset, method, root, more, body
):
    before = in_storage(dataset)
    url = path(root, dataset, *more)
    response = client.open(url, method=method, json=body, headers=grumpy)
    assert response.status_code == 422
    assert in_storage(dataset) == in_index(client, grumpy, dataset) == before


def test_what_a_tag_may_be_is_told(client, grumpy, dataset):
    response = client.post(path("/tags", dataset, "été 2024"), headers=grumpy)

    assert response.json["errors"]["json"]["tags"] == [
        "dtool cannot keep 'été 2024': no more than 80 of the letters a to z and A to"
        " Z, digits, hyphens, underscores, dots."
    ]


def test_a_tag_that_dtool_would_not_take_now_can_be_removed(
    client, grumpy, runner, dataset
):
    tags = path_of(dataset) / ".dtool" / "tags"
    (tags / "été 2024").touch()
    runner.invoke(args=["base_uri", "index", dataset.uri.rpartition("/")[0]])
    url = path("/tags", dataset, "été 2024")

    assert client.delete(url, headers=grumpy).json == {"tags": TAGS}
    assert in_storage(dataset)["/tags"] == {"tags": TAGS}


@pytest.mark.parametrize(
    ("who", "root", "status"),
    [
        ("sleepy", "/readmes", 403),
        ("sleepy", "/tags", 403),
        ("noone", "/annotations", 403),
        ("librarian", "/readmes", 403),
        ("librarian", "/tags", 200),
        ("librarian", "/annotations", 200),
        ("dopey", "/tags", 401),
    ],
)
def test_editing_needs_the_permission(client, headers, dataset, who, root, status):
    key, value = {
        "/readmes": ("readme", "a: 1"),
        "/tags": ("tags", ["x"]),
        "/annotations": ("annotations", {"x": 1}),
    }[root]
    body = {key: value}
    response = client.put(path(root, dataset), json=body, headers=headers(who))
    assert response.status_code == status
    assert (in_storage(dataset)[root] == body) == (status == 200)


@pytest.mark.parametrize(("method", "root", "more", "body", "_after"), EDITS)
def test_editing_what_is_not_registered_is_404(
    client, grumpy, method, root, more, body, _after
):
    url = "/".join([root, encoded(f"{SNOW_WHITE}/none"), *more])
    response = client.open(url, method=method, json=body, headers=grumpy)
    assert response.status_code == 404


@pytest.fixture
def broken(dataset, monkeypatch):
    """Make the last step of a writing fail, whatever it is."""

    def fail(*_args):
        raise OSError("read-only file system")

    broker = dtoolcore.storagebroker.DiskStorageBroker
    for name in ("put_tag", "put_annotation", "update_readme"):
        monkeypatch.setattr(broker, name, fail)
    # dtoolcore hides that a file could not be removed.
    monkeypatch.setattr(broker, "delete_key", lambda *_args: None)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize(
    ("method", "root", "more", "body"),
    [
        ("PUT", "/readmes", [], {"readme": "a: 1"}),
        ("PUT", "/tags", [], {"tags": ["new"]}),
        ("DELETE", "/tags", ["dark"], None),
        ("PUT", "/annotations", ["colour"], {"value": 1}),
        ("DELETE", "/annotations", ["colour"], None),
    ],
)
def test_a_storage_that_cannot_be_written_is_503(
    client, grumpy, dataset, method, root, more, body
):
    before = in_storage(dataset)
    url = path(root, dataset, *more)
    response = client.open(url, method=method, json=body, headers=grumpy)
    assert response.status_code == 503
    assert "read-only" not in response.text
    assert in_storage(dataset) == in_index(client, grumpy, dataset) == before


def test_what_was_written_before_a_failure_is_taken_back(
    client, grumpy, dataset, monkeypatch
):
    broker, before = dtoolcore.storagebroker.DiskStorageBroker, in_storage(dataset)
    put = broker.put_annotation

    def put_all_but_one(self, name, value):
        if name == "bad":
            raise OSError
        put(self, name, value)

    monkeypatch.setattr(broker, "put_annotation", put_all_but_one)
    body = {"annotations": {"colour": "red", "good": 1, "bad": 2}}
    response = client.put(path("/annotations", dataset), json=body, headers=grumpy)
    assert response.status_code == 503
    assert in_storage(dataset) == in_index(client, grumpy, dataset) == before


def test_an_index_that_fails_leaves_the_storage_as_it_was(
    app, client, grumpy, dataset, monkeypatch
):
    before = in_storage(dataset)

    def fail(_info):
        raise RuntimeError

    app.testing = app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(app.search, "register_dataset", fail)
    url = path("/tags", dataset, "new")
    # A plugin with a store of its own may fail for the store's sake.
    status = 500 if TEST_PLUGINS == "sql" else 503
    assert client.post(url, headers=grumpy).status_code == status
    assert in_storage(dataset) == in_index(client, grumpy, dataset) == before


def test_a_dataset_that_is_gone_from_its_storage_is_503(client, grumpy, dataset):
    folder = path_of(dataset)
    folder.rename(folder.with_name("moved"))
    url = path("/tags", dataset, "new")
    assert client.post(url, headers=grumpy).status_code == 503


def test_another_dataset_in_its_place_is_not_touched(
    app, client, grumpy, dataset, headers
):
    info = dataset_info(base_uri=dataset.uri.rpartition("/")[0], uri=dataset.uri)
    response = client.put(path("/uris", dataset), json=info, headers=grumpy)
    assert response.status_code == 200
    response = client.post(path("/tags", dataset, "new"), headers=grumpy)
    assert response.status_code == 503
    assert "new" not in dataset.list_tags()


@pytest.mark.parametrize(
    ("edits", "status", "stored", "indexed"),
    [
        ("off", 403, False, False),
        ("index", 200, False, True),
        ("storage", 200, True, True),
    ],
)
def test_a_setting_says_what_edits_change(
    app, client, grumpy, dataset, edits, status, stored, indexed
):
    app.config["EDITS"] = edits
    response = client.post(path("/tags", dataset, "new"), headers=grumpy)
    assert response.status_code == status
    assert ("new" in in_storage(dataset)["/tags"]["tags"]) == stored
    assert ("new" in in_index(client, grumpy, dataset)["/tags"]["tags"]) == indexed


def test_in_the_index_alone_names_may_be_any(config, headers, grumpy):
    with open_app(config | {"EDITS": "index"}) as app:
        add_people(app)
        client = app.test_client()
        info = dataset_info()
        client.post("/dataset/register", json=info, headers=grumpy)
        tags = f"/tags/{encoded(info['uri'])}"
        assert client.post(f"{tags}/a%2Fb", headers=grumpy).json == {"tags": ["a/b"]}
        assert client.delete(f"{tags}/a%2Fb", headers=grumpy).json == {"tags": []}
