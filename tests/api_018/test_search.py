"""POST /dataset/search: by text and by what is known of a dataset."""

import pytest

from dtool_lookup_server.services import search as searching
from tests.corpus import (
    CINDERELLA,
    EVERYTHING,
    IN_MR_MEN,
    IN_SNOW_WHITE,
    MR_MEN,
    SNOW_WHITE,
    dataset_info,
    uri_of,
    uuid_of,
)

# The datasets of the corpus, by name; the apples are in both base URIs.
APPLES = ["apple-harvest", "apple-harvest"]
CAFE = ["Café crème"]
GENOME = ["Escherichia-coli-ref-genome"]


def search(client, headers, **query):
    response = client.post("/dataset/search?page_size=100", json=query, headers=headers)
    assert response.status_code == 200, response.text
    return [row["name"] for row in response.json]


def find(client, headers, free_text, **query):
    """Return the sorted names of what a text finds."""
    return sorted(search(client, headers, free_text=free_text, **query))


def names_of(infos):
    return sorted(info["name"] for info in infos)


# Where words are looked for.


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("basket", ["market-basket"]),  # its name
        ("hypocotyl3", ["hypocotyl3"]),
        ("grumpy", ["carrot-stew", "market-basket"]),  # its creator
        ("strong", ["Escherichia-coli-ref-genome", "tea-party"]),
        ("orchard", APPLES),  # its README
        ("Bowtie2", GENOME),
        ("geology", ["mine-survey", "weather"]),  # its tags
        ("crimson", APPLES),  # its annotations
        ("Rumpelstiltskin", ["market-basket"]),
        ("182", APPLES),
        ("recipe", ["carrot-stew"]),  # the paths of its items
        ("tif", [*APPLES, "hypocotyl3"]),
        ("guests.json", ["tea-party"]),
        ("U00096.3.fasta", GENOME),
        ("snow", names_of(IN_SNOW_WHITE)),  # its URI
        ("men", names_of(IN_MR_MEN)),
    ],
)
def test_a_word_is_found_wherever_it_stands(library, grumpy, word, names):
    assert find(library, grumpy, word) == names


@pytest.mark.parametrize("uuid", [uuid_of("weather"), uuid_of("weather").upper()])
def test_a_uuid_is_a_text_to_find(library, grumpy, uuid):
    assert find(library, grumpy, uuid) == ["weather"]


def test_a_quoted_uri_is_a_text_to_find(library, grumpy):
    assert find(library, grumpy, f'"{uri_of("weather", MR_MEN)}"') == ["weather"]


def test_a_bare_uri_finds_its_dataset_first(library, grumpy):
    assert search(library, grumpy, free_text=uri_of("tea-party", MR_MEN))[0] == (
        "tea-party"
    )


@pytest.mark.parametrize("word", ["nosuchword", "arrot", "zzz", "2018"])
def test_a_word_that_stands_nowhere_finds_nothing(library, grumpy, word):
    assert find(library, grumpy, word) == []


# Which words are the same.


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("apple", [*APPLES, "market-basket"]),
        ("apples", [*APPLES, "market-basket"]),
        ("APPLES", [*APPLES, "market-basket"]),
        ("carrot", ["carrot-stew", "market-basket"]),
        ("survey", ["mine-survey"]),
        ("surveys", ["mine-survey"]),
        ("mines", ["mine-survey", "weather"]),
        ("run", ["mine-survey"]),
        ("poisoning", APPLES),
        ("laughing", ["long-arms"]),
    ],
)
def test_english_word_forms_are_the_same_word(library, grumpy, word, names):
    assert find(library, grumpy, word) == names


@pytest.mark.parametrize(
    "word",
    ["café", "cafe", "CAFÉ", "Cafe\u0301", "brulee", "brûlée", "elegant", "ete", "été"],
)
def test_accents_and_case_do_not_matter(library, grumpy, word):
    assert find(library, grumpy, word) == CAFE


