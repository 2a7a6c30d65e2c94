"""A whole result as CSV, JSON lines or JSON-LD."""

import csv
import gzip
import io
import json

import pytest

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import search
from tests.corpus import EVERYTHING, dataset_info, uri_of
from tests.databases import listening

TYPES = ["text/csv", "application/x-ndjson", "application/ld+json"]


@pytest.fixture
def export(library, grumpy):
    """Return every hit of a query in a type, as text."""

    def get(kind, client=library, **query):
        headers = {**grumpy, "Accept": kind}
        response = client.get("/uris", query_string=query, headers=headers)
        assert response.status_code == 200
        assert response.mimetype == kind
        return response.text

    return get


def uris_in(kind, text):
    if kind == "text/csv":
        return [row["uri"] for row in csv.DictReader(io.StringIO(text))]
    if kind == "application/x-ndjson":
        return [json.loads(line)["uri"] for line in text.splitlines()]
    return [dataset["@id"] for dataset in json.loads(text)["@graph"]]


@pytest.mark.parametrize("kind", TYPES)
def test_every_hit_is_there_whatever_the_page(export, kind):
    everything = sorted(info["uri"] for info in EVERYTHING)
    assert uris_in(kind, export(kind, page_size=1)) == everything


@pytest.mark.parametrize("kind", TYPES)
def test_an_export_is_compressed_where_that_is_accepted(library, grumpy, export, kind):
    headers = {**grumpy, "Accept": kind, "Accept-Encoding": "gzip"}
    packed = library.get("/uris", headers=headers)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data).decode() == export(kind)


@pytest.mark.parametrize("kind", TYPES)
def test_a_query_and_a_sort_count(export, kind):
    found = uris_in(kind, export(kind, free_text="tag:veg carrot", sort="-name"))
    assert found == [uri_of("market-basket"), uri_of("carrot-stew")]


@pytest.mark.parametrize("kind", TYPES)
def test_no_hit_is_a_whole_answer_too(export, kind):
    assert uris_in(kind, export(kind, free_text="nothing-at-all")) == []


@pytest.mark.parametrize("kind", TYPES)
def test_a_result_of_many_batches_is_whole(export, kind, monkeypatch):
    monkeypatch.setattr(search, "BATCH", 5)
    assert len(uris_in(kind, export(kind))) == len(EVERYTHING)


@pytest.mark.parametrize("kind", TYPES)
def test_only_what_the_user_may_search_is_exported(library, headers, kind):
    response = library.get("/uris", headers={**headers("noone"), "Accept": kind})
    assert uris_in(kind, response.text) == []


def test_json_lines_are_the_rows_of_the_api(library, grumpy, export):
    rows = library.get("/uris?page_size=100", headers=grumpy).json
    lines = export("application/x-ndjson").splitlines()
    assert [json.loads(line) for line in lines] == rows


def test_csv_has_readable_times_and_tags(export):
    text = export("text/csv", free_text="name:basket")
    [row] = csv.DictReader(io.StringIO(text))
    assert row["frozen_at"] == "2017-07-14T02:40:05Z"
    assert row["tags"] == "fruit\nveg"


def test_csv_holds_no_formula(client, export, headers):
    info = dataset_info("=1+1", tags=["@SUM(A1)"])
    client.put(f"/uris/{info['uri']}", json=info, headers=headers("librarian"))
    [row] = csv.DictReader(io.StringIO(export("text/csv", client)))
    assert (row["name"], row["tags"]) == ("'=1+1", "'@SUM(A1)")


def test_json_ld_is_a_graph_of_schema_org(export):
    graph = json.loads(export("application/ld+json", free_text="name:basket"))
    assert graph["@context"] == "https://schema.org"
    [dataset] = graph["@graph"]
    assert dataset["@type"] == "Dataset"
    assert dataset["creator"]["name"] == "grumpy"
    assert dataset["distribution"]["contentSize"] == "60 B"


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", ""])
def test_json_remains_what_is_answered_to_all_others(library, grumpy, accept):
    response = library.get("/uris", headers={**grumpy, "Accept": accept})
    assert response.mimetype == "application/json"


def test_a_wrong_sort_is_answered_and_not_streamed(library, grumpy):
    headers = {**grumpy, "Accept": "text/csv"}
    assert library.get("/uris?sort=nothing", headers=headers).status_code == 422


def test_rows_are_fetched_as_they_are_sent(library_app, library, grumpy, monkeypatch):
    monkeypatch.setattr(search, "BATCH", 2)
    statements = []
    with library_app.app_context():
        engine = sql_db.engine

    def count(connection, cursor, statement, *args):
        statements.append(statement)

    with listening(engine, "before_cursor_execute", count):
        headers = {**grumpy, "Accept": "application/x-ndjson"}
        response = library.get("/uris", headers=headers, buffered=False)
        chunks = response.iter_encoded()
        next(chunks)
        before = len(statements)
        assert len(list(chunks)) == len(EVERYTHING) - 1
        assert len(statements) > before
