"""Every kind of store, for servers that are killed or starved of it."""

import pytest

from tests.conftest import make_config, mongo_settings_of
from tests.databases import empty_database


@pytest.fixture
def database_url(kind, tmp_path):
    """URL of an empty database of a kind; with MongoDB the truth is in SQLite."""
    with empty_database("sqlite" if kind == "mongo" else kind, tmp_path) as url:
        yield url


@pytest.fixture
def config(kind, tmp_path, keys, database_url, request):
    """Settings of an app with a kind of store: a database's, or mongo."""
    config = make_config(tmp_path, keys, database_url)
    if kind == "mongo":
        config |= mongo_settings_of(request.getfixturevalue("mongod"))
    return config