@pytest.mark.parametrize("word", ["übergroß", "ubergross", "ÜBERGROSS"])
def test_letters_with_two_spellings_are_the_same_word(library, grumpy, word):
    assert find(library, grumpy, word) == CAFE


@pytest.mark.parametrize(
    "identifier", ["U00096.3", "u00096", "bt2", "fasta", "MG1655", "K-12", "rev"]
)
def test_an_identifier_is_found_whole_and_by_its_parts(library, grumpy, identifier):
    assert find(library, grumpy, identifier) == GENOME


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("carrot-stew", "carrot-stew"),
        ("orchard/red_01.tif", "apple-harvest"),
        ("microscopy-2017", "hypocotyl3"),
    ],
)
def test_a_name_with_a_hyphen_or_a_path_finds_its_dataset_first(
    library, grumpy, text, first
):
    assert search(library, grumpy, free_text=text)[0] == first


# How words are put together.


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("orchard theodolite", [*APPLES, "mine-survey"]),
        ("orchard nosuchword", APPLES),
        ("  orchard\t theodolite \n", [*APPLES, "mine-survey"]),
        ("orchard, theodolite; hail!", [*APPLES, "mine-survey", "weather"]),
        ("orchard,theodolite", [*APPLES, "mine-survey"]),
        ("orchard; theodolite|hail", [*APPLES, "mine-survey", "weather"]),
        ("orchard orchard", APPLES),
    ],
)
def test_words_are_joined_by_or(library, grumpy, text, names):
    assert find(library, grumpy, text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"diamond mine"', ["mine-survey", "weather"]),
        ('"Diamond MINE"', ["mine-survey", "weather"]),
        ('"mine diamond"', []),
        ('"diamond night"', []),
        ('"poisoned apples"', APPLES),
        ('"Surveying the diamond mine"', ["mine-survey"]),
        ('"mine of hail"', ["weather"]),
        ('"crème brûlée"', CAFE),
        ('"creme brulee"', CAFE),
        ('"orchard"', APPLES),
        ('"diamond mine" orchard', ["mine-survey", "weather"]),
        ('orchard "diamond mine"', ["mine-survey", "weather"]),
        ('"diamond mine" "running at night"', ["mine-survey"]),
        ('"diamond mine" "poisoned apples"', []),
        ('"nosuchword" orchard', []),
    ],
)
def test_a_quoted_phrase_must_occur(library, grumpy, text, names):
    assert find(library, grumpy, text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("diamond -cakes", ["mine-survey", "weather"]),
        ("diamond -cake", ["mine-survey", "weather"]),
        ("-cakes diamond", ["mine-survey", "weather"]),
        ("diamond -cakes -hail", ["mine-survey"]),
        ("diamond -nosuchword", ["mine-survey", "tea-party", "weather"]),
        ("diamond -diamond", []),
        ("apple -MARKET", APPLES),
        ("dessert -brûlée", ["tea-party", "weather"]),
        ("dessert -brulee", ["tea-party", "weather"]),
        ('diamond -"running at night"', ["tea-party", "weather"]),
        ('"diamond mine" -hail', ["mine-survey"]),
    ],
)
def test_an_excluded_word_must_not_occur(library, grumpy, text, names):
    assert find(library, grumpy, text) == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("diam*", ["mine-survey", "tea-party", "weather"]),
        ("DIAM*", ["mine-survey", "tea-party", "weather"]),
        ("carr*", ["carrot-stew", "market-basket"]),
        ("theod*", ["mine-survey"]),
        ("orchard*", APPLES),
        ("brû*", CAFE),
        ("u0009*", GENOME),
        ("nosuch*", []),
        ("theod* orch*", [*APPLES, "mine-survey"]),
        ("diam* -hail", ["mine-survey", "tea-party"]),
    ],
)
def test_a_prefix_finds_every_word_that_begins_with_it(library, grumpy, text, names):
    assert find(library, grumpy, text) == names


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("carrots stew", "carrot-stew"),
        ("carrots market", "market-basket"),
        ("diamond hail", "weather"),
        ("diamond theodolite", "mine-survey"),
        ("diamond cakes", "tea-party"),
    ],
)
def test_hits_come_in_order_of_relevance(library, grumpy, text, first):
    assert search(library, grumpy, free_text=text)[0] == first


