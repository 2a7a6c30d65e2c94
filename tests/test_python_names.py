"""The Python names that plugins and scripts written for 0.18 import."""

import importlib
from datetime import datetime

import click
import pytest

import dtool_lookup_server
from dtool_lookup_server import date_utils, utils, utils_auth
from dtool_lookup_server.sql_models import BaseURI, Dataset, User
from tests.conftest import add_corpus, add_people
from tests.corpus import (
    CINDERELLA,
    MR_MEN,
    SNOW_WHITE,
    dataset_info,
    manifest_of,
    uri_of,
    uuid_of,
)

NAMES = {
    "": """
        create_app sql_db jwt ma __version__ ValidationError AuthenticationError
        AuthorizationError UnknownBaseURIError UnknownURIError PluginABC SearchABC
        RetrieveABC ExtensionABC
        """,
    ".utils": """
        DATASET_INFO_REQUIRED_KEYS user_exists get_user_obj register_users list_users
        delete_users update_users get_user_info base_uri_exists get_base_uri_obj
        register_base_uri list_base_uris get_permission_info update_permissions
        dataset_info_is_valid register_dataset_admin_metadata register_dataset
        generate_dataset_info list_datasets_by_user search_datasets_by_user
        summary_of_datasets_by_user lookup_datasets_by_user_and_uuid
        preprocess_query_base_uris _preprocess_privileges get_admin_metadata_from_uri
        list_admin_metadata_in_base_uri get_readme_from_uri_by_user
        get_manifest_from_uri_by_user get_annotations_from_uri_by_user obj_to_dict
        obj_to_lowercase_key_dict versions_to_dict
        """,
    ".utils_auth": """
        user_exists has_admin_rights may_search may_access may_register
        list_search_base_uris list_register_base_uris
        """,
    ".date_utils": "extract_created_at_as_datetime extract_frozen_at_as_datetime",
    ".sql_models": "User BaseURI Dataset DatasetSchema BaseURISchema UserSchema",
    ".config": "Config CONFIG_EXCLUSIONS",
    ".cli": """
        register_user update_user delete_user list_users add_base_uri list_base_uris
        give_search_permission give_register_permission generate_token index_base_uri
        config_show config_versions user_cli base_uri_cli config_cli
        """,
}
ALL_NAMES = [(module, name) for module in NAMES for name in NAMES[module].split()]


@pytest.fixture
def people(app_context):
    """An application context with users and base URIs, and no dataset."""
    add_people(app_context)
    return app_context


@pytest.fixture
def datasets(people, headers):
    """An application context with users, base URIs and the corpus."""
    add_corpus(people, headers("librarian"))
    return people


# What there is.


@pytest.mark.parametrize(("module", "name"), ALL_NAMES)
def test_the_name_is_there(module, name):
    imported = importlib.import_module(f"dtool_lookup_server{module}")
    assert hasattr(imported, name)


@pytest.mark.parametrize("name", NAMES[".cli"].split())
def test_the_commands_are_click_commands(name):
    from dtool_lookup_server import cli

    assert isinstance(getattr(cli, name), click.Command)


@pytest.mark.parametrize(
    ("name", "parent"),
    [
        ("ValidationError", ValueError),
        ("AuthenticationError", ValueError),
        ("AuthorizationError", ValueError),
        ("UnknownBaseURIError", KeyError),
        ("UnknownURIError", KeyError),
    ],
)
def test_errors_have_their_built_in_parents(name, parent):
    error = getattr(dtool_lookup_server, name)
    assert issubclass(error, parent)
    assert isinstance(error("message"), Exception)
    assert isinstance(error(), Exception)


@pytest.mark.parametrize(
    ("name", "abstract"),
    [
        ("PluginABC", {"register_dataset"}),
        ("SearchABC", {"search", "lookup_uris", "register_dataset"}),
        ("RetrieveABC", {"get_readme", "get_manifest", "get_annotations"}),
        ("ExtensionABC", {"get_blueprint"}),
    ],
)
def test_a_plugin_of_0_18_has_nothing_more_to_implement(name, abstract):
    assert getattr(dtool_lookup_server, name).__abstractmethods__ == abstract


