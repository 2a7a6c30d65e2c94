"""search: datasets on the machine itself, as a table, JSON or URIs."""

import json

import pytest

from tests.corpus import uri_of


@pytest.fixture
def search(client, corpus, runner):
    """Run the command against the corpus, and return its result."""

    def run(*arguments):
        return runner.invoke(args=["search", *arguments])

    return run


def test_a_table_of_all_hits_comes_first_things_first(search):
    result = search("carrot", "creator:grumpy", "--sort", "name")
    head, *lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert head.split() == ["NAME", "CREATOR", "FROZEN", "SIZE", "URI"]
    assert lines[0].split() == [
        "carrot-stew",
        "grumpy",
        "2017-07-14",
        "10",
        "B",
        uri_of("carrot-stew"),
    ]
    assert len(lines) == 2


def test_uris_alone(search):
    assert search("--uri", "name:stew").stdout == f"{uri_of('carrot-stew')}\n"


def test_exclusions_are_no_options(search):
    result = search("--uri", "tag:veg", "-tag:fruit")
    assert result.stdout == f"{uri_of('carrot-stew')}\n"


def test_json_has_a_dataset_on_each_line(search):
    [row] = map(json.loads, search("--json", "name:stew").stdout.splitlines())
    assert row["name"] == "carrot-stew"


def test_what_does_not_parse_is_said(search):
    result = search("(stew")
    assert "carrot-stew" in result.stdout
    assert result.stderr == "Searched as words: stew\n"


def test_a_misspelled_word_is_told(search):
    result = search("carot", "--uri")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "Did you mean: carrot\n"


def test_a_wrong_sort_is_one_line(search):
    result = search("stew", "--sort", "colour")
    assert result.exit_code == 1
    assert result.stderr == "sort: Unknown field: 'colour'.\n"
