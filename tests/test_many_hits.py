"""What very many datasets have is found without ranking all, what few have but once.

Here two are very many, so that a few datasets tell.
"""

import json

import pytest

from dtool_lookup_server import sql_db
from dtool_lookup_server.plugins.sql import fts5, term_rows
from dtool_lookup_server.services import search
from tests.conftest import TEST_PLUGINS
from tests.corpus import MR_MEN, SNOW_WHITE, dataset_info
from tests.databases import KIND, listening

#: In the order of registration; each has "mouse", and "rat" where it is said.
PLACES = {
    "one": SNOW_WHITE,
    "two with rat": SNOW_WHITE,
    "three": MR_MEN,
    "four": SNOW_WHITE,
    "five with rat": MR_MEN,
}

sql_plugins_only = pytest.mark.skipif(
    TEST_PLUGINS != "sql", reason="MongoDB goes by the age of datasets"
)


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch):
    monkeypatch.setattr(search, "MOST_RANKED", 1)


@pytest.fixture(params=["few", "many"])
def however_many(request, monkeypatch, two_are_many):
    """Have the same found as few, and as very many."""
    if request.param == "few":
        monkeypatch.setattr(search, "MOST_RANKED", 2_000)


either_way = pytest.mark.usefixtures("however_many")


@pytest.fixture
def register(client, headers):
    """Register a dataset of some name in a base URI."""

    def register(name, base_uri):
        info = dataset_info(name, base_uri, readme=f"description: mouse {name}")
        sent = {"json": info, "headers": headers("librarian")}
        assert client.post("/dataset/register", **sent).status_code == 201

    for name, base_uri in PLACES.items():
        register(name, base_uri)
    return register


@pytest.fixture
def find(client, headers, register):
    """Return the names on a page of what a user finds, and the number of all."""

    def find(user, text, page=1, page_size=10):
        answer = client.post(
            f"/dataset/search?page={page}&page_size={page_size}",
            json={"free_text": text},
            headers=headers(user),
        )
        total = json.loads(answer.headers["X-Pagination"])["total"]
        return [row["name"] for row in answer.json], total

    return find


@either_way
@pytest.mark.parametrize(
    "user, text, found",
    [
        ("grumpy", "mouse", set(PLACES)),
        ("grumpy", "mou*", set(PLACES)),
        ("grumpy", "mouse -rat", {"one", "three", "four"}),
        ("grumpy", '"mouse" "with rat"', {"two with rat", "five with rat"}),
        ("sleepy", "mouse", {"one", "two with rat", "four"}),
        ("sleepy", "mouse rat", {"one", "two with rat", "four"}),
        ("sleepy", "rat", {"two with rat"}),
        ("noone", "mouse", set()),
        ("snow-white", "mouse", set()),
    ],
)
def test_each_finds_and_counts_what_they_may_see(find, user, text, found):
    names, total = find(user, text)
    assert (set(names), total) == (found, len(found))


@either_way
def test_pages_follow_each_other(find):
    pages = [find("grumpy", "mouse", page, 2) for page in (1, 2, 3, 4)]
    assert [total for _names, total in pages] == [5, 5, 5, 5]
    assert sorted(sum((names for names, _total in pages), [])) == sorted(PLACES)
    assert pages[3][0] == []


@sql_plugins_only
def test_the_last_registered_comes_first(find):
    assert find("grumpy", "mouse", page_size=2)[0] == ["five with rat", "four"]
    assert find("grumpy", "mouse", 2, 2)[0] == ["three", "two with rat"]


def test_a_dataset_whose_terms_take_several_rows_is_one(find, register, monkeypatch):
    monkeypatch.setattr(term_rows, "_ROW_BYTES", 50)
    register("six with many a mouse", SNOW_WHITE)
    names, total = find("grumpy", "mouse")
    assert (names[:1], total) == (["six with many a mouse"], 6)
    assert find("grumpy", "mouse", page_size=2)[1] == 6