def test_the_required_keys_are_those_of_0_18():
    assert tuple(utils.DATASET_INFO_REQUIRED_KEYS) == (
        "uuid",
        "base_uri",
        "uri",
        "name",
        "type",
        "readme",
        "manifest",
        "creator_username",
        "frozen_at",
        "annotations",
        "tags",
    )


def test_config_reads_the_environment_when_it_is_asked(monkeypatch):
    from dtool_lookup_server.config import Config

    monkeypatch.setenv("OPENAPI_URL_PREFIX", "/elsewhere")
    assert Config.OPENAPI_URL_PREFIX == "/elsewhere"


def test_config_exclusions_name_the_secrets():
    from dtool_lookup_server.config import CONFIG_EXCLUSIONS

    assert {"SECRET_KEY", "JWT_PRIVATE_KEY"} <= set(CONFIG_EXCLUSIONS)


# Users.


def test_users_are_registered_listed_and_deleted(app_context):
    utils.register_users([{"username": "doc", "is_admin": True}, {"username": "happy"}])
    assert [user["username"] for user in utils.list_users()] == ["doc", "happy"]
    utils.delete_users([{"username": "doc"}, {"username": "nobody"}])
    assert [user["username"] for user in utils.list_users()] == ["happy"]


def test_registering_a_user_again_changes_nothing(people):
    utils.register_users([{"username": "grumpy", "is_admin": True}])
    assert utils.get_user_info("grumpy")["is_admin"] is False


def test_updating_users_sets_is_admin_and_skips_the_unknown(people):
    utils.update_users(
        [{"username": "grumpy", "is_admin": True}, {"username": "nobody"}]
    )
    assert utils.get_user_info("grumpy")["is_admin"] is True
    assert not utils.user_exists("nobody")


def test_updating_a_user_without_is_admin_takes_it_away(people):
    utils.update_users([{"username": "snow-white"}])
    assert utils.get_user_info("snow-white")["is_admin"] is False


def test_user_info_has_four_keys(people):
    assert utils.get_user_info("sleepy") == {
        "username": "sleepy",
        "is_admin": False,
        "search_permissions_on_base_uris": [SNOW_WHITE],
        "register_permissions_on_base_uris": [],
    }


def test_user_info_of_nobody_is_none(people):
    assert utils.get_user_info("dopey") is None


@pytest.mark.parametrize("module", [utils, utils_auth])
@pytest.mark.parametrize(("name", "there"), [("grumpy", True), ("dopey", False)])
def test_user_exists(people, module, name, there):
    assert module.user_exists(name) is there


def test_get_user_obj_returns_the_user(people):
    user = utils.get_user_obj("grumpy")
    assert isinstance(user, User)
    assert user.username == "grumpy"


def test_get_user_obj_of_nobody_is_an_authentication_error(people):
    with pytest.raises(dtool_lookup_server.AuthenticationError):
        utils.get_user_obj("dopey")


def test_a_deleted_user_leaves_no_permission_behind(people):
    utils.delete_users([{"username": "grumpy"}])
    info = utils.get_permission_info(SNOW_WHITE)
    assert info["users_with_search_permissions"] == ["sleepy"]
    assert info["users_with_register_permissions"] == ["librarian"]


# Base URIs and permissions.


@pytest.mark.parametrize("base_uri", ["s3://new", "s3://new/"])
def test_a_base_uri_is_registered_in_its_one_form(app_context, base_uri):
    utils.register_base_uri(base_uri)
    assert utils.base_uri_exists("s3://new")
    assert [row["base_uri"] for row in utils.list_base_uris()] == ["s3://new"]


def test_a_base_uri_that_is_not_there_does_not_exist(people):
    assert not utils.base_uri_exists("s3://unknown")


def test_listed_base_uris_have_their_permissions(people):
    rows = {row["base_uri"]: row for row in utils.list_base_uris()}
    assert set(rows) == {SNOW_WHITE, MR_MEN, CINDERELLA}
    assert rows[MR_MEN] == {
        "base_uri": MR_MEN,
        "users_with_search_permissions": ["grumpy"],
        "users_with_register_permissions": ["librarian"],
    }


