"""The same tests with other plugins: TEST_PLUGINS, see tests/conftest.py."""

import pytest

from tests.conftest import TEST_PLUGINS
from tests.third_party.limits import limit_of


def pytest_collection_modifyitems(items):
    """Expect to fail what 0.18's plugins cannot do, on them alone."""
    if TEST_PLUGINS != "third-party":
        return
    for item in items:
        if reason := limit_of(item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
