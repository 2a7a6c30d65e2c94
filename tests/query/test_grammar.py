"""What the query language means, read out of the trees it makes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtool_lookup_server.query import (
    And,
    Annotation,
    Between,
    Match,
    Not,
    Or,
    Part,
    Piece,
    Text,
    Value,
    Words,
    parse,
)
from dtool_lookup_server.query.grammar import MAX_DEPTH, MAX_ELEMENTS

NOW = datetime(2024, 3, 31, 12, tzinfo=UTC)


def text(*pieces):
    return Text(tuple(Piece(piece) for piece in pieces))


def tag(name):
    return Match("tag", (Value(name),))


def seconds(*date):
    return datetime(*date, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("apple pear", text("apple", "pear")),
        ("apple OR pear", text("apple", "pear")),
        ("apple AND pear", And((text("apple"), text("pear")))),
        ('"red apple"', Text((Piece("red apple", quoted=True),))),
        ("-apple", Text((Piece("apple", excluded=True),))),
        ("NOT apple", Text((Piece("apple", excluded=True),))),
        ("NOT NOT apple", text("apple")),
        ("tag:a tag:b", And((tag("a"), tag("b")))),
        ("tag:a OR tag:b", Or((tag("a"), tag("b")))),
        ("-tag:a", Not(tag("a"))),
        ("NOT tag:a", Not(tag("a"))),
        ("tag:a pear", And((tag("a"), text("pear")))),
        ("apple (pear)", text("apple", "pear")),
        ("a AND b OR c AND d", "(a AND b) OR (c AND d)"),
        ("(a OR b) AND c", "(a OR b) AND c"),
        ("-(a b)", Not(text("a", "b"))),
    ],
)
def test_words_and_operators(typed, tree):
    understood = parse(typed)
    assert understood.parsed
    assert (str(understood) if isinstance(tree, str) else understood.tree) == tree


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("name:apple", Words("name", (Piece("apple"),))),
        ('readme:"red apple"', Words("readme", (Piece("red apple", True),))),
        ("item:a.txt,b*", Words("item", (Piece("a.txt"), Piece("b*")))),
        ("uri:s3://bucket/x", Words("uri", (Piece("s3://bucket/x"),))),
        ("creator:ann,bob", Match("creator", (Value("ann"), Value("bob")))),
        ('tag:"a, b"', Match("tag", (Value("a, b"),))),
        ("tag:fru*", Match("tag", (Value("fru", begins=True),))),
        ("base_uri:s3://a", Match("base_uri", (Value("s3://a"),))),
        ("uuid:7b4a3b5e", Match("uuid", (Value("7b4a3b5e"),))),
        ("annotation.a.b:1", Annotation("a.b", (Value("1"),))),
        ("annotation.a:*", Annotation("a", (Value("", begins=True),))),
        ("unknown:apple", text("unknown:apple")),
        ("s3://bucket/x", text("s3://bucket/x")),
    ],
)
def test_fields(typed, tree):
    assert parse(typed).tree == tree


@pytest.mark.parametrize(
    ("typed", "tree"),
    [
        ("*apple*", Part(None, "apple")),
        ("name:~wt3", Part("name", "wt3")),
        ("name:*wt3*", Part("name", "wt3")),
        ('name:~"red apple"', Part("name", "red apple")),
        ("tag:~fru", Part("tag", "fru")),
        ("creator:~ann", Part("creator", "ann")),
        ("item:~a/b.txt", Part("item", "a/b.txt")),
        ("uri:~s3:", Part("uri", "s3:")),
        ("-*apple*", Not(Part(None, "apple"))),
        ("name:~wt3,apple", "name:~wt3 OR name:apple"),
        ("*apple* pear", "*apple* OR pear"),
        ("*apple* pear -fig tag:a", "tag:a AND (*apple* OR pear) AND -fig"),
        ('*apple* "red fox" pear', Text((Piece("red fox", True), Piece("pear")))),
        ("*ap*", text("ap*")),
        ("name:~ap", Words("name", (Piece("ap*"),))),
        ("tag:~fr", Match("tag", (Value("fr", begins=True),))),
        ("***", text()),
        ('tag:"~fruit"', Match("tag", (Value("~fruit"),))),
        ('name:"~fruit"', Words("name", (Piece("~fruit", True),))),
        ("uuid:~6809", Match("uuid", (Value("~6809"),))),
        ("annotation.about:~5", Annotation("about", (Value("~5"),))),
        ("tag:*", Match("tag", (Value("", begins=True),))),
        (f"*{'x' * 300}*", Part(None, "x" * 255)),
    ],
)
def test_parts_of_words(typed, tree):
    understood = parse(typed)
    assert understood.parsed
    assert (str(understood) if isinstance(tree, str) else understood.tree) == tree


@pytest.mark.parametrize(
    ("typed", "low", "below"),
    [
        ("2024", seconds(2024, 1, 1), seconds(2025, 1, 1)),
        ("2024-02", seconds(2024, 2, 1), seconds(2024, 3, 1)),
        ("2024-12-31", seconds(2024, 12, 31), seconds(2025, 1, 1)),
        ("2024-03..2024-05", seconds(2024, 3, 1), seconds(2024, 6, 1)),
        ("2024..", seconds(2024, 1, 1), None),
        ("..2024", None, seconds(2025, 1, 1)),
        (">2023-01-01", seconds(2023, 1, 2), None),
        (">=2023-01-01", seconds(2023, 1, 1), None),
        ("<2023", None, seconds(2023, 1, 1)),
        ("<=2023", None, seconds(2024, 1, 1)),
        ("last:30d", seconds(2024, 3, 1, 12), None),
        ("last:12h", seconds(2024, 3, 31), None),
        ("last:9999y", seconds(1, 1, 1), None),
        ("9999", seconds(9999, 1, 1), None),
    ],
)
def test_times(typed, low, below):
    assert parse(f"frozen:{typed}", NOW).tree == Between("frozen", low, below)


@pytest.mark.parametrize(
    ("typed", "low", "below"),
    [
        ("size:10", 10, 11),
        ("size:>10GB", 10**10 + 1, None),
        ("size:<1.5kb", None, 1500),
        ("size:1MB..1GB", 10**6, 10**9 + 1),
        ("size:1KiB", 1024, 1025),
        ("items:2..3", 2, 4),
        ("items:>=3", 3, None),
    ],
)
def test_sizes(typed, low, below):
    field = typed.partition(":")[0]
    assert parse(typed).tree == Between(field, low, below)


@pytest.mark.parametrize(
    "typed",
    [
        "(apple pear",
        "apple) pear",
        "apple AND",
        "OR apple",
        "apple () pear",
        "frozen:yesterday apple",
        "frozen:2024-13",
        "frozen:2023-02-29",
        "frozen:..",
        "frozen:>9999",
        "size:big apple",
        "items:3KB",
        "NOT",
        "tag:a " * (MAX_ELEMENTS + 1),
        "(" * (MAX_DEPTH + 1) + "apple" + ")" * (MAX_DEPTH + 1),
        "-" + "(-" * MAX_DEPTH + "apple" + ")" * MAX_DEPTH,
    ],
)
def test_what_does_not_parse_is_words(typed):
    understood = parse(typed)
    assert not understood.parsed
    assert isinstance(understood.tree, Text)


@pytest.mark.parametrize("typed", ["", " ", "()", "-", "* , ;"])
def test_nothing_to_look_for(typed):
    assert parse(typed).tree == Text(())


@given(st.text(st.sampled_from('ab1 "-*():,.<>ANDORT~') | st.characters()))
def test_no_text_is_an_error(typed):
    assert isinstance(str(parse(typed)), str)


WORDS = st.sampled_from(["apple", "pear", "U00096.3", "app*", "*ppl*", "*pp*"])
LEAVES = st.one_of(
    st.lists(WORDS, min_size=1, max_size=2).map(" ".join),
    WORDS.map(lambda word: f'"{word} juice"'),
    WORDS.map(lambda word: f"name:{word}"),
    st.sampled_from(
        [
            "tag:a,b",
            "tag:~a,bcd",
            'tag:"~abc"',
            'tag:"*abc*",x',
            'name:~"a b c"',
            "item:~abc,d",
            'creator:"a b"',
            "size:>1KB",
            "annotation.x:y*",
        ]
    ),
)
QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR ", " "]), inner).map(
            lambda three: f"({three[0]}){three[1]}({three[2]})"
        ),
        inner.map("-({})".format),
    ),
    max_leaves=8,
)


@given(QUERIES)
def test_what_was_understood_means_the_same_when_typed(typed):
    understood = parse(typed)
    assert understood.parsed
    assert str(parse(str(understood))) == str(understood)