def test_get_base_uri_obj_returns_the_base_uri(people):
    base_uri = utils.get_base_uri_obj(SNOW_WHITE)
    assert isinstance(base_uri, BaseURI)
    assert base_uri.as_dict() == utils.get_permission_info(SNOW_WHITE)


@pytest.mark.parametrize(
    "function",
    [
        utils.get_base_uri_obj,
        utils.get_permission_info,
        utils.list_admin_metadata_in_base_uri,
    ],
)
def test_an_unknown_base_uri_is_a_validation_error(people, function):
    with pytest.raises(dtool_lookup_server.ValidationError):
        function("s3://unknown")


def test_permissions_are_replaced(people):
    permissions = {
        "base_uri": SNOW_WHITE,
        "users_with_search_permissions": ["noone"],
        "users_with_register_permissions": [],
    }
    utils.update_permissions(permissions)
    assert utils.get_permission_info(SNOW_WHITE) == permissions


@pytest.mark.parametrize(
    ("user", "search", "register"),
    [
        ("grumpy", True, True),
        ("sleepy", True, False),
        ("librarian", False, True),
        ("snow-white", False, False),
        ("dopey", False, False),
    ],
)
def test_who_may_do_what(people, user, search, register):
    assert utils_auth.may_search(user, SNOW_WHITE) is search
    assert utils_auth.may_access(user, uri_of("anything")) is search
    assert utils_auth.may_register(user, SNOW_WHITE) is register


@pytest.mark.parametrize("base_uri", ["s3://unknown", "", CINDERELLA])
def test_nobody_may_do_anything_elsewhere(people, base_uri):
    assert utils_auth.may_search("grumpy", base_uri) is False
    assert utils_auth.may_register("grumpy", base_uri) is False


@pytest.mark.parametrize(
    ("user", "search", "register"),
    [
        ("grumpy", {SNOW_WHITE, MR_MEN}, {SNOW_WHITE}),
        ("noone", set(), set()),
        ("dopey", set(), set()),
    ],
)
def test_where_one_may_do_it(people, user, search, register):
    assert set(utils_auth.list_search_base_uris(user)) == search
    assert set(utils_auth.list_register_base_uris(user)) == register


@pytest.mark.parametrize(
    ("user", "admin"), [("snow-white", True), ("grumpy", False), ("dopey", False)]
)
def test_who_is_an_admin(people, user, admin):
    assert utils_auth.has_admin_rights(user) is admin


# Datasets.


def test_a_dataset_info_with_the_eleven_keys_is_valid():
    info = {key: dataset_info()[key] for key in utils.DATASET_INFO_REQUIRED_KEYS}
    assert utils.dataset_info_is_valid(info) is True


@pytest.mark.parametrize("key", utils.DATASET_INFO_REQUIRED_KEYS)
def test_a_dataset_info_without_one_of_the_eleven_keys_is_not_valid(key):
    info = {k: value for k, value in dataset_info().items() if k != key}
    assert utils.dataset_info_is_valid(info) is False


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "protodataset"},
        {"uuid": "x"},
        {"uuid": uuid_of("x") + "0"},
        {"base_uri": SNOW_WHITE + "/"},
    ],
    ids=str,
)
def test_a_dataset_info_that_breaks_a_rule_is_not_valid(fields):
    assert utils.dataset_info_is_valid(dataset_info() | fields) is False


def test_registering_a_dataset_returns_its_uri(people):
    assert utils.register_dataset(dataset_info()) == uri_of("new-dataset")
    assert len(utils.list_datasets_by_user("grumpy")) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "protodataset"},
        {"base_uri": SNOW_WHITE + "/"},
        {"base_uri": "s3://unknown", "uri": "s3://unknown/x"},
        {"uri": uri_of("new-dataset", MR_MEN)},
        {"frozen_at": "nan"},
        {"name": "a\x00b"},
    ],
    ids=str,
)
def test_registering_what_is_refused_is_a_validation_error(people, fields):
    with pytest.raises(dtool_lookup_server.ValidationError):
        utils.register_dataset(dataset_info() | fields)
    assert utils.list_datasets_by_user("grumpy") == []


