"""The sql search plugin keeps the contract on each database server."""

import pytest

from dtool_lookup_server.contract import SearchContract
from tests.databases import empty_database


class OnServer(SearchContract):
    kind: str

    @pytest.fixture(scope="class")
    @classmethod
    def home(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("contract")
        with empty_database(cls.kind, folder) as url:
            yield {
                "TESTING": True,
                "DTOOL_LOOKUP_SERVER_HOME": str(folder),
                "SQLALCHEMY_DATABASE_URI": url,
            }

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls):
        return {"SEARCH_PLUGIN": "sql", "RETRIEVE_PLUGIN": "sql"}


class TestPostgreSQL(OnServer):
    kind = "postgresql"


class TestMariaDB(OnServer):
    kind = "mariadb"
