"""Datasets and queries made of few words, so that many queries find something."""

import random
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

# Stop words, forms, accents, identifiers and what some engines stumble over.
_WORDS = [
    *("apple", "apples", "réd", "runs", "running", "the", "x", "7", "com", "NEAR"),
    *("U00096.3", "wt-3_rep2", "数据"),
]
_NAMES = ["apple", "red-apple", "wt-3_rep2", "plain"]
_TAGS = ["fruit", "fruity", "à point"]
_CREATORS = ["ann", "anna", "Bob"]
_COLOURS = ["crimson", "crimson red", 7]
_DATASETS = 40


def chance_datasets() -> Iterator[dict[str, Any]]:
    """Yield fields of datasets, the same in every run."""
    chance = random.Random(1)
    for number in range(_DATASETS):
        paths = [
            f"{chance.choice(_NAMES)}/{chance.choice(_WORDS)}.txt"
            for _ in range(chance.randrange(4))
        ]
        yield {
            "name": chance.choice(_NAMES),
            "creator_username": chance.choice(_CREATORS),
            "tags": chance.sample(_TAGS, chance.randrange(3)),
            "readme": " ".join(chance.choices(_WORDS, k=chance.randrange(6))),
            "annotations": {"colour": chance.choice(_COLOURS)} if number % 3 else {},
            "paths": paths,
            "created_at": 1700000000.0 + number,
            "frozen_at": 1400000000.0 + number * 10_000_000,
            "number_of_items": len(paths) or None,
            "size_in_bytes": chance.choice([0, 999, 1000, 10**9]) if paths else None,
        }


def typed_queries() -> st.SearchStrategy[str]:
    """Return a strategy of queries, all of which parse."""
    words = st.sampled_from([*_WORDS, "app*", "u000*", "pear"])
    phrases = st.lists(words, min_size=1, max_size=3).map(lambda some: " ".join(some))
    quoted = phrases.map(lambda phrase: f'"{phrase.replace("*", "")}"')
    ranges = [
        "frozen:2018",
        "frozen:>2020-05",
        "created:<2000",
        "size:1KB..1GB",
        "size:<1000",
        "items:2",
        "items:>=1",
    ]
    values = [
        "creator:ann",
        "creator:ann*,Bob",
        "tag:fruit",
        'tag:"à point",fruity',
        "tag:*",
        "annotation.colour:crimson",
        "annotation.colour:crim*,7",
        "uploader:nobody",
    ]
    parts = [
        "*ppl*",
        "*t-3_R*",
        "*ple/app*",
        "*d-a*plain*",
        "name:~ed-a",
        "tag:~rui,à*",
        'tag:~"a poi"',
        "creator:~nna",
        "item:~096.3.t",
        "uri:~ontract",
        "*数 据*",
    ]
    fields = st.sampled_from(["name", "readme", "item", "uri"])
    leaves = st.one_of(
        phrases,
        quoted,
        st.tuples(fields, words | quoted).map(":".join),
        st.sampled_from([*ranges, *values, *parts]),
    )
    return st.recursive(leaves, _composed, max_leaves=6)


def _composed(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, st.sampled_from(["AND", "OR", ""]), inner)
    return st.one_of(
        pairs.map(lambda three: f"({three[0]}) {three[1]} ({three[2]})"),
        inner.map("-({})".format),
    )
