"""/config: settings without their secrets, and versions."""

import json

import pytest

from dtool_lookup_server import __version__
from tests.conftest import add_people, open_app

PASSWORD = "open-sesame"


@pytest.fixture
def config_info(config, grumpy):
    """Read /config/info of an app with further settings, some of them set later."""

    def get(later=(), **settings):
        with open_app(config | settings) as app:
            add_people(app)
            app.config.update(later)
            response = app.test_client().get("/config/info", headers=grumpy)
            assert response.status_code == 200
            return response

    return get


def test_every_user_reads_the_settings_in_lower_case(library, headers):
    answer = library.get("/config/info", headers=headers("noone")).json
    assert answer["testing"] is True
    assert answer["openapi_url_prefix"] == "/doc"
    assert answer["jwt_algorithm"] == "RS256"
    assert all(key == key.lower() for key in answer)


@pytest.mark.parametrize(
    "key",
    [
        "debug",
        "testing",
        "propagate_exceptions",
        "sqlalchemy_database_uri",
        "jwt_public_key",
        "max_content_length",
        "search_plugin",
    ],
)
def test_settings_of_flask_and_of_the_server_are_there(library, grumpy, key):
    assert key in library.get("/config/info", headers=grumpy).json


def test_the_same_settings_are_under_config(library, grumpy):
    answer = library.get("/config/info", headers=grumpy).json
    inner = answer.pop("config")
    assert inner == answer


@pytest.mark.parametrize(
    "key",
    ["secret_key", "jwt_private_key", "jwt_secret_key", "sqlalchemy_database_uri"],
)
def test_a_secret_is_three_stars(library_app, library, grumpy, key):
    answer = library.get("/config/info", headers=grumpy).json
    if library_app.config.get(key.upper()):
        assert answer[key] == "***" or PASSWORD not in str(answer[key])
    assert answer["secret_key"] == answer["jwt_private_key"] == "***"


def test_no_secret_is_anywhere_in_the_answer(config_info, keys):
    answer = config_info(SECRET_KEY=PASSWORD).text
    assert PASSWORD not in answer
    assert keys.private.splitlines()[3] not in answer
    assert "PRIVATE KEY" not in answer


@pytest.mark.parametrize("setting", ["SECRET_KEY", "JWT_SECRET_KEY", "MY_PASSWORD"])
def test_what_sounds_like_a_secret_is_masked(config_info, setting):
    answer = config_info(**{setting: PASSWORD})
    assert answer.json[setting.lower()] == answer.json["config"][setting.lower()]
    assert answer.json[setting.lower()] == "***"


@pytest.mark.parametrize(
    "url",
    [
        f"mongodb://queen:{PASSWORD}@localhost:27017/",
        f"mongodb://queen:{PASSWORD}@a:1,b:2/db?replicaSet=rs",
        f"postgresql+psycopg://queen:{PASSWORD}@db/lookup",
        f"redis://:{PASSWORD}@localhost/0",
        f"https://queen:p%40{PASSWORD}@host.example/path",
        f"mongodb://queen:@{PASSWORD}@localhost/",
        f"mongodb://queen:a:{PASSWORD}@localhost/",
    ],
)
@pytest.mark.parametrize(
    "setting", ["SEARCH_MONGO_URI", "RETRIEVE_MONGO_URI", "MY_PLUGIN_URL"]
)
def test_passwords_inside_urls_are_masked(config_info, setting, url):
    # Of a started server: some plugins go to the database when they start.
    answer = config_info(later={setting: url})
    assert PASSWORD not in answer.text
    assert setting.lower() in answer.json


def test_passwords_inside_lists_and_objects_are_masked(config_info):
    url = f"https://queen:{PASSWORD}@host.example/"
    answer = config_info(MY_SETTING={"urls": [url, {"deep": url}]})
    assert PASSWORD not in answer.text
    assert "my_setting" in answer.json


def test_a_url_without_a_password_is_shown_as_it_is(config_info):
    answer = config_info(MY_PLUGIN_URL="mongodb://localhost:27017/")
    assert answer.json["my_plugin_url"] == "mongodb://localhost:27017/"


def test_what_a_configuration_names_as_secret_is_masked(config_info):
    answer = config_info(
        MY_SETTING=PASSWORD, CONFIG_SECRETS_TO_OBFUSCATE=["MY_SETTING"]
    )
    assert answer.json["my_setting"] == "***"
    assert answer.json["secret_key"] == "***"


@pytest.mark.parametrize("value", [{1, 2}, b"bytes", object(), {"a": object()}, {1: 2}])
def test_a_setting_of_any_type_is_answered_as_json(config_info, value):
    answer = config_info(MY_SETTING=value)
    assert "my_setting" in json.loads(answer.text)


def test_versions_name_the_server_and_every_plugin_in_use(library):
    answer = library.get("/config/versions").json
    versions = answer.pop("versions")
    assert versions == answer
    assert answer["dtool_lookup_server"] == __version__
    assert any("search" in key for key in answer)
    assert any("retrieve" in key for key in answer)


def test_the_version_sorts_above_0_18_as_a_string(library):
    version = library.get("/config/versions").json["dtool_lookup_server"]
    assert version >= "0.18.0"


def test_versions_are_plain_strings(library):
    answer = library.get("/config/versions").json
    assert all(isinstance(version, str) for version in answer["versions"].values())


def test_versions_do_not_mind_a_token(library, headers):
    for user in ("grumpy", "dopey"):
        response = library.get("/config/versions", headers=headers(user))
        assert response.status_code == 200