def test_registering_leaves_the_callers_dictionary_alone(people):
    info = dataset_info()
    utils.register_dataset(info)
    assert info == dataset_info()


def test_admin_metadata_alone_makes_a_row(people):
    utils.register_dataset_admin_metadata(dataset_info())
    assert utils.get_admin_metadata_from_uri(uri_of("new-dataset")) == {
        "base_uri": SNOW_WHITE,
        "uri": uri_of("new-dataset"),
        "uuid": uuid_of("new-dataset"),
        "name": "new-dataset",
        "creator_username": "queen",
        "frozen_at": 1500000100.125,
        "created_at": 1500000000.25,
        "number_of_items": 0,
        "size_in_bytes": 0,
    }


def test_admin_metadata_of_an_unknown_uri_is_none(people):
    assert utils.get_admin_metadata_from_uri(uri_of("nothing")) is None


def test_admin_metadata_of_a_base_uri(datasets):
    rows = utils.list_admin_metadata_in_base_uri(MR_MEN)
    assert len(rows) == 5
    assert {row["base_uri"] for row in rows} == {MR_MEN}
    assert utils.list_admin_metadata_in_base_uri(CINDERELLA) == []


def test_as_dict_of_a_dataset_has_exactly_nine_keys(datasets):
    row = Dataset.query.filter_by(name="weather").one().as_dict()
    assert set(row) == {
        "base_uri",
        "uri",
        "uuid",
        "name",
        "creator_username",
        "frozen_at",
        "created_at",
        "number_of_items",
        "size_in_bytes",
    }
    assert isinstance(row["frozen_at"], float)


@pytest.mark.parametrize(
    ("user", "number"), [("grumpy", 12), ("sleepy", 7), ("noone", 0)]
)
def test_datasets_of_a_user(datasets, user, number):
    assert len(utils.list_datasets_by_user(user)) == number
    assert len(utils.search_datasets_by_user(user, {})) == number
    summary = utils.summary_of_datasets_by_user(user)
    assert summary["number_of_datasets"] == number


@pytest.mark.parametrize(
    ("user", "number"), [("grumpy", 2), ("sleepy", 1), ("noone", 0)]
)
def test_lookup_of_a_user(datasets, user, number):
    uuid = uuid_of("apple-harvest")
    rows = utils.lookup_datasets_by_user_and_uuid(user, uuid)
    assert [row["uuid"] for row in rows] == [uuid] * number


def test_search_by_text(datasets):
    found = utils.search_datasets_by_user("grumpy", {"free_text": "apples"})
    assert sorted(row["uri"] for row in found) == sorted(
        [
            uri_of("apple-harvest"),
            uri_of("apple-harvest", MR_MEN),
            uri_of("market-basket"),
        ]
    )


def test_content_of_a_dataset(datasets):
    uri = uri_of("carrot-stew")
    readme = utils.get_readme_from_uri_by_user("grumpy", uri)
    assert (
        readme == "---\ndescription: Carrots and potatoes, cooked for seven dwarves\n"
    )
    manifest = utils.get_manifest_from_uri_by_user("grumpy", uri)
    assert manifest == manifest_of("stew/recipe.txt")
    assert utils.get_annotations_from_uri_by_user("grumpy", uri) == {}


READERS = [
    utils.get_readme_from_uri_by_user,
    utils.get_manifest_from_uri_by_user,
    utils.get_annotations_from_uri_by_user,
]


@pytest.mark.parametrize(
    ("user", "uri", "error"),
    [
        ("dopey", uri_of("weather", MR_MEN), "AuthenticationError"),
        ("sleepy", uri_of("weather", MR_MEN), "AuthorizationError"),
        ("grumpy", uri_of("weather", "s3://unknown"), "UnknownBaseURIError"),
        ("grumpy", uri_of("nothing", MR_MEN), "UnknownURIError"),
    ],
)
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_says_why_it_does_not_read(datasets, reader, user, uri, error):
    with pytest.raises(getattr(dtool_lookup_server, error)):
        reader(user, uri)


