"""The timeline, and the limits of a query: when datasets were frozen, how large."""

import pytest

from tests.corpus import EVERYTHING, IN_MR_MEN, MR_MEN

FROZEN = sorted(info["frozen_at"] for info in EVERYTHING)


def timeline(client, headers, **query):
    response = client.post("/uris/timeline", json=query, headers=headers)
    assert response.status_code == 200, response.text
    return response.json


@pytest.mark.parametrize(
    ("query", "datasets"), [({}, EVERYTHING), ({"base_uris": [MR_MEN]}, IN_MR_MEN)]
)
def test_datasets_are_counted_by_month(library, grumpy, query, datasets):
    assert timeline(library, grumpy, **query) == [
        {
            "month": "2017-07",
            "number_of_datasets": len(datasets),
            "size_in_bytes": sum(info["size_in_bytes"] for info in datasets),
        }
    ]


def test_words_narrow_the_timeline(library, grumpy):
    (month,) = timeline(library, grumpy, free_text="diamond")
    assert month["number_of_datasets"] == 3


def test_what_may_not_be_searched_is_not_in_the_timeline(library, headers):
    assert timeline(library, headers("noone")) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("free_text", ["", "diamond"])
@pytest.mark.parametrize(
    ("limits", "matches"),
    [
        ({"frozen_after": FROZEN[5]}, lambda d: d["frozen_at"] >= FROZEN[5]),
        ({"frozen_before": FROZEN[5]}, lambda d: d["frozen_at"] < FROZEN[5]),
        ({"min_size": 30}, lambda d: d["size_in_bytes"] >= 30),
        ({"max_size": 30}, lambda d: d["size_in_bytes"] <= 30),
        ({"min_size": 10, "max_size": 10}, lambda d: d["size_in_bytes"] == 10),
        ({"frozen_after": FROZEN[0], "max_size": 0}, lambda d: not d["size_in_bytes"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_limits_narrow_a_query(library, grumpy, method, free_text, limits, matches):
    query = limits | {"free_text": free_text}
    if method == "GET":
        found = library.get("/uris", query_string=query, headers=grumpy)
    else:
        found = library.post("/uris?page_size=100", json=query, headers=grumpy)
    diamonds = {"mine-survey", "tea-party", "weather"}
    wanted = [d for d in EVERYTHING if not free_text or d["name"] in diamonds]

    assert {row["uri"] for row in found.json} <= {d["uri"] for d in wanted}
    assert len(found.json) == min(
        len([d for d in wanted if matches(d)]), 10 if method == "GET" else 100
    )


@pytest.mark.parametrize(
    "limits",
    [
        {"frozen_after": "yesterday"},
        {"frozen_before": 1e300},
        {"min_size": -1},
        {"max_size": 2**70},
        {"max_size": 1.5},
    ],
    ids=str,
)
def test_what_is_no_limit_is_refused(library, grumpy, limits):
    response = library.post("/uris", json=limits, headers=grumpy)
    assert response.status_code == 422
    assert next(iter(limits)) in response.json["errors"]["json"]
