"""Your account: the name one goes by, and access tokens for scripts."""

import pytest
from playwright.sync_api import expect

from tests.corpus import MR_MEN, SNOW_WHITE

ACCOUNT = "?view=account"


def row(page, name):
    return page.get_by_role("row", name=name)


def make_token(page, name):
    page.get_by_role("button", name="New access token").click()
    page.get_by_label("What it is for").fill(name)
    page.get_by_role("button", name="Make the token").click()
    shown = page.get_by_role("region", name="The new access token")
    return shown.locator("code").inner_text()


def ask(site_app, token, path="/me"):
    headers = {"Authorization": f"Bearer {token}"}
    return site_app.test_client().get(path, headers=headers)


def test_ones_name_leads_to_what_one_may(visit):
    page = visit("sleepy")
    page.get_by_role("link", name="Signed in as sleepy").click()

    you = page.get_by_role("region", name="You", exact=True)
    expect(you).to_contain_text("sleepy")
    you.get_by_role("link", name=SNOW_WHITE).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("7 datasets")


def test_the_name_that_one_goes_by_is_changed(visit):
    page = visit("noone", ACCOUNT)
    field = page.get_by_label("Display name of noone")
    field.fill("Nobody")
    field.press("Enter")
    expect(page.locator("#who")).to_contain_text("Nobody")

    page.reload()
    expect(field).to_have_value("Nobody")


def test_an_access_token_is_made_used_and_revoked(visit, site_app):
    page = visit("grumpy", ACCOUNT)
    made = make_token(page, "nightly 🌙")

    assert ask(site_app, made).json["username"] == "grumpy"
    page.reload()
    token = row(page, "nightly 🌙")
    expect(token).to_contain_text("every base URI")
    expect(page.get_by_text(made)).to_have_count(0)
    token.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(token).to_have_count(0)
    assert ask(site_app, made).status_code == 401


def test_an_access_token_may_do_no_more_than_is_said(visit, site_app):
    page = visit("grumpy", ACCOUNT)
    page.get_by_role("button", name="New access token").click()
    page.get_by_role("radio", name="only these").check()
    page.get_by_role("checkbox", name=SNOW_WHITE).check()
    page.get_by_label("It ends").select_option("in a week")
    page.get_by_label("What it is for").fill("a week of one")
    page.get_by_role("button", name="Make the token").click()

    expect(row(page, "a week of one").get_by_role("cell").nth(1)).to_contain_text(
        SNOW_WHITE
    )
    made = page.get_by_role("region", name="The new access token").locator("code")
    me = ask(site_app, made.inner_text()).json
    assert me["search_permissions_on_base_uris"] == [SNOW_WHITE]
    assert me["register_permissions_on_base_uris"] == []


@pytest.mark.parametrize(
    ("choose", "words"),
    [
        (lambda page: page.get_by_label("only these").check(), "Choose a base URI"),
        (lambda page: page.get_by_label("search and read").uncheck(), "what it may"),
    ],
    ids=["no base URI", "no scope"],
)
def test_a_token_for_nothing_is_not_made(visit, choose, words):
    page = visit("grumpy", ACCOUNT)
    page.get_by_role("button", name="New access token").click()
    page.get_by_label("What it is for").fill("nothing")
    choose(page)
    page.get_by_role("button", name="Make the token").click()

    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(row(page, "nothing")).to_have_count(0)


def test_who_signs_in_with_an_access_token_is_offered_what_it_may(context, site, visit):
    made = make_token(visit("grumpy", ACCOUNT), "for the page")
    page = context.new_page()
    page.goto(site)
    page.get_by_label("Your token").fill(made)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Signed in as grumpy").click()

    expect(page.get_by_text("You are signed in with an access token")).to_be_visible()
    expect(page.get_by_role("link", name=MR_MEN).first).to_be_visible()
    expect(page.get_by_role("button", name="New access token")).to_have_count(0)