# What is known of a dataset.


def test_no_body_finds_everything(library, grumpy):
    response = library.post("/dataset/search?page_size=100", headers=grumpy)
    assert response.status_code == 200
    assert names_of(response.json) == names_of(EVERYTHING)


@pytest.mark.parametrize("query", [{}, {"free_text": ""}, {"$text": {"$search": ""}}])
def test_no_filter_finds_everything(library, grumpy, query):
    assert sorted(search(library, grumpy, **query)) == names_of(EVERYTHING)


@pytest.mark.parametrize(
    ("creators", "names"),
    [
        (["doc"], ["mine-survey"]),
        (["doc", "grumpy"], ["carrot-stew", "market-basket", "mine-survey"]),
        (["doc", "doc", "nobody"], ["mine-survey"]),
        (["nobody"], []),
        (["gru"], []),
        (["%"], []),
    ],
)
def test_creators_are_joined_by_or(library, grumpy, creators, names):
    assert sorted(search(library, grumpy, creator_usernames=creators)) == names


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        (["fruit"], [*APPLES, "market-basket"]),
        (["fruit", "veg"], ["market-basket"]),
        (["veg", "fruit", "veg"], ["market-basket"]),
        (["fruit", "geology"], []),
        (["dessert", "geology"], ["weather"]),
        (["à point"], CAFE),
        (["fru"], []),
        (["nothing"], []),
    ],
)
def test_tags_are_joined_by_and(library, grumpy, tags, names):
    assert sorted(search(library, grumpy, tags=tags)) == names


@pytest.mark.parametrize(
    ("uuids", "names"),
    [
        (["weather"], ["weather"]),
        (["weather", "tea-party", "nothing"], ["tea-party", "weather"]),
        (["apple-harvest"], APPLES),
        (["nothing"], []),
    ],
)
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_uuids_are_joined_by_or(library, grumpy, uuids, names, case):
    wanted = [case(uuid_of(name)) for name in uuids]
    assert sorted(search(library, grumpy, uuids=wanted)) == names


@pytest.mark.parametrize(
    ("user", "base_uris", "expected"),
    [
        ("grumpy", [MR_MEN], IN_MR_MEN),
        ("grumpy", [MR_MEN, SNOW_WHITE], EVERYTHING),
        ("grumpy", [MR_MEN + "/"], IN_MR_MEN),
        ("grumpy", [MR_MEN, CINDERELLA, "s3://unknown"], IN_MR_MEN),
        ("grumpy", [CINDERELLA], []),
        ("grumpy", ["s3://unknown"], []),
        ("sleepy", [MR_MEN], []),
        ("sleepy", [MR_MEN, SNOW_WHITE], IN_SNOW_WHITE),
        ("noone", [MR_MEN, SNOW_WHITE], []),
        ("snow-white", [MR_MEN, SNOW_WHITE], []),
    ],
)
def test_base_uris_are_limited_to_those_that_one_may_search(
    library, headers, user, base_uris, expected
):
    found = search(library, headers(user), base_uris=base_uris)
    assert sorted(found) == names_of(expected)


@pytest.mark.parametrize(
    ("user", "names"),
    [
        ("grumpy", [*APPLES, "market-basket"]),
        ("sleepy", ["apple-harvest", "market-basket"]),
        ("librarian", []),
        ("noone", []),
    ],
)
def test_a_text_is_looked_for_where_one_may_search(library, headers, user, names):
    assert find(library, headers(user), "apples") == names


