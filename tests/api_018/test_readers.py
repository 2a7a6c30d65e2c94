"""POST /dataset/readme, manifest, annotations: what a dataset holds."""

import pytest

from tests.corpus import DATASETS, MR_MEN, SNOW_WHITE, uri_of, uuid_of

WHAT = ["readme", "manifest", "annotations"]


@pytest.mark.parametrize("info", DATASETS, ids=lambda info: info["name"])
@pytest.mark.parametrize("what", WHAT)
def test_content_comes_back_as_it_was_registered(library, grumpy, what, info):
    response = library.post(
        f"/dataset/{what}", json={"uri": info["uri"]}, headers=grumpy
    )
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    assert response.json == info[what]


@pytest.mark.parametrize(
    ("user", "base_uri", "status"),
    [
        ("grumpy", SNOW_WHITE, 200),
        ("grumpy", MR_MEN, 200),
        ("sleepy", SNOW_WHITE, 200),
        ("sleepy", MR_MEN, 400),
        ("librarian", SNOW_WHITE, 400),
        ("noone", SNOW_WHITE, 400),
        ("snow-white", SNOW_WHITE, 400),
        ("dopey", SNOW_WHITE, 401),
    ],
)
@pytest.mark.parametrize("what", WHAT)
def test_reading_asks_for_a_search_permission(
    library, headers, what, user, base_uri, status
):
    response = library.post(
        f"/dataset/{what}",
        json={"uri": uri_of("apple-harvest", base_uri)},
        headers=headers(user),
    )
    assert response.status_code == status


@pytest.mark.parametrize(
    "uri",
    [
        f"{SNOW_WHITE}/{uuid_of('nothing')}",
        uri_of("weather", SNOW_WHITE),
        f"s3://unknown/{uuid_of('weather')}",
        uri_of("weather", MR_MEN) + "x",
        uri_of("weather", MR_MEN).upper(),
        uuid_of("weather"),
        SNOW_WHITE,
        f"{SNOW_WHITE}/",
        f"{SNOW_WHITE}/%",
        f"{SNOW_WHITE}/' OR 1=1 --",
        "nonsense",
    ],
)
@pytest.mark.parametrize("what", WHAT)
def test_an_unknown_uri_is_400(library, grumpy, what, uri):
    response = library.post(f"/dataset/{what}", json={"uri": uri}, headers=grumpy)
    assert response.status_code == 400
    assert response.json["code"] == 400


@pytest.mark.parametrize("body", [{}, None, {"URI": "x"}, {"uri": None}])
@pytest.mark.parametrize("what", WHAT)
def test_no_uri_is_422(library, grumpy, what, body):
    response = library.post(f"/dataset/{what}", json=body, headers=grumpy)
    assert response.status_code == 422
    assert response.json["code"] == 422


@pytest.mark.parametrize("what", WHAT)
def test_no_body_is_422(library, grumpy, what):
    assert library.post(f"/dataset/{what}", headers=grumpy).status_code == 422


@pytest.mark.parametrize("uri", ["", "/", "\x00", "\ud800", "x" * 100_000, "://"])
@pytest.mark.parametrize("what", WHAT)
def test_a_strange_uri_is_refused(library, grumpy, what, uri):
    response = library.post(f"/dataset/{what}", json={"uri": uri}, headers=grumpy)
    assert response.status_code in (400, 422)
