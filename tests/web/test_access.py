"""For everybody: keyboard, screen reader, small screens, light and dark."""

from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.corpus import SNOW_WHITE, dataset_info, uri_of
from tests.web.conftest import browsing, settle

DATASET_OF_ANY_TEXT = "?" + urlencode({"dataset": uri_of("any-text")})
DATASET = "?" + urlencode({"dataset": uri_of("market-basket")})
BASE_URI = "?" + urlencode({"view": "base-uris", "base_uri": SNOW_WHITE})
VIEWS = [
    ("grumpy", "?q=apple&tag=fruit"),
    ("grumpy", "?q=unobtainium"),
    ("grumpy", DATASET),
    ("grumpy", "?dataset=s3://x/y"),
    ("grumpy", "?view=overview"),
    ("grumpy", "?view=account"),
    ("snow-white", "?view=users"),
    ("snow-white", "?view=base-uris"),
    ("snow-white", BASE_URI),
    (None, ""),
]


#: As on a desk by day, and on a phone at night.
LOOKS = [
    {"color_scheme": "light"},
    {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
]


def open_page(context, site, token, user, place):
    page = context.new_page()
    page.goto(f"{site}{place}" + (f"#token={token(user)}" if user else ""))
    settle(page)
    return page


@pytest.mark.parametrize("look", LOOKS, ids=["wide and light", "narrow and dark"])
@pytest.mark.parametrize(("user", "place"), VIEWS)
def test_axe_finds_nothing(chromium, site, token, user, place, look):
    with browsing(chromium, **look) as context:
        page = open_page(context, site, token, user, place)
        for summary in page.locator("summary:visible").all():
            summary.click()

        # Playwright runs its scripts beside the page's policy.
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize(("user", "place"), VIEWS)
def test_nothing_is_wider_than_a_phone(chromium, site, token, user, place):
    with browsing(chromium, viewport={"width": 360, "height": 740}) as context:
        page = open_page(context, site, token, user, place)

        assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize(
    "text",
    ["w" * 200, "مجموعة بيانات " * 12, "👩‍🔬🌱" * 30, "מחקר-2024_final (v2).tif"],
    ids=["long", "right to left", "emoji", "both directions"],
)
def test_a_text_of_any_kind_stays_in_its_place(
    chromium, site, site_app, token, headers, text
):
    site_app.test_client().post(
        "/dataset/register",
        headers=headers("librarian"),
        json=dataset_info(
            "any-text",
            creator_username=text,
            tags=[text],
            readme=f"{text}: {text}\n",
            annotations={text: text},
            items=[f"{text}/{text}"],
        )
        | {"name": text},
    )
    with browsing(chromium, viewport={"width": 360, "height": 740}) as context:
        for place in (DATASET_OF_ANY_TEXT, "?sort=-name", "?view=overview"):
            page = open_page(context, site, token, "grumpy", place)
            expect(page.get_by_text(text).locator("visible=true").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.close()


def test_a_dataset_is_found_and_read_with_the_keyboard_alone(visit):
    page = visit("grumpy")
    page.keyboard.press("Control+k")
    page.keyboard.type("carrot")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2 datasets", exact=True)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="README")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")

    expect(page.get_by_role("link", name="Back")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="2 datasets", exact=True)).to_be_visible()


def test_the_navigation_is_skipped(visit):
    page = visit("grumpy")
    page.locator(".skip").focus()
    expect(page.locator(".skip")).to_be_in_viewport()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Enter")

    expect(page.get_by_role("main")).to_be_focused()
    assert not [url for url in asked if "/uris" in url]


def test_each_view_has_a_title_of_its_own(visit):
    titles = {visit("snow-white", place).title() for _user, place in VIEWS[4:9]}

    assert len(titles) == 5
    assert all(title.endswith("dtool lookup server") for title in titles)


def test_the_page_works_without_another_host(context, site, token):
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    page = open_page(context, site, token, "grumpy", DATASET)
    expect(page.get_by_role("treegrid")).to_be_visible()

    assert asked
    assert all(url.startswith((site, "blob:")) for url in asked)
