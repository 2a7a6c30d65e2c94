import pytest

from dtool_lookup_server.contract import RetrieveContract


class TestFileContents(RetrieveContract):
    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("contents")
        return {"RETRIEVE_PLUGIN": "files", "FILE_CONTENTS_FOLDER": str(folder)}

    @pytest.fixture(scope="class")
    @classmethod
    def unreachable(cls, settings):
        return settings | {"FILE_CONTENTS_FOLDER": "/no/such/folder"}
