"""Finding datasets: words, filters, order, pages, and what may go wrong."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.corpus import dataset_info


def names(page):
    return page.locator(".hit h2").all_inner_texts()


def count(page, number):
    noun = "dataset" if number == "1" else "datasets"
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{number} {noun}")


@pytest.fixture
def box():
    return lambda page: page.get_by_role("searchbox", name="Search datasets")


def test_what_is_typed_is_found_and_is_in_the_address(visit, box):
    page = visit("grumpy")
    box(page).press_sequentially("market")
    count(page, "1")

    assert names(page) == ["market-basket"]
    expect(page).to_have_url("/?q=market")


def test_words_are_marked_in_names(visit):
    page = visit("grumpy", "?q=apples")
    count(page, "3")

    expect(page.locator(".hit h2 mark").first).to_have_text("apple")


@pytest.mark.parametrize(
    ("query", "name", "reason", "mark"),
    [
        ("orchards", "apple-harvest", "README description: Poisoned", "orchard"),
        ("rumpelstiltskin", "market-basket", "stall.owner Rumpel", "Rumpelstiltskin"),
        ("item:prices.csv", "market-basket", "Item basket/prices.csv", "prices.csv"),
        ("uuid:6809c57f", "market-basket", "URI s3://snow-white/6809", "6809c57f"),
    ],
)
def test_a_hit_says_where_else_the_words_are(visit, query, name, reason, mark):
    page = visit("grumpy", f"?q={query}")
    hit = page.get_by_role("article", name=name).first

    expect(hit.locator(".why")).to_contain_text(reason)
    expect(hit.locator(".why mark").first).to_have_text(mark)


def test_marks_are_in_their_place_beside_emoji(visit, site_app, headers):
    readme = "🌱🌿 seedlings 👩‍🔬 at noon"
    info = dataset_info("emoji", readme=readme, tags=["🌱 seedling"])
    site_app.test_client().post(
        "/dataset/register", json=info, headers=headers("librarian")
    )
    page = visit("grumpy", "?q=seedling")

    expect(page.locator(".hit .tags mark")).to_have_text("seedling")
    expect(page.locator(".why mark")).to_have_text("seedlings")
    site_app.test_client().delete(f"/uris/{info['uri']}", headers=headers("librarian"))


def test_the_words_are_marked_where_they_are_seen(visit):
    page = visit("grumpy", "?q=apple&tag=poison&base_uri=s3://snow-white")
    count(page, "1")

    expect(page.locator(".hit h2 mark")).to_have_text("apple")
    expect(page.locator(".hit .tags mark")).to_have_text("poison")


def test_without_words_the_newest_come_first(visit):
    page = visit("grumpy")

    assert names(page)[:2] == ["weather", "tea-party"]
    expect(page.get_by_label("Sort by")).to_have_value("-frozen_at")


def test_the_order_is_chosen_and_kept_in_the_address(visit):
    page = visit("grumpy")
    page.get_by_label("Sort by").select_option("Name, A to Z")
    expect(page).to_have_url("/?sort=name")

    page.reload()
    count(page, "12")
    expect(page.get_by_label("Sort by")).to_have_value("name")
    assert names(page) == sorted(names(page))


def test_a_filter_narrows_and_its_numbers_follow_the_query(visit):
    page = visit("grumpy")
    tags = page.get_by_role("group", name="Tags")
    tags.get_by_label("Filter tags").fill("geo")
    tags.get_by_role("checkbox", name="geology").check()
    count(page, "2")

    assert sorted(names(page)) == ["mine-survey", "weather"]
    expect(page).to_have_url("/?tag=geology")
    creators = page.get_by_role("group", name="Creators")
    expect(creators.get_by_role("checkbox")).to_have_count(2)


def test_the_numbers_of_a_filter_are_as_if_it_were_not_set(visit):
    page = visit("grumpy", "?creator=grumpy")
    count(page, "2")

    creators = page.get_by_role("group", name="Creators")
    expect(creators.get_by_role("checkbox", name="grumpy")).to_be_checked()
    creators.get_by_role("checkbox", name="queen").check()
    count(page, "4")


def test_a_filter_is_taken_away_by_its_chip(visit):
    page = visit("grumpy", "?tag=fruit&base_uri=s3://mr-men")
    count(page, "1")
    page.get_by_role("link", name="Remove filter Base URIs: s3://mr-men").click()

    count(page, "3")
    expect(page).to_have_url("/?tag=fruit")


def test_dates_and_sizes_filter(visit):
    page = visit("grumpy", "?max=1000")
    count(page, "12")
    page.get_by_label("at least").select_option("1 kB")
    count(page, "0")

    page = visit("grumpy", "?from=2017-07-14&to=2017-07-14")
    count(page, "12")
    expect(page.get_by_label("from", exact=True)).to_have_value("2017-07-14")
    page.get_by_label("from", exact=True).fill("2018-01-01")
    count(page, "0")


def test_years_and_steps_of_size_have_numbers_that_follow_the_query(visit, box):
    page = visit("demo")
    years = page.get_by_role("group", name="Frozen")
    sizes = page.get_by_role("group", name="Size")
    year = datetime.now(UTC).year
    expect(years.get_by_role("link")).to_have_text([f"{year}4"])
    expect(sizes.get_by_role("link")).to_have_text(["under 1 kB4"])
    box(page).fill("scab")
    box(page).press("Enter")
    count(page, "1")
    expect(years.get_by_role("link")).to_have_text([f"{year}1"])

    years.get_by_role("link").click()
    expect(page).to_have_url(f"/?q=scab&from={year}-01-01&to={year}-12-31")
    sizes.get_by_role("link", name="under 1 kB").click()
    expect(page.get_by_role("link", name="Remove filter under 1 kB")).to_be_visible()
    expect(sizes.get_by_role("link")).to_have_text(["under 1 kB1"])
    years.get_by_role("link").click()
    expect(page).to_have_url("/?q=scab&max=999")


def test_the_numbers_of_years_and_sizes_are_as_if_none_were_chosen(visit):
    page = visit("grumpy", "?from=2024-01-01&to=2024-12-31&min=1000000")
    count(page, "0")

    sizes = page.get_by_role("group", name="Size")
    expect(page.get_by_role("group", name="Frozen").get_by_role("link")).to_have_count(
        0
    )
    expect(sizes.get_by_role("link")).to_have_count(0)
    page.get_by_role("link", name="Remove filter at least 1 MB").click()
    expect(page.get_by_role("group", name="Frozen").get_by_role("link")).to_have_text(
        ["201712"]
    )


def test_back_leads_through_the_searches(visit, box):
    page = visit("grumpy")
    box(page).fill("diamond")
    box(page).press("Enter")
    count(page, "3")
    page.get_by_role("link", name="mine-survey").click()
    expect(page.get_by_role("heading", name="mine-survey")).to_be_visible()

    page.go_back()
    count(page, "3")
    expect(box(page)).to_have_value("diamond")
    page.go_back()
    count(page, "12")
    expect(box(page)).to_have_value("")


def test_a_search_is_sent_to_a_colleague(visit):
    page = visit("sleepy", "?q=apple&tag=fruit&sort=-name")

    expect(page.get_by_role("checkbox", name="fruit")).to_be_checked()
    expect(page.get_by_label("Sort by")).to_have_value("-name")
    assert names(page) == ["market-basket", "apple-harvest"]


def test_the_search_language_is_explained_with_examples_to_try(visit, box):
    page = visit("grumpy")
    page.get_by_text("How to search").click()
    page.get_by_role("button", name="Search for apples -pears").click()

    expect(box(page)).to_have_value("apples -pears")
    expect(page).to_have_url("/?q=apples+-pears")


def test_the_last_word_is_completed_by_what_there_is(visit, box):
    page = visit("grumpy")
    box(page).press_sequentially("apple gr")
    suggestions = page.get_by_role("group", name="Suggestions")
    suggestions.get_by_role("link", name="creator:grumpy").click()

    expect(page).to_have_url("/?q=apple+creator%3Agrumpy")
    expect(box(page)).to_have_value("apple creator:grumpy")
    count(page, "1")
    expect(suggestions).to_be_hidden()


def test_fields_are_searched_and_no_words_of_them_are_looked_for(visit):
    page = visit("grumpy", "?q=frozen%3A2017+tag%3Afruit")
    count(page, "3")

    expect(page.locator(".hit .tags mark")).to_have_text(["fruit"] * 3)
    page = visit("grumpy", "?q=frozen%3A2017")
    count(page, "12")
    expect(page.locator(".why p")).to_have_count(0)


def test_a_misspelled_word_offers_what_it_may_mean(visit):
    page = visit("grumpy", "?q=carot")
    page.get_by_text("Did you mean").get_by_role("link", name="carrot").click()

    expect(page).to_have_url("/?q=carrot")
    count(page, "2")
    expect(page.get_by_text("Did you mean")).to_be_hidden()


def test_what_does_not_parse_is_told_to_be_words(visit, box):
    page = visit("grumpy", "?q=(apple")
    told = page.get_by_text("is searched as words")
    expect(told).to_be_visible()
    box(page).fill("apple")
    count(page, "3")

    expect(told).to_be_hidden()


def test_nothing_found_says_what_to_do(visit):
    page = visit("grumpy", "?q=unobtainium&tag=fruit")

    expect(page.get_by_role("heading", name="No dataset found")).to_be_visible()
    page.get_by_role("link", name="Search without the filters").click()
    expect(page).to_have_url("/?q=unobtainium")


def test_who_may_see_nothing_is_told_why(visit):
    page = visit("noone")

    expect(page.get_by_text("You may not search any base URI so far")).to_be_visible()


def test_results_that_come_late_do_not_lose_the_focus(visit, box):
    page = visit("grumpy")
    held = []
    page.route("**/uris?page=**", lambda route: held.append(route))
    with page.expect_request("**/uris?page=**"):
        box(page).fill("diamond")
        box(page).press("Enter")
    box(page).press("ArrowDown")
    expect(page.locator(".hit h2 a").first).to_be_focused()
    held[0].continue_()
    count(page, "3")

    expect(page.locator(".hit h2 a").first).to_be_focused()


def test_a_request_is_cancelled_when_the_query_changes(visit, box):
    page = visit("grumpy")

    def answer_the_second(route):
        if "diamond" in route.request.post_data:
            route.continue_()

    page.route("**/uris?page=**", answer_the_second)
    with page.expect_request("**/uris?page=**") as first:
        box(page).fill("first")
        box(page).press("Enter")
    with page.expect_event("requestfailed", lambda failed: failed == first.value):
        box(page).fill("diamond")
        box(page).press("Enter")

    assert first.value.failure == "net::ERR_ABORTED"
    count(page, "3")


def test_a_slow_server_is_waited_for_with_a_word(visit, box):
    page = visit("grumpy")
    held = []

    def hold_the_first(route):
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/uris?page=**", hold_the_first)
    box(page).fill("diamond")
    box(page).press("Enter")
    expect(page.locator("#progress")).to_be_visible()
    expect(page.get_by_text("The server is taking its time")).to_be_visible()

    held[0].continue_()
    count(page, "3")
    expect(page.locator("#progress")).to_be_hidden()


@pytest.mark.parametrize(
    ("fail", "words"),
    [
        (lambda route: route.abort(), "Is this computer online?"),
        (lambda route: route.fulfill(status=503, json={}), "cannot reach one of"),
        (lambda route: route.fulfill(status=500, body="<h1>"), "made a mistake"),
    ],
    ids=["offline", "503", "500"],
)
def test_a_failure_says_what_to_do_and_is_tried_again(visit, box, fail, words):
    page = visit("grumpy")
    page.route("**/uris**", fail)
    box(page).fill("diamond")
    box(page).press("Enter")
    expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
    expect(page.locator(".failure")).to_contain_text(words)

    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    count(page, "3")


def test_filters_that_cannot_be_counted_say_so_and_are_tried_again(visit):
    page = visit("grumpy", "?q=diamond")
    page.route("**/uris/summary**", lambda route: route.fulfill(status=503, json={}))
    page.get_by_label("Sort by").select_option("Newest")
    filters = page.get_by_role("group", name="Filters")
    expect(filters).to_contain_text("could not be counted")
    count(page, "3")

    page.unroute_all()
    filters.get_by_role("button", name="Try again").click()
    expect(filters.get_by_role("checkbox", name="geology")).to_be_visible()
    expect(filters).not_to_contain_text("could not be counted")


def test_the_number_of_hits_is_announced(visit, box):
    page = visit("grumpy")
    box(page).press_sequentially("diamond")

    expect(page.locator("#said")).to_have_text("3 datasets, 1 to 3 shown")
    expect(box(page)).to_be_focused()
