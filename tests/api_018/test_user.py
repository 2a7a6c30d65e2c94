"""GET /user/info/NAME: oneself, or anybody to an admin."""

import pytest

from tests.corpus import MR_MEN, SNOW_WHITE


@pytest.mark.parametrize("asker", ["grumpy", "snow-white"])
def test_the_four_things_known_of_a_user(library, headers, asker):
    response = library.get("/user/info/grumpy", headers=headers(asker))
    assert response.status_code == 200
    answer = response.json
    assert answer["username"] == "grumpy"
    assert answer["is_admin"] is False
    assert sorted(answer["search_permissions_on_base_uris"]) == [MR_MEN, SNOW_WHITE]
    assert answer["register_permissions_on_base_uris"] == [SNOW_WHITE]


def test_an_admin_is_shown_as_admin(library, admin):
    answer = library.get("/user/info/snow-white", headers=admin).json
    assert answer["is_admin"] is True
    assert answer["search_permissions_on_base_uris"] == []
    assert answer["register_permissions_on_base_uris"] == []


@pytest.mark.parametrize(
    ("asker", "user", "status"),
    [
        ("noone", "noone", 200),
        ("snow-white", "sleepy", 200),
        ("grumpy", "sleepy", 404),
        ("grumpy", "snow-white", 404),
        ("grumpy", "dopey", 404),
        ("grumpy", "GRUMPY", 404),
        ("grumpy", "grumpy%20", 404),
        ("grumpy", "%25", 404),
        ("snow-white", "dopey", 404),
        ("snow-white", "grum%", 404),
        ("dopey", "dopey", 404),
        ("dopey", "grumpy", 404),
    ],
)
def test_others_are_seen_by_admins_alone(library, headers, asker, user, status):
    response = library.get(f"/user/info/{user}", headers=headers(asker))
    assert response.status_code == status


def test_another_user_and_nobody_look_the_same(library, grumpy):
    another = library.get("/user/info/sleepy", headers=grumpy)
    nobody = library.get("/user/info/nobody", headers=grumpy)
    assert another.json == nobody.json
