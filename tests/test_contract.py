"""The built-in plugins keep the contract that is shipped for authors."""

import pytest

from dtool_lookup_server.contract import RetrieveContract, SearchContract
from tests.mongod import free_port


class TestSQLSearch(SearchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls):
        return {"SEARCH_PLUGIN": "sql", "RETRIEVE_PLUGIN": "sql"}


class TestSQLRetrieve(RetrieveContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls):
        return {"SEARCH_PLUGIN": "sql", "RETRIEVE_PLUGIN": "sql"}


class TestMongoSearch(SearchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, mongo_settings):
        return {**mongo_settings, "RETRIEVE_PLUGIN": "sql"}

    @pytest.fixture(scope="class")
    @classmethod
    def unreachable(cls, settings):
        return {**settings, **nobody_there("SEARCH")}


class TestMongoRetrieve(RetrieveContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, mongo_settings):
        return {**mongo_settings, "SEARCH_PLUGIN": "sql"}

    @pytest.fixture(scope="class")
    @classmethod
    def unreachable(cls, settings):
        return {**settings, **nobody_there("RETRIEVE")}


class TestBothInOneMongoCollection(SearchContract, RetrieveContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, mongo_settings):
        return mongo_settings


def nobody_there(kind):
    return {
        f"{kind}_MONGO_URI": f"mongodb://127.0.0.1:{free_port()}/",
        f"{kind}_MONGO_TIMEOUT": 1,
    }