@pytest.mark.parametrize(
    "function",
    [
        lambda: utils.list_datasets_by_user("dopey"),
        lambda: utils.search_datasets_by_user("dopey", {}),
        lambda: utils.summary_of_datasets_by_user("dopey"),
        lambda: utils.lookup_datasets_by_user_and_uuid("dopey", uuid_of("x")),
        lambda: utils.preprocess_query_base_uris("dopey", {}),
    ],
)
def test_nobody_is_an_authentication_error(people, function):
    with pytest.raises(dtool_lookup_server.AuthenticationError):
        function()


@pytest.mark.parametrize(
    "function", [utils.preprocess_query_base_uris, utils._preprocess_privileges]
)
@pytest.mark.parametrize(
    ("query", "base_uris"),
    [
        ({}, {SNOW_WHITE, MR_MEN}),
        ({"base_uris": [MR_MEN, CINDERELLA, "s3://unknown"]}, {MR_MEN}),
        ({"base_uris": []}, set()),
    ],
)
def test_a_query_is_changed_and_returned_with_its_base_uris(
    people, function, query, base_uris
):
    changed = {"free_text": "x"} | query
    assert function("grumpy", changed) is changed
    assert set(changed["base_uris"]) == base_uris
    assert changed["free_text"] == "x"


# Dates and dumps.


@pytest.mark.parametrize(
    ("metadata", "created_at"),
    [
        ({"frozen_at": 1.5, "created_at": 0.25}, datetime(1970, 1, 1, 0, 0, 0, 250000)),
        ({"frozen_at": 1, "created_at": "0.25"}, datetime(1970, 1, 1, 0, 0, 0, 250000)),
        ({"frozen_at": "1.5"}, datetime(1970, 1, 1, 0, 0, 1, 500000)),
    ],
)
def test_created_at_is_a_naive_time_and_frozen_at_where_absent(metadata, created_at):
    assert date_utils.extract_created_at_as_datetime(metadata) == created_at


@pytest.mark.parametrize("frozen_at", [1536749825.853, "1536749825.853"])
def test_frozen_at_is_a_naive_time_in_utc(frozen_at):
    found = date_utils.extract_frozen_at_as_datetime({"frozen_at": frozen_at})
    assert found == datetime(2018, 9, 12, 10, 57, 5, 853000)
    assert found.tzinfo is None


def test_dumps_hold_upper_case_keys_alone_and_mask_the_excluded():
    dump = {"A": 1, "B_C": "x", "lower": 2, "SECRET": "y"}
    assert utils.obj_to_dict(dump, exclusions=["SECRET"]) == {
        "A": 1,
        "B_C": "x",
        "SECRET": "***",
    }


def test_dumps_in_lower_case():
    assert utils.obj_to_lowercase_key_dict({"A": 1, "b": 2}) == {"a": 1}


def test_versions_have_the_server_in_them(app_context):
    versions = utils.versions_to_dict()
    assert versions["dtool_lookup_server"] == dtool_lookup_server.__version__


# Schemas.


@pytest.mark.parametrize(
    ("schema", "keys"),
    [
        ("DatasetSchema", {"uri", "uuid", "name", "creator_username", "frozen_at"}),
        ("BaseURISchema", {"base_uri"}),
        ("UserSchema", {"username", "is_admin"}),
    ],
)
def test_the_schemas_load_with_the_marshmallow_of_today(schema, keys):
    sql_models = importlib.import_module("dtool_lookup_server.sql_models")
    assert keys <= set(getattr(sql_models, schema)().fields)


def test_a_dataset_schema_dumps_a_row(datasets):
    from dtool_lookup_server.sql_models import DatasetSchema

    row = Dataset.query.filter_by(name="weather").one()
    assert DatasetSchema().dump(row)["uuid"] == uuid_of("weather")
