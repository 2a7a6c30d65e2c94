"""dtool-lookup-api of both generations, and dtool-lookup-client with dtool."""

import json
import re
from pathlib import Path

import pytest

from tests.corpus import EVERYTHING, MR_MEN, SNOW_WHITE, uri_of, uuid_of

pytestmark = pytest.mark.clients

HERE = Path(__file__).parent
OLD_TOOLS = ("setuptools<80", "wheel")
APPLES = sorted([uri_of("apple-harvest"), uri_of("apple-harvest", MR_MEN)])
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def dataset_named(name):
    return next(info for info in EVERYTHING if info["name"] == name)


def test_every_call_of_lookup_api_0_10(server, environment, run, token):
    python = environment("dtool-lookup-api==0.10.3") / "python"
    script = HERE / "call_lookup_api_0_10.py"
    found = json.loads(run(python, script, server, token("grumpy")))
    assert found["config"]["DEFAULT_USER".lower()] == "testuser"
    assert "dtool_lookup_server" in found["versions"]
    assert found["datasets"] == sorted(info["uri"] for info in EVERYTHING)[:10]
    assert found["paging"]["total"] == len(EVERYTHING)
    assert found["sorting"] == {"sort": {"uri": 1}}
    assert found["by_name"] == sorted((i["name"] for i in EVERYTHING), reverse=True)
    assert sorted(found["search"]) == sorted([*APPLES, uri_of("market-basket")])
    assert found["filtered"] == [uri_of("market-basket")]
    assert found["by_uuid"] == APPLES
    apples = dataset_named("apple-harvest")
    assert found["dataset"]["name"] == "apple-harvest"
    for key in ("readme", "manifest", "tags", "annotations"):
        assert found[key] == apples[key]
    assert found["me"]["username"] == found["user"]["username"] == "grumpy"
    assert found["summary"]["number_of_datasets"] == len(EVERYTHING)
    assert found["my_summary"] == found["summary"]
    assert found["registered"] is found["deleted"] is True
    assert found["after"] == 404
    assert found["bad_token"] == "LookupServerError"
    # What only admins may, as one who has logged in with a password.
    assert found["users"][:2] == ["grumpy", "librarian"]
    assert found["base_uris"] == ["s3://cinderella", MR_MEN, SNOW_WHITE]
    assert found["base_uri"]["users_with_search_permissions"] == ["grumpy", "sleepy"]
    assert found["admin"] == dict.fromkeys(found["admin"], True)
    assert found["new_base_uri"]["users_with_register_permissions"] == ["king"]
    assert found["configured"] == "snow-white"
    assert found["wrong_password"] == "RuntimeError"
    # These want plugins of the server that are not there.
    assert found["plugins"] == [404] * 6


def test_every_call_of_lookup_api_0_7(server, environment, run, token):
    python = environment("dtool-lookup-api==0.7.0", build=OLD_TOOLS) / "python"
    script = HERE / "call_lookup_api_0_7.py"
    found = json.loads(run(python, script, server, token("grumpy")))
    assert found["summary"]["number_of_datasets"] == len(EVERYTHING)
    assert found["all"] == found["paging"]["total"] == len(EVERYTHING)
    assert sorted(found["search"]) == sorted([*APPLES, uri_of("market-basket")])
    assert sorted(found["lookup"]) == sorted(found["by_uuid"]) == APPLES
    apples = dataset_named("apple-harvest")
    assert found["readme"] == apples["readme"]
    assert found["manifest"] == apples["manifest"]
    assert found["config"]["jwt_algorithm"] == "RS256"
    assert "dtool_lookup_server" in found["versions"]
    assert found["user_info"]["username"] == "grumpy"
    assert found["users"][:2] == ["grumpy", "sleepy"]
    assert found["base_uris"] == [SNOW_WHITE, MR_MEN, "s3://cinderella"]
    assert found["registered"] == [True, True, True]
    assert found["permissions"]["users_with_search_permissions"] == ["king"]
    assert found["configured"] is True
    assert found["plugins"] == [404] * 4


@pytest.fixture
def dtool(server, environment, run, token):
    """Run dtool with the plugin for the lookup server."""
    packages = ("dtool-lookup-client==0.1.0", "dtool-cli")
    program = environment(*packages, build=OLD_TOOLS) / "dtool"
    settings = {
        "DTOOL_LOOKUP_SERVER_URL": server,
        "DTOOL_LOOKUP_SERVER_TOKEN": token("grumpy"),
    }
    return lambda *arguments: COLOUR.sub("", run(program, *arguments, **settings))


def test_dtool_looks_up_a_uuid(dtool):
    assert sorted(dtool("lookup", uuid_of("apple-harvest")).split()) == APPLES


def test_dtool_searches(dtool):
    def names(*arguments):
        return {row["name"] for row in json.loads(dtool("search", *arguments))}

    assert names("carrots") == {"carrot-stew", "market-basket"}
    assert len(names()) == 9  # of ten rows, two with one name
    assert names("-m", '{"tags": ["veg", "fruit"]}') == {"market-basket"}
