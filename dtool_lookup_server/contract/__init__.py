"""What every search and every retrieve plugin must do, as tests for authors to run.

A plugin's own test suite inherits a class and says which plugin it is about:

    import pytest

    from dtool_lookup_server.contract import SearchContract


    class TestNameSearch(SearchContract):
        @pytest.fixture(scope="class")
        @classmethod
        def settings(cls):
            return {"SEARCH_PLUGIN": "names"}

Every test goes through an application, as requests do. Each uses a base URI of its
own, so that a store need not be emptied between them.
"""

import pytest

pytest.register_assert_rewrite(
    *(f"{__name__}.{module}" for module in ("base", "retrieve", "search"))
)

from .base import Contract  # noqa: E402
from .retrieve import RetrieveContract  # noqa: E402
from .search import SearchContract  # noqa: E402

__all__ = ["Contract", "RetrieveContract", "SearchContract"]
