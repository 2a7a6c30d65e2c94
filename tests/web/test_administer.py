"""Administering: users, base URIs, and who may do what where."""

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from dtool_lookup_server.services import index_runs
from tests.corpus import CINDERELLA, MR_MEN, SNOW_WHITE


def permissions_in(base_uri):
    return "?" + urlencode({"view": "base-uris", "base_uri": base_uri})


def said(page, text):
    expect(page.locator("#said")).to_have_text(text)


def test_only_admins_have_these_views(visit):
    page = visit("grumpy", "?view=users")

    expect(page.get_by_role("link", name="Users")).to_have_count(0)
    expect(page.get_by_role("searchbox", name="Search datasets")).to_be_visible()


def test_a_user_is_added_made_admin_and_deleted(visit):
    page = visit("snow-white")
    page.get_by_role("link", name="Users").click()
    page.get_by_label("User name").fill("happy")
    page.get_by_label("User name").press("Enter")
    said(page, "Added user happy")
    page.get_by_role("checkbox", name="happy is an admin").check()
    said(page, "happy is an admin now")

    page.reload()
    expect(page.get_by_role("checkbox", name="happy is an admin")).to_be_checked()
    page.get_by_role("button", name="Delete user happy").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    said(page, "Deleted user happy")
    expect(page.get_by_role("link", name="happy")).to_have_count(0)


def test_a_display_name_is_edited_in_the_table(visit):
    page = visit("snow-white", "?view=users")
    field = page.get_by_label("Display name of sleepy")
    field.fill("Sleepy 😴 (نعسان)")
    field.press("Enter")
    said(page, "sleepy goes by Sleepy 😴 (نعسان) now")
    page.reload()
    expect(field).to_have_value("Sleepy 😴 (نعسان)")

    field.fill("thought better of")
    field.press("Escape")
    expect(field).to_have_value("Sleepy 😴 (نعسان)")
    field.fill("")
    field.press("Enter")
    said(page, "sleepy goes by the user name now")
    page.reload()
    expect(field).to_have_value("")


def test_ones_own_display_name_is_seen_at_once(visit):
    page = visit("snow-white", "?view=users")
    page.get_by_label("Display name of snow-white").fill("Snow White")
    page.get_by_label("User name").focus()

    expect(page.locator("#who")).to_contain_text("Snow White")


def test_a_display_name_that_is_refused_is_put_back(visit):
    page = visit("snow-white", "?view=users")
    page.route("**/users/**", lambda route: route.fulfill(status=503, json={}))
    page.get_by_label("Display name of noone").fill("Nobody")
    page.get_by_label("Display name of noone").press("Enter")

    expect(page.locator("#toast")).to_contain_text("cannot reach")
    expect(page.get_by_label("Display name of noone")).to_have_value("")


def test_deleting_is_thought_better_of(visit):
    page = visit("snow-white", "?view=users")
    page.get_by_role("button", name="Delete user sleepy").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")

    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("link", name="sleepy")).to_be_visible()
    expect(page.get_by_role("button", name="Delete user sleepy")).to_be_focused()


def test_admins_do_not_lock_themselves_out(visit):
    page = visit("snow-white", "?view=users")

    expect(page.get_by_role("checkbox", name="snow-white is an admin")).to_be_disabled()
    expect(page.get_by_role("button", name="Delete user snow-white")).to_have_count(0)


@pytest.mark.parametrize(
    ("view", "label", "value", "words"),
    [
        ("users", "User name", "grumpy", "There is a user grumpy already"),
        ("base-uris", "Base URI", SNOW_WHITE, "is registered already"),
    ],
)
def test_what_is_there_already_is_not_replaced(visit, view, label, value, words):
    page = visit("snow-white", f"?view={view}")
    page.get_by_label(label, exact=True).fill(value)
    page.get_by_label(label, exact=True).press("Enter")

    expect(page.get_by_role("alert")).to_contain_text(words)


def test_a_base_uri_is_added_and_deleted(visit):
    page = visit("snow-white")
    page.get_by_role("link", name="Base URIs").click()
    page.get_by_label("Base URI", exact=True).fill("s3://sleeping-beauty/")
    page.get_by_role("button", name="Add a base URI").click()
    expect(page.get_by_role("link", name="s3://sleeping-beauty")).to_be_visible()
    page.get_by_role("button", name="Delete base URI s3://sleeping-beauty").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.get_by_role("link", name="s3://sleeping-beauty")).to_have_count(0)


def test_a_base_uri_with_datasets_stays(visit):
    page = visit("snow-white", "?view=base-uris")
    page.get_by_role("button", name=f"Delete base URI {SNOW_WHITE}").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator("#toast")).to_contain_text("has datasets")
    expect(page.get_by_role("link", name=SNOW_WHITE)).to_be_visible()


def test_a_base_uri_says_what_came_of_indexing_it(visit, site_app):
    with site_app.app_context():
        with index_runs.recorded(SNOW_WHITE) as counts:
            counts.update(registered=1200, failed=3)
        with suppress(OSError), index_runs.recorded(MR_MEN) as counts:
            counts.update(unchanged=1)
            raise OSError("The bucket does not answer")
    page = visit("snow-white", "?view=base-uris")

    row = page.get_by_role("row", name=SNOW_WHITE)
    expect(row.get_by_role("listitem")).to_have_text(["1,200 registered", "3 failed"])
    broken = page.get_by_role("row", name=MR_MEN)
    expect(broken).to_contain_text("broken off")
    expect(broken).to_contain_text("The bucket does not answer")
    never = page.get_by_role("row", name=CINDERELLA)
    expect(never.get_by_role("cell").first).to_contain_text("never")


def test_permissions_are_given_and_taken_in_a_base_uri(visit):
    page = visit("snow-white", permissions_in(CINDERELLA))
    page.get_by_role("checkbox", name="noone may search in").check()
    said(page, f"noone may now search in {CINDERELLA}")
    page.get_by_role("checkbox", name="noone may register in").check()
    said(page, f"noone may now register in {CINDERELLA}")

    page.get_by_role("link", name="noone").click()
    boxes = page.get_by_role("row", name=CINDERELLA).get_by_role("checkbox")
    expect(boxes.first).to_be_checked()
    boxes.first.uncheck()
    said(page, f"noone may no longer search in {CINDERELLA}")
    page.reload()
    expect(boxes.first).not_to_be_checked()
    expect(boxes.last).to_be_checked()


def test_a_change_that_fails_is_undone_in_the_table(visit):
    page = visit("snow-white", permissions_in(CINDERELLA))
    page.route("**/users/**", lambda route: route.fulfill(status=503, json={}))
    page.get_by_role("checkbox", name="sleepy may search in").click()

    expect(page.locator("#toast")).to_contain_text("cannot reach")
    box = page.get_by_role("checkbox", name="sleepy may search in")
    expect(box).not_to_be_checked()