@either_way
def test_more_of_the_words_come_first(find):
    names, total = find("grumpy", "mouse rat", page_size=2)
    assert (set(names), total) == ({"two with rat", "five with rat"}, 5)


@either_way
def test_pages_of_several_words_follow_each_other(find):
    pages = [find("grumpy", "mouse rat", page, 2)[0] for page in (1, 2, 3, 4)]
    assert sorted(sum(pages, [])) == sorted(PLACES)
    assert [len(names) for names in pages] == [2, 2, 1, 0]


@sql_plugins_only
def test_the_best_of_very_many_are_ranked(find, register, monkeypatch):
    monkeypatch.setattr(search, "MOST_RANKED", 3)
    register("mouse and rat", MR_MEN)
    register("seven with rat", MR_MEN)
    names, _total = find("grumpy", "mouse rat")
    assert names[0] == "mouse and rat"
    both = {"two with rat", "five with rat", "mouse and rat", "seven with rat"}
    assert set(names[:4]) == both


@either_way
def test_the_rest_api_counts_alike(client, headers, register):
    answer = client.get("/uris?free_text=mouse&page_size=2", headers=headers("sleepy"))
    assert json.loads(answer.headers["X-Pagination"])["total"] == 3
    assert len(answer.json) == 2


@either_way
def test_what_is_forgotten_is_not_counted(client, headers, register, find):
    assert find("sleepy", "mouse")[1] == 3
    uri = dataset_info("one", SNOW_WHITE)["uri"].replace("/", "%2F")
    client.delete(f"/uris/{uri}", headers=headers("librarian"))
    names, total = find("sleepy", "mouse")
    assert (set(names), total) == ({"two with rat", "four"}, 2)


@either_way
def test_a_permission_that_is_withdrawn_counts_at_once(client, admin, find):
    grants = {
        "base_uri": MR_MEN,
        "users_with_search_permissions": [],
        "users_with_register_permissions": ["librarian"],
    }
    assert find("grumpy", "mouse")[1] == 5
    client.post("/admin/permission/update_on_base_uri", json=grants, headers=admin)
    names, total = find("grumpy", "mouse")
    assert (set(names), total) == ({"one", "two with rat", "four"}, 3)


def test_too_many_base_uris_to_name_are_joined(find, monkeypatch):
    monkeypatch.setattr(fts5, "_MOST_PLACES", 0)
    names, total = find("grumpy", "mouse")
    assert (set(names), total) == (set(PLACES), 5)


@pytest.mark.parametrize("text", ["mouse", "mouse rat", '"with rat"', "mou* -rat"])
def test_few_are_in_the_order_of_all_that_are_ranked(find, monkeypatch, text):
    monkeypatch.setattr(search, "MOST_RANKED", 2_000)
    few = find("grumpy", text)
    monkeypatch.setattr(search, "_FEW", -1)
    assert find("grumpy", text) == few


@pytest.mark.skipif(KIND != "sqlite", reason="remembers nothing")
@sql_plugins_only
def test_the_index_is_asked_for_few_once_until_something_is_written(
    app, find, register, monkeypatch
):
    asked = []

    def note(_connection, _cursor, statement, *_rest):
        if "MATCH" in statement:
            asked.append(statement)

    monkeypatch.setattr(search, "MOST_RANKED", 2_000)
    with app.app_context(), listening(sql_db.engine, "before_cursor_execute", note):
        assert find("grumpy", "rat")[1] == 2
        assert len(asked) == 2  # how many there are, and which
        assert find("grumpy", "rat", 2, 1)[1] == find("grumpy", "rat")[1] == 2
        assert find("sleepy", "rat") == (["two with rat"], 1)
        assert len(asked) == 2
        register("six with rat", SNOW_WHITE)
        assert find("sleepy", "rat")[1] == 2
        assert len(asked) > 2
