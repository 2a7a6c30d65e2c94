"""Here every test runs on each database, whatever TEST_DATABASE says."""

import pytest

from tests.databases import SERVERS, empty_database


@pytest.fixture(params=["sqlite", *SERVERS])
def database_url(request, tmp_path):
    """URL of an empty database: on SQLite, then on each server that is there."""
    with empty_database(request.param, tmp_path) as url:
        yield url
