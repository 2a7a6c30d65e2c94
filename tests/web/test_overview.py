"""The overview: how much there is, whose, and how it grows."""

import re

from playwright.sync_api import expect


def test_it_counts_what_one_may_see(visit):
    page = visit("grumpy", "?view=overview")

    totals = page.locator(".totals")
    expect(totals).to_contain_text(re.compile(r"12\s*Datasets|Datasets\s*12"))
    expect(totals).to_contain_text(re.compile(r"2\s*Base URIs|Base URIs\s*2"))


def test_the_newest_lead_to_their_pages(visit):
    page = visit("grumpy", "?view=overview")
    newest = page.get_by_role("region", name="Newest")
    expect(newest.get_by_role("listitem").first).to_contain_text("weather")
    newest.get_by_role("link", name="weather").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("weather")


def test_each_share_leads_into_the_search(visit):
    page = visit("grumpy", "?view=overview")
    page.get_by_role("region", name="Per creator").get_by_role(
        "link", name="mr.strong"
    ).click()

    expect(page).to_have_url("/?creator=mr.strong")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 datasets")


def test_growth_is_a_chart_whose_years_lead_into_the_search(visit):
    page = visit("grumpy", "?view=overview")
    growth = page.get_by_role("region", name="Growth")
    expect(
        growth.get_by_role("img", name="Growth of datasets from 2017-07 to 2017-07")
    ).to_be_visible()
    growth.get_by_role("link", name="2017").click()

    expect(page).to_have_url("/?from=2017-01-01&to=2017-12-31")
    expect(page.get_by_role("heading", level=1)).to_have_text("12 datasets")


def test_totals_and_the_years_of_the_chart_lead_into_the_search(visit):
    page = visit("grumpy", "?view=overview")
    page.locator(".growth .column").click()
    expect(page).to_have_url("/?from=2017-01-01&to=2017-12-31")

    page.go_back()
    page.locator(".totals").get_by_role("link", name="Size").click()
    expect(page).to_have_url("/?sort=-size_in_bytes")


def test_bytes_are_shown_in_place_of_numbers(visit):
    page = visit("grumpy", "?view=overview")
    page.get_by_role("button", name="Bytes").click()

    expect(page.get_by_role("button", name="Bytes")).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.get_by_role("region", name="Per tag")).to_contain_text("120 B")


def test_who_may_see_nothing_gets_no_empty_chart(visit):
    page = visit("noone", "?view=overview")

    expect(page.get_by_role("heading", name="No dataset to see yet")).to_be_visible()
