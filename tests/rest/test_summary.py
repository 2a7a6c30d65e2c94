"""The summary of everything, and of what a query finds."""

import pytest

from tests.corpus import EVERYTHING, IN_MR_MEN, MR_MEN


@pytest.mark.parametrize(
    "path", ["/me/summary", "/users/grumpy/summary", "/uris/summary"]
)
def test_the_summary_is_that_of_0_18(library, grumpy, path):
    summary = library.get(path, headers=grumpy).json
    assert summary == library.get("/dataset/summary", headers=grumpy).json
    assert summary["number_of_datasets"] == len(EVERYTHING)


def test_the_summary_names_who_uploaded(library, grumpy):
    summary = library.get("/me/summary", headers=grumpy).json
    assert summary["uploaders"] == ["librarian"]
    assert summary["datasets_per_uploader"] == {"librarian": len(EVERYTHING)}
    assert summary["size_in_bytes_per_uploader"] == {
        "librarian": summary["total_size_in_bytes"]
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("query", "datasets"),
    [
        ({}, EVERYTHING),
        ({"base_uris": [MR_MEN]}, IN_MR_MEN),
        ({"tags": ["fruit"]}, [d for d in EVERYTHING if "fruit" in d["tags"]]),
        ({"free_text": "diamond"}, None),
        ({"creator_usernames": ["nobody"]}, []),
    ],
    ids=str,
)
def test_a_query_is_summarised(library, grumpy, method, query, datasets):
    if method == "GET":
        response = library.get("/uris/summary", query_string=query, headers=grumpy)
    else:
        response = library.post("/uris/summary", json=query, headers=grumpy)
    if datasets is None:
        wanted = {"mine-survey", "tea-party", "weather"}
        datasets = [d for d in EVERYTHING if d["name"] in wanted]
    summary = response.json
    assert summary["number_of_datasets"] == len(datasets)
    assert summary["total_size_in_bytes"] == sum(d["size_in_bytes"] for d in datasets)
    assert summary["creator_usernames"] == sorted(
        {d["creator_username"] for d in datasets}
    )
    assert summary["tags"] == sorted({tag for d in datasets for tag in d["tags"]})


def test_what_may_not_be_searched_is_not_counted(library, headers):
    response = library.get("/uris/summary", headers=headers("noone"))
    assert response.json["number_of_datasets"] == 0
    assert response.json["tags"] == []
