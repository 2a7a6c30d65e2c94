"""What the analyzer makes of words, of identifiers and of whole datasets."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtool_lookup_server.plugins import analysis, term_sets
from dtool_lookup_server.plugins.analysis import (
    BREAK,
    MAX_TERM,
    PHRASE_FIELDS,
    SEARCHED_ALONE,
    analyze_dataset,
    labelled,
    labelled_prefix,
    prefix_of,
    terms_of,
    whole_of,
    words_of,
)
from dtool_lookup_server.plugins.folding import fold
from dtool_lookup_server.plugins.parts import spelled
from dtool_lookup_server.plugins.term_sets import TermText, united

ANY_TEXT = st.text(st.characters(), max_size=200)
UUID = "8ecd8e05-558a-48e2-b563-0c9ea273e71e"


def terms(text):
    return terms_of(fold(text))


def whole(text):
    return whole_of(words_of(fold(text)))


def prefix(text):
    return prefix_of(words_of(fold(text)))


def items(*paths):
    manifest = {"items": {str(n): {"relpath": p} for n, p in enumerate(paths)}}
    return analyze_dataset({"manifest": manifest}).items


def forms(text):
    return analyze_dataset({"readme": text}).forms["readme"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("apple", "apples"),
        ("run", "running"),
        ("cell", "CELLS"),
        ("Müller", "muller"),
        ("élan", "elan"),
        ("Müller", unicodedata.normalize("NFD", "Müller")),
        ("Straße", "STRASSE"),
        ("Łódź", "lodz"),
        ("Ærø", "aero"),
        ("İstanbul", "istanbul"),
        ("ПРИВЕТ", "привет"),
        ("Ελλάς", "ΕΛΛΑΣ"),
        ("が", unicodedata.normalize("NFD", "が")),
        ("한국어", unicodedata.normalize("NFD", "한국어")),
        ("ＡＢＣ", "abc"),
        ("Müller's", "Müller"),
        ("Müller’s", "Müller"),
        ("co\u00adoperate", "cooperate"),
    ],
)
def test_spellings_of_one_word_have_one_term(one, other):
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("apple", "pear"),
        ("か", "が"),
        ("привет", "пока"),
        ("एक", "एका"),
        ("71e", "71es"),
        ("c", "cc"),
        ("x" * 100 + "a", "x" * 100 + "b"),
    ],
)
def test_different_words_have_different_terms(one, other):
    assert terms(one) != terms(other)


@pytest.mark.parametrize("text", ["the", "And", "of a", "I", "a.", "it's", "-- ?!", ""])
def test_stop_words_and_punctuation_have_no_terms(text):
    assert terms(text) == []


def test_a_letter_that_is_an_article_counts_in_a_name():
    assert terms("a sample-A") == terms("sample") + ["a__"]


def test_identifiers_are_split_at_punctuation_and_not_at_digits():
    assert terms("WT-3_rep2.fastq.gz") == ["wt_", "3__", "rep2", "fastq", "gz_"]


def test_each_han_character_is_a_word():
    assert terms("数据集") == terms("数 据 集")


def test_terms_of_values_do_not_touch():
    tags = analyze_dataset({"tags": ["red", "fox"]}).tags
    assert tags == ("red", BREAK, "fox")


@given(ANY_TEXT)
@settings(max_examples=200)
def test_terms_are_spelled_so_that_every_engine_takes_them_as_one_word(text):
    found = [*terms(text), *forms(text), *items(text)]
    assert [t for t in found if not re.fullmatch(f"[a-z0-9_]{{3,{MAX_TERM}}}", t)] == []


@given(ANY_TEXT, ANY_TEXT)
@settings(max_examples=200)
def test_a_prefix_of_a_word_is_a_prefix_of_one_of_its_terms(start, rest):
    words = words_of(fold(start + rest))
    if len(words) == 1 and words[0].startswith("".join(words_of(fold(start)))):
        found = {whole_of(words), *terms(words[0])}
        assert any(term.startswith(prefix(start)) for term in found)


def test_the_prefix_of_one_letter_begins_the_letters_own_term():
    assert terms("c")[0].startswith(prefix("c"))


def test_a_long_word_is_cut_and_its_prefix_too():
    assert terms("x" * 200)[0].startswith(prefix("x" * 100))


@pytest.mark.parametrize("word", ["apples", "running", "Müllers"])
def test_words_that_differ_from_their_stem_are_kept_as_forms(word):
    assert whole(word) in forms(f"some {word}, here")


@pytest.mark.parametrize(
    "text",
    [
        "U00096.3.rev.1.bt2",
        "U00096.3",
        UUID,
        f"s3://bucket/{UUID}",
        f"file://a-long-name-of-a-host.example.org/with/a/long/path/to/data/{UUID}",
    ],
)
def test_identifiers_in_text_are_kept_as_wholes(text):
    assert whole(text) in forms(f"see ({text}), please")


def test_the_uuid_in_a_uri_is_kept_as_a_whole():
    assert whole(UUID) in forms(f"s3://bucket/{UUID}")


def test_long_uris_that_begin_alike_stay_apart():
    start = "file://" + "long/" * 40
    assert whole(start + "a") != whole(start + "b")


@pytest.mark.parametrize(
    "name",
    [
        "WT-3_rep2",
        "WT-3_rep2.fastq",
        "WT-3_rep2.fastq.gz",
        "fastq.gz",
        "raw data/WT-3_rep2.fastq.gz",
        "raw data",
        "WT-3",
        "rep2.fastq.gz",
    ],
)
def test_names_in_paths_are_kept_as_wholes(name):
    assert whole(name) in items("raw data/WT-3_rep2.fastq.gz")


@pytest.mark.parametrize("date", ["2024-03", "2024-03-15", "2024_03_15", "2024.03"])
def test_dates_in_paths_are_kept_as_wholes(date):
    assert whole(date) in items("raw/sample_2024-03-15_run1.tif")


@pytest.mark.parametrize("word", ["raw", "data", "wt", "3", "fastq"])
def test_words_in_paths_are_kept(word):
    assert set(terms(word)) < items("raw data/WT-3_rep2.fastq.gz")


def test_annotation_values_of_any_depth_are_read_in_order():
    value = {"a": [{"b": "red"}, 5], "c": {"d": [0.25, True, None]}}
    assert [t for t in analyze_dataset({"annotations": value}).annotations] == (
        ["red", BREAK, "5__", BREAK, "0__", "25_", BREAK, "true"]
    )


def test_names_of_annotations_are_not_read():
    assert analyze_dataset({"annotations": {"colour": "red"}}).annotations == ("red",)


def test_deep_annotations_are_read():
    value = "red"
    for _ in range(100_000):
        value = [value]
    assert analyze_dataset({"annotations": value}).annotations == ("red",)


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"readme": None, "tags": None, "manifest": None, "annotations": None},
        {"manifest": {"items": []}},
        {"manifest": {"items": {"a": None, "b": {}, "c": {"relpath": 5}}}},
    ],
)
def test_what_is_absent_or_odd_has_no_terms(info):
    analyzed = analyze_dataset(info)
    assert not any(getattr(analyzed, name) for name in (*PHRASE_FIELDS, "items"))
    assert not any(analyzed.forms[name] for name in PHRASE_FIELDS)


def test_what_is_found_in_a_field_alone_has_a_label_that_no_word_begins_with():
    info = {"name": "runs", "readme": "apples", "tags": ["pear"]}
    analyzed = analyze_dataset(info)
    assert analyzed.labelled() == {
        labelled("name", "run"),
        labelled("name", "runs"),
        labelled("readme", "appl"),
        labelled("readme", "apples"),
    }
    for field in SEARCHED_ALONE:
        assert prefix(field) == field
        assert not labelled(field, "apples").startswith(prefix(field))
        assert labelled(field, "apples").startswith(labelled_prefix(field, "app"))


@given(st.text(st.characters(max_codepoint=127)))
def test_text_in_ascii_folds_as_beside_other_characters(text):
    assert fold(f"{text} é") == f"{fold(text)} e"
    assert spelled(f"{text} é\n") == spelled(f"{text} e\n")


@pytest.mark.parametrize(
    "text",
    ["-" * 10**6, "a." * 10**5, "x" * 10**6, "a\u0301\u0316" * 10**5, "数" * 10**5],
)
def test_megabytes_of_one_thing_do_not_take_forever(text):
    assert analyze_dataset({"readme": text, "name": "apple"}).name == ("appl",)


def test_terms_of_many_paths_are_found_part_by_part(monkeypatch):
    paths = [f"run_{n % 7}/WT-{n}_rep{n % 3}.fastq.gz" for n in range(100)]
    at_once = items(*paths)
    monkeypatch.setattr(analysis, "_FEW_PATHS", 9)
    in_parts = items(*paths)
    assert isinstance(in_parts, TermText)
    assert in_parts == at_once
    assert all(term in in_parts for term in at_once)
    assert "rep" not in in_parts
    assert in_parts & {"fastq", "none"} == {"fastq"}


@pytest.mark.parametrize(
    "sets", [[], [set()], [{"a"}], [{"b", "a"}, {"c", "a"}, set()], [set(), {"b"}]]
)
def test_a_union_of_terms_has_each_once_and_in_order(sets):
    terms = united(sets)
    assert list(terms) == sorted(set().union(*sets))
    assert len(terms) == len(list(terms))


def test_in_several_texts_what_is_in_several_sets_comes_first(monkeypatch):
    monkeypatch.setattr(term_sets, "TEXT_LENGTH", 4)
    terms = united([{"d", "a", "x"}, {"d", "b", "x"}, {"c", "z"}])
    assert terms.texts == ["d x", "a b c", "z"]
    assert sorted(terms) == ["a", "b", "c", "d", "x", "z"]


@given(st.sets(st.text("abc_", min_size=1)), st.text("abc_"))
def test_a_text_of_terms_has_its_terms_and_no_others(terms, another):
    half = sorted(terms)[: len(terms) // 2]
    texts = [" ".join(half), " ".join(sorted(terms - set(half)))]
    text = TermText([text for text in texts if text])
    assert all(term in text for term in terms)
    assert (another in text) == (another in terms)
    assert None not in text