@pytest.mark.parametrize(
    ("query", "names"),
    [
        (
            {
                "base_uris": [SNOW_WHITE],
                "creator_usernames": ["grumpy", "dopey"],
                "free_text": "apples",
                "tags": ["fruit", "veg"],
            },
            ["market-basket"],
        ),
        ({"free_text": "diamond", "tags": ["dessert"]}, ["tea-party", "weather"]),
        ({"free_text": "diamond", "creator_usernames": ["doc"]}, ["mine-survey"]),
        ({"free_text": "apples", "base_uris": [MR_MEN]}, ["apple-harvest"]),
        ({"free_text": "apples", "uuids": [uuid_of("weather")]}, []),
        ({"tags": ["fruit"], "creator_usernames": ["queen"]}, APPLES),
        ({"tags": ["fruit"], "creator_usernames": ["doc"]}, []),
    ],
)
def test_different_filters_are_joined_by_and(library, grumpy, query, names):
    assert sorted(search(library, grumpy, **query)) == names


def test_the_query_of_the_released_client_means_free_text(library, grumpy):
    query = {"$text": {"$search": "apples"}}
    assert sorted(search(library, grumpy, **query)) == [*APPLES, "market-basket"]


@pytest.mark.parametrize("query", [{"free_text": "weather"}, {"tags": ["body"]}, {}])
def test_the_rows_are_those_of_the_list(library, grumpy, query):
    listed = library.get("/dataset/list?page_size=100", headers=grumpy).json
    response = library.post("/dataset/search", json=query, headers=grumpy)
    assert response.json
    assert all(row in listed for row in response.json)


# What is refused, and what is searched for as plain words.


@pytest.mark.parametrize(
    "query",
    [
        {"free_text": ["apples"]},
        {"free_text": {"$gt": ""}},
        {"free_text": {"$search": "apples"}},
        {"free_text": 7},
        {"creator_usernames": "grumpy"},
        {"creator_usernames": [{"$ne": "x"}]},
        {"base_uris": {"$in": [SNOW_WHITE]}},
        {"base_uris": [None]},
        {"tags": "fruit"},
        {"tags": [["fruit"]]},
        {"uuids": "weather"},
        {"uuids": ["not-a-uuid"]},
        {"uuids": [""]},
        {"uuids": [7]},
        {"$text": "apples"},
        {"$text": {"$search": {"$gt": ""}}},
        {"$text": {"$where": "1"}},
        {"$where": "1"},
        {"$or": []},
    ],
    ids=str,
)
def test_a_query_of_another_form_is_422(library, grumpy, query):
    response = library.post("/dataset/search", json=query, headers=grumpy)
    assert response.status_code == 422
    assert response.json["code"] == 422


@pytest.mark.parametrize(
    "text",
    [
        '"',
        '"""',
        '"apples',
        'apples"',
        '""',
        "-",
        "--",
        "- apples",
        "-apples",
        '-"apples',
        '-"',
        "*",
        "**",
        "a*",
        "*pple",
        "-*",
        "apple**",
        "(",
        ")",
        "(apples",
        "apples)",
        "AND",
        "OR",
        "NOT",
        "NEAR(apple, 2)",
        "apple NEAR market",
        "apple AND",
        "NOT apple",
        "name:apple",
        "terms : apple",
        "{apple}",
        "^apple",
        "apple + market",
        "apple^2",
        "~apple",
        "<apple>",
        "@@",
        "apple & !market | x:*",
        "'",
        "''",
        "' OR 1=1 --",
        "'; DROP TABLE dataset; --",
        "%",
        "_",
        "\\",
        "\\'",
        "the",
        "and or not the a",
        "-the",
        '"the"',
        '"the and"',
        "the*",
        " ",
        "\n\t",
        "\x00",
        "app\x00le",
        "\x1b[31m",
        "\u200b",
        "\u202e",
        "🍎",
        "リンゴ",
        "яблоко",
        "ﬁ",
        "İ",
        "ß",
        "\ufffd",
        "\uffff",
        "a" * 100_000,
        "apple " * 20_000,
        '"' * 10_000,
        "-" * 10_000,
        " ".join(f"w{n}" for n in range(3_000)),
        " ".join(f"-w{n}" for n in range(3_000)),
        " ".join(f'"w{n} x"' for n in range(1_000)),
        " ".join(f"w{n}*" for n in range(1_000)),
        f'"{" ".join(f"w{n}" for n in range(3_000))}"',
    ],
    ids=lambda text: ascii(text[:24]),
)
def test_no_text_is_a_syntax_error(library, grumpy, text):
    response = library.post("/dataset/search", json={"free_text": text}, headers=grumpy)
    assert response.status_code == 200
    assert isinstance(response.json, list)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"orchard', APPLES),
        ('orchard"', APPLES),
        ("(orchard)", APPLES),
        ("orchard:", APPLES),
        ("+orchard", APPLES),
        ("{orchard}^2", APPLES),
        ("'orchard'", APPLES),
        ("orchard\x00theodolite", [*APPLES, "mine-survey"]),
        ("orchard\\", APPLES),
    ],
)
def test_what_cannot_be_parsed_is_searched_for_as_words(library, grumpy, text, names):
    assert find(library, grumpy, text) == names


