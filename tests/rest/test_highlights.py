"""?highlight=true: why each dataset of a page was found."""

import pytest

from tests.corpus import dataset_info, uri_of


@pytest.fixture
def matches(library, grumpy):
    """Return what a query matches of one dataset: field and marked words."""

    def get(free_text, name="market-basket", **query):
        response = library.post(
            "/uris?highlight=true&page_size=100",
            json={"free_text": free_text, **query},
            headers=grumpy,
        )
        [row] = [row for row in response.json if row["uri"] == uri_of(name)]
        return [
            (
                match["field"],
                [match["text"][start:end] for start, end in match["marks"]],
            )
            for match in row["matches"]
        ]

    return get


@pytest.mark.parametrize(
    ("free_text", "found"),
    [
        ("apple", [("readme", ["apple"])]),
        ("CARROT market", [("name", ["market"]), ("readme", ["carrots", "market"])]),
        ('"sold on the market"', [("readme", ["sold on the market"])]),
        ("carr*", [("readme", ["carrots"])]),
        ("name:basket", [("name", ["basket"])]),
        ("readme:apple", [("readme", ["apple"])]),
        ("item:prices.csv", [("item", ["prices.csv"])]),
        ("item:pric*", [("item", ["prices"])]),
        ("tag:fruit", [("tag", ["fruit"])]),
        ("tag:fr*", [("tag", ["fr"])]),
        ("creator:grumpy -apricot", [("creator", ["grumpy"])]),
        (
            "annotation.stall.owner:Rumpelstiltskin",
            [("annotation.stall.owner", ["Rumpelstiltskin"])],
        ),
        ("rumpelstiltskin", [("annotation.stall.owner", ["Rumpelstiltskin"])]),
        ("tag:fruit AND NOT tag:poison", [("tag", ["fruit"])]),
        ("items:>1", []),
        ("*rice*", [("item", ["rice"])]),
        ("name:~et-bas", [("name", ["et-bas"])]),
        ("creator:~UMP AND tag:~rui", [("creator", ["ump"]), ("tag", ["rui"])]),
        ("*et/pri*", [("item", ["et/pri"])]),
    ],
)
def test_the_fields_that_match_come_with_the_words_marked(matches, free_text, found):
    assert matches(free_text) == found


def test_keys_of_the_query_match_too(matches):
    assert matches("", tags=["veg"]) == [("tag", ["veg"])]
    assert matches("", annotations={"stall.number": 7}) == [
        ("annotation.stall.number", ["7"])
    ]


def test_marks_are_counted_in_code_points(matches):
    found = matches("brulee carte", "Café crème")
    assert found == [("readme", ["brûlée", "carte"])]


@pytest.mark.parametrize(
    ("part", "marked"), [("fe cr", "fé cr"), ("FÉ_CR", "fé cr"), ("fe c", "fé c")]
)
def test_a_part_is_marked_where_it_was_folded(matches, part, marked):
    assert matches(f'name:~"{part}"', "Café crème") == [("name", [marked])]


def test_an_identifier_is_marked_as_a_whole(library, grumpy):
    query = {"free_text": "U00096.3", "highlight": "true"}
    [row] = library.get("/uris", query_string=query, headers=grumpy).json
    texts = [
        (match["field"], match["text"][slice(*match["marks"][0])])
        for match in row["matches"]
    ]
    assert ("item", "U00096.3") in texts
    assert ("readme", "U00096.3") in texts


def test_a_snippet_of_a_long_readme_is_short(client, grumpy, headers):
    readme = "word " * 20_000 + "<b>needle</b> " + "word " * 20_000
    info = dataset_info("long", readme=readme, items=["a"])
    client.put(f"/uris/{info['uri']}", json=info, headers=headers("librarian"))
    query = {"free_text": "needle", "highlight": "true"}
    [row] = client.get("/uris", query_string=query, headers=grumpy).json
    [match] = row["matches"]
    [[start, end]] = match["marks"]
    assert match["text"][start:end] == "needle"
    assert "<b>" in match["text"]
    assert len(match["text"]) < 300


def test_nothing_is_looked_up_where_it_is_not_asked_for(library, grumpy):
    for row in library.get("/uris?free_text=apple", headers=grumpy).json:
        assert "matches" not in row
