import pytest

from dtool_lookup_server.contract import SearchContract


class TestFileSearch(SearchContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("terms")
        return {"SEARCH_PLUGIN": "files", "FILE_SEARCH_FOLDER": str(folder)}

    @pytest.fixture(scope="class")
    @classmethod
    def unreachable(cls, settings):
        return settings | {"FILE_SEARCH_FOLDER": "/no/such/folder"}