@pytest.mark.parametrize("word", ["and", "OR", "NEAR", "not"])
def test_operators_of_other_languages_are_plain_words(library, grumpy, word):
    found = find(library, grumpy, f"orchard {word} theodolite")
    assert set(found) >= {"apple-harvest", "mine-survey"}


@pytest.mark.parametrize("key", ["free_text", "creator_usernames", "base_uris", "tags"])
def test_half_a_character_never_breaks_a_search(library, grumpy, key):
    value = "\ud800" if key == "free_text" else ["\ud800"]
    response = library.post("/dataset/search", json={key: value}, headers=grumpy)
    assert response.status_code in (200, 400, 422)


@pytest.mark.parametrize("key", ["creator_usernames", "base_uris", "tags"])
@pytest.mark.parametrize("value", ["", "\x00", "'", "%", "x" * 100_000, "s3://", "/"])
def test_a_strange_value_finds_nothing_or_is_refused(library, grumpy, key, value):
    response = library.post("/dataset/search", json={key: [value]}, headers=grumpy)
    assert response.status_code in (200, 422)
    assert response.status_code != 200 or response.json == []


@pytest.mark.parametrize("key", ["creator_usernames", "base_uris", "tags", "uuids"])
def test_a_very_long_list_is_answered_or_refused(library, grumpy, key):
    values = [uuid_of(str(number)) for number in range(40_000)]
    response = library.post("/dataset/search", json={key: values}, headers=grumpy)
    assert response.status_code in (200, 413, 422)
    assert response.status_code != 200 or response.json == []


def test_long_texts_are_not_remembered(library, grumpy):
    searching._read_before.cache_clear()
    for number in range(3):
        text = "orchard " * (1000 + number)
        assert set(find(library, grumpy, text)) == {"apple-harvest"}
    assert searching._read_before.cache_info().currsize == 0
    find(library, grumpy, "orchard")
    assert searching._read_before.cache_info().currsize > 0


def test_a_text_asked_twice_finds_what_has_come_since(client, headers):
    registrar, text = headers("librarian"), "quicksilver"
    assert find(client, headers("grumpy"), text) == []
    info = dataset_info("thermometer", readme="quicksilver within")
    client.post("/dataset/register", json=info, headers=registrar)
    assert find(client, headers("grumpy"), text) == ["thermometer"]


def test_no_size_at_all_is_not_the_size_nought(client, headers):
    known = dataset_info("known", readme="featherweight", items=[])
    unknown = {**dataset_info("unknown", readme="featherweight"), "manifest": {}}
    del unknown["size_in_bytes"]
    for info in (known, unknown):
        client.post("/dataset/register", json=info, headers=headers("librarian"))
    reader = headers("grumpy")
    assert find(client, reader, "featherweight") == ["known", "unknown"]
    assert find(client, reader, "featherweight", min_size=0) == ["known"]
