"""Swagger and ReDoc in a browser: from this server, with nothing from another host."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(chromium, site):
    """A page that is given nothing from other hosts."""
    page = chromium.new_page()
    page.asked = []

    def from_this_server_alone(route):
        page.asked.append(route.request.url)
        if route.request.url.startswith(site):
            route.continue_()
        else:
            route.abort()

    page.route("**", from_this_server_alone)
    yield page
    page.close()


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("Swagger", ".opblock-summary"),
        ("ReDoc", "h2"),
    ],
)
def test_the_api_is_explained(page, site, link, shown):
    page.goto(site)
    page.get_by_role("navigation", name="The API").get_by_role(
        "link", name=link
    ).click()

    operation = page.locator(shown, has_text="Find datasets, with the query as JSON")
    expect(operation).to_be_visible()
    assert all(url.startswith((site, "blob:", "data:")) for url in page.asked)


def test_a_route_is_tried_in_swagger(page, site, token):
    page.goto(f"{site}doc/swagger")
    page.get_by_role("button", name="Authorize").first.click()
    page.get_by_label("auth-bearer-value").fill(token("grumpy"))
    page.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("#operations-me-me_show_me").get_by_role("button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    answer = page.locator(".responses-inner .live-responses-table")
    expect(answer).to_contain_text('"username": "grumpy"')
