"""GET /dataset/summary: how much there is, of whom, where, and of what."""

from collections import Counter

import pytest

from tests.corpus import EVERYTHING, IN_SNOW_WHITE, MR_MEN, SNOW_WHITE

READERS = [("grumpy", EVERYTHING), ("sleepy", IN_SNOW_WHITE), ("noone", [])]


def summary(client, headers):
    response = client.get("/dataset/summary", headers=headers)
    assert response.status_code == 200
    return response.json


def count(infos, keys_of, size=lambda info: 1):
    """Count datasets, or add up their sizes, by key."""
    counter = Counter()
    for info in infos:
        for key in keys_of(info):
            counter[key] += size(info)
    return dict(counter)


def creator(info):
    return [info["creator_username"]]


def base_uri(info):
    return [info["base_uri"]]


def tags(info):
    return info["tags"]


def size(info):
    return info["size_in_bytes"]


def test_the_counts_of_one_base_uri_in_plain_numbers(library, headers):
    expected = {
        "number_of_datasets": 7,
        "creator_usernames": ["bashful", "doc", "dopey", "grumpy", "happy", "queen"],
        "base_uris": [SNOW_WHITE],
        "datasets_per_base_uri": {SNOW_WHITE: 7},
        "datasets_per_creator": {
            "bashful": 1,
            "doc": 1,
            "dopey": 1,
            "grumpy": 2,
            "happy": 1,
            "queen": 1,
        },
    }
    assert summary(library, headers("sleepy")).items() >= expected.items()


@pytest.mark.parametrize(("user", "infos"), READERS)
@pytest.mark.parametrize(
    ("names", "counts", "keys_of"),
    [
        ("creator_usernames", "datasets_per_creator", creator),
        ("base_uris", "datasets_per_base_uri", base_uri),
        ("tags", "datasets_per_tag", tags),
    ],
)
def test_datasets_are_counted_where_one_may_search(
    library, headers, user, infos, names, counts, keys_of
):
    answer = summary(library, headers(user))
    expected = count(infos, keys_of)
    assert answer[counts] == expected
    assert answer[names] == sorted(expected)
    assert answer["number_of_datasets"] == len(infos)


@pytest.mark.parametrize(("user", "infos"), READERS)
@pytest.mark.parametrize(
    ("sizes", "keys_of"),
    [
        ("size_in_bytes_per_creator", creator),
        ("size_in_bytes_per_base_uri", base_uri),
        ("size_in_bytes_per_tag", tags),
    ],
)
def test_sizes_are_added_up_where_one_may_search(
    library, headers, user, infos, sizes, keys_of
):
    answer = summary(library, headers(user))
    assert answer[sizes] == count(infos, keys_of, size)
    assert answer["total_size_in_bytes"] == sum(map(size, infos))


def test_admins_without_a_permission_see_nothing(library, admin):
    assert summary(library, admin)["number_of_datasets"] == 0
    assert summary(library, admin)["base_uris"] == []


def test_one_uuid_in_two_base_uris_counts_in_each(library, grumpy):
    answer = summary(library, grumpy)
    assert answer["datasets_per_base_uri"] == {SNOW_WHITE: 7, MR_MEN: 5}
    assert answer["datasets_per_tag"]["poison"] == 2
