"""Very many: datasets, creators, tags, users, and the pages of them."""

from datetime import datetime

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, select

from dtool_lookup_server import sql_db
from dtool_lookup_server.services import counters
from dtool_lookup_server.sql_models import BaseURI, Dataset, DatasetTag
from dtool_lookup_server.utils import register_users
from tests.conftest import add_people, make_config, open_app
from tests.corpus import SNOW_WHITE, uri_of, uuid_of
from tests.web.test_find import count, names

MANY = 10_000


@pytest.fixture(scope="module")
def site_app(tmp_path_factory, keys):
    """Ten thousand datasets, each with a creator and a tag of its own.

    Their rows are enough to list and filter them; registering them would take minutes.
    """
    with open_app(make_config(tmp_path_factory.mktemp("many"), keys)) as app:
        add_people(app)
        with app.app_context():
            register_users({"username": f"user-{n:03}"} for n in range(150))
            base_uri = sql_db.session.scalar(
                select(BaseURI.id).filter_by(base_uri=SNOW_WHITE)
            )
            sql_db.session.execute(
                insert(Dataset), [row(n, base_uri) for n in range(MANY)]
            )
            tags = [
                {"dataset_id": n + 1, "tag": f"tag-{n:05}", "position": 0}
                for n in range(MANY)
            ]
            sql_db.session.execute(insert(DatasetTag), tags)
            sql_db.session.commit()
            counters.verify(base_uri, mend=True)
        yield app


def row(number, base_uri_id):
    name = f"dataset-{number:05}"
    moment = datetime(2024, 1, 1)
    return {
        "id": number + 1,
        "base_uri_id": base_uri_id,
        "uri": uri_of(name),
        "uuid": uuid_of(name),
        "name": name,
        "creator_username": f"creator-{number:05}",
        "frozen_at": moment,
        "created_at": moment,
    }


@pytest.mark.parametrize(("title", "word"), [("Tags", "tag"), ("Creators", "creator")])
def test_ten_thousand_values_are_filtered(visit, title, word):
    page = visit("grumpy", "?sort=name")
    count(page, "10,000")
    group = page.get_by_role("group", name=title)
    expect(group.get_by_role("checkbox")).to_have_count(7)
    group.get_by_role("button", name="Show more").click()
    expect(group.get_by_role("checkbox")).to_have_count(50)

    group.get_by_label(f"Filter {title.lower()}").fill("04321")
    expect(group.get_by_role("checkbox")).to_have_count(1)
    group.get_by_role("checkbox", name=f"{word}-04321").check()
    count(page, "1")
    assert names(page) == ["dataset-04321"]
    expect(page).to_have_url(f"/?{word}={word}-04321&sort=name")


def test_pages_are_turned_with_the_keyboard_alone(visit):
    page = visit("grumpy", "?sort=name")
    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    first, second = (
        page.get_by_role("link", name=f"dataset-{number:05}") for number in (0, 20)
    )
    expect(first).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(second).to_be_focused()
    expect(page).to_have_url("/?sort=name&page=2")

    page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="dataset-00001")).to_be_focused()


def test_the_last_page_is_reached_and_back_leads_to_the_first(visit):
    page = visit("grumpy", "?sort=name")
    page.get_by_role("link", name="Last").click()
    expect(page.get_by_text("Page 500 of 500")).to_be_visible()
    expect(page.get_by_role("link", name="dataset-09999")).to_be_visible()

    page.go_back()
    expect(page.get_by_role("link", name="dataset-00000")).to_be_visible()


def test_a_page_past_the_end_leads_to_the_first(visit):
    page = visit("grumpy", "?page=501")
    expect(page.get_by_text("There is nothing on this page")).to_be_visible()
    page.get_by_role("link", name="Go to the first page").click()

    expect(page.get_by_text("Page 1 of 500")).to_be_visible()


def test_the_overview_shows_the_largest_of_very_many(visit):
    page = visit("grumpy", "?view=overview")

    creators = page.get_by_role("region", name="Per creator")
    expect(creators.get_by_role("listitem")).to_have_count(8)
    creators.get_by_role("button", name="Show more (10,000)").click()
    expect(creators.get_by_role("listitem")).to_have_count(50)
    expect(creators).to_contain_text("and 9,950 more")


def test_many_users_are_paged_and_filtered(visit):
    page = visit("snow-white", "?view=users")
    expect(page.get_by_text("Page 1 of 4")).to_be_visible()
    page.get_by_role("link", name="Next").click()
    expect(page).to_have_url("/?view=users&page=2")
    expect(page.get_by_role("link", name="user-070")).to_be_visible()

    page.goto("/?view=base-uris&base_uri=s3://snow-white")
    expect(page.get_by_text("100 of 155 shown")).to_be_visible()
    page.get_by_label("Filter users").fill("user-123")
    expect(page.get_by_role("row")).to_have_count(2)
