"""What the parser reads out of what users type."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtool_lookup_server.plugins.text_query import (
    MAX_TERMS,
    Phrase,
    Prefix,
    Term,
    TextQuery,
    parse,
)

APPLE, PEAR = Term("appl"), Term("pear")
RED_APPLE = Phrase(("red", "appl"), "red__apple")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("apple", TextQuery(any_of=(APPLE,))),
        ("Apples PEARS", TextQuery(any_of=(APPLE, PEAR))),
        ('"red apple"', TextQuery(all_of=(RED_APPLE,))),
        ("“red apple”", TextQuery(all_of=(RED_APPLE,))),
        ('pear "red apple"', TextQuery(any_of=(PEAR,), all_of=(RED_APPLE,))),
        ("apple pear apples", TextQuery(any_of=(APPLE, PEAR))),
        ('"apple"', TextQuery(all_of=(APPLE,))),
        ('"the apple"', TextQuery(all_of=(APPLE,))),
        ("pear -apple", TextQuery(any_of=(PEAR,), none_of=(APPLE,))),
        ('-"red apple"', TextQuery(none_of=(RED_APPLE,))),
        ("app*", TextQuery(any_of=(Prefix("app"),))),
        ("the*", TextQuery(any_of=(Prefix("the"),))),
        ("-app*", TextQuery(none_of=(Prefix("app"),))),
        ("U00096.3.re*", TextQuery(any_of=(Prefix("u00096__3__re"),))),
    ],
)
def test_words_phrases_exclusions_and_prefixes(text, query):
    assert parse(text) == query


@pytest.mark.parametrize("text", ["U00096.3", "U00096-3", '"U00096.3"', "(U00096_3),"])
def test_an_identifier_is_a_whole_or_its_parts_in_a_row(text):
    query = parse(text)
    assert query.any_of + query.all_of == (Phrase(("u00096", "3__"), "u00096__3"),)


def test_stop_words_in_an_identifier_leave_only_its_whole():
    assert parse("IS-10").any_of == (Phrase((), "is__10"),)


def test_stop_words_in_a_phrase_are_passed_over():
    assert parse('"bread and butter"').all_of[0].terms == ("bread", "butter")


@pytest.mark.parametrize(
    "text", ["", " ", "the", '"of the"', "-the", "-", "*", '""', "?"]
)
def test_nothing_to_look_for(text):
    assert parse(text).finds_nothing


@pytest.mark.parametrize(
    "text",
    [
        'apple "',
        '"apple',
        "(apple)",
        "apple -",
        "apple *",
        "apple AND",
        "--apple",
        "apple\0",
        '-"apple',
        "'apple'",
        "apple\udc80",
        "{apple}: ^",
    ],
)
def test_what_cannot_be_read_is_plain_words(text):
    assert parse(text) == TextQuery(any_of=(APPLE,))


@pytest.mark.parametrize("word", ["NEAR", "near", "OR2", "MATCH"])
def test_operators_of_engines_are_plain_words(word):
    assert parse(word) == TextQuery(any_of=(Term(word.lower()),))


@pytest.mark.parametrize("text", ["w{} ", '"w{}" ', "w{}.", "-w{} "])
def test_the_number_of_terms_is_bounded(text):
    query = parse("".join(text.format(n) for n in range(20_000)))
    clauses = query.any_of + query.all_of + query.none_of
    assert sum(len(getattr(c, "terms", "1")) for c in clauses) == MAX_TERMS


@given(st.text(st.characters() | st.sampled_from('"-* ()'), max_size=300))
@settings(max_examples=300)
def test_nothing_is_a_syntax_error(text):
    assert isinstance(parse(text), TextQuery)
