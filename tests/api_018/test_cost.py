"""What a page costs follows from its length, and from nothing else."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from dtool_lookup_server import sql_db
from tests.api_018.routes import LOOKUP
from tests.databases import listening

PAGES = [
    ("GET", "/dataset/list", None),
    ("GET", LOOKUP.path, None),
    ("POST", "/dataset/search", {}),
    ("POST", "/dataset/search", {"tags": ["fruit", "veg"]}),
    ("POST", "/dataset/search", {"free_text": "description"}),
    ("GET", "/admin/user/list", None),
    ("GET", "/admin/base_uri/list", None),
]


@pytest.fixture
def statements(library_app):
    """The SQL statements that the library's database is sent."""
    sent = []

    def write_down(_connection, _cursor, statement, *_):
        sent.append(statement)

    with library_app.app_context():
        engine = sql_db.engine
    with listening(engine, "before_cursor_execute", write_down):
        yield sent


@pytest.mark.parametrize(("method", "path", "body"), PAGES)
def test_a_long_page_takes_as_few_statements_as_a_short_one(
    library, admin, grumpy, statements, method, path, body
):
    headers = admin if path.startswith("/admin") else grumpy
    numbers = []
    for page_size in (2, 100):
        statements.clear()
        response = library.open(
            f"{path}?page_size={page_size}", method=method, json=body, headers=headers
        )
        assert response.json
        numbers.append(len(statements))
    # One more where the page ends in another block of ids; none to count a page that
    # is not full.
    assert 0 < numbers[1] <= numbers[0] + 1


@pytest.mark.parametrize("path", ["/dataset/list", "/admin/user/list"])
def test_a_page_is_cut_by_the_database(library, admin, statements, path):
    library.get(f"{path}?page_size=2", headers=admin)
    assert any("LIMIT" in statement.upper() for statement in statements)


def test_the_summary_takes_few_statements(library, grumpy, statements):
    # What was asked before is remembered, by the thread that asked.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(library.get, "/dataset/summary", headers=grumpy).result()
    assert 0 < len(statements) < 15
