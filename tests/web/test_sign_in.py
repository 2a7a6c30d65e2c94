"""Signing in, staying signed in as long as the token counts, and signing out."""

import pytest
from flask import Blueprint, jsonify, request
from playwright.sync_api import expect

from dtool_lookup_server.plugins.registry import Plugins
from dtool_lookup_server.plugins.sql import SQLRetrieve, SQLSearch
from dtool_lookup_server.services import passwords
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.web.conftest import let_the_token_end, serving


def paste(page, token):
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def heading(page, text):
    return page.get_by_role("heading", name=text, exact=True)


def test_a_pasted_token_signs_in(context, site, token):
    page = context.new_page()
    page.goto(site)
    paste(page, f"Bearer {token('grumpy')}\n")

    expect(page.get_by_text("Signed in as grumpy").first).to_be_attached()
    expect(heading(page, "12 datasets")).to_be_visible()


def test_a_token_is_handed_over_and_leaves_the_address_bar(visit):
    page = visit("grumpy", "?q=apple")

    expect(page.locator("#who")).to_contain_text("grumpy")
    expect(page).to_have_url("/?q=apple")


def test_a_token_is_handed_over_to_a_page_that_is_there(context, site, token):
    page = context.new_page()
    page.goto(f"{site}?q=apple")
    expect(heading(page, "Sign in")).to_be_visible()
    page.goto(f"{site}?q=apple#token={token('grumpy')}")
    expect(heading(page, "3 datasets")).to_be_visible()
    expect(page).to_have_url("/?q=apple")

    page.goto(f"{site}?q=apple#token={token('sleepy')}")
    expect(page.locator("#who")).to_contain_text("sleepy")
    expect(heading(page, "2 datasets")).to_be_visible()
    page.goto(f"{site}?q=apple#token={token('sleepy', exp=1)}")
    expect(page.locator(".note", has_text="Your token has ended")).to_be_visible()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("no token", "has three parts"),
        ("a.b.c", "does not take this token"),
    ],
)
def test_what_is_no_token_is_told_so(context, site, text, answer):
    page = context.new_page()
    page.goto(site)
    paste(page, text)

    expect(page.get_by_role("alert")).to_contain_text(answer)
    expect(page.get_by_label("Your token")).to_be_focused()


def test_an_ended_token_is_told_apart(context, site, token):
    page = context.new_page()
    page.goto(site)
    paste(page, token("grumpy", exp=1))

    expect(page.get_by_role("alert")).to_contain_text("ended on")


def test_who_is_not_registered_does_not_get_in(context, site, token):
    page = context.new_page()
    page.goto(site)
    paste(page, token("dopey"))

    expect(page.get_by_role("alert")).to_contain_text("not registered")


def test_the_token_is_in_this_tab_alone(context, site, visit):
    page = visit("grumpy")
    page.reload()
    expect(page.locator("#who")).to_contain_text("grumpy")

    other = context.new_page()
    other.goto(site)
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    assert context.cookies() == []


def test_an_ended_token_leads_back_to_where_one_was(visit, token):
    page = visit("grumpy", "?q=apple")
    expect(heading(page, "3 datasets")).to_be_visible()
    let_the_token_end(page, token)
    page.get_by_label("Sort by").select_option("Newest")
    expect(page.locator(".note", has_text="Your token has ended")).to_be_visible()

    paste(page, token("grumpy"))
    expect(heading(page, "3 datasets")).to_be_visible()
    expect(page.get_by_label("Sort by")).to_have_value("-frozen_at")


def test_signing_out_forgets_the_token(visit):
    page = visit("grumpy")
    page.get_by_role("button", name="Sign out").click()

    expect(page.locator(".note", has_text="You are signed out")).to_be_visible()
    assert page.evaluate("sessionStorage.length") == 0
    page.reload()
    expect(page.get_by_label("Your token")).to_be_focused()


def test_no_password_is_asked_where_the_server_takes_none(context, site):
    page = context.new_page()
    page.goto(site)

    expect(page.get_by_label("Your token")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)


def sign_in(page, username, password):
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


def test_a_password_signs_in_where_the_server_takes_one(context, tmp_path, keys):
    config = make_config(tmp_path, keys)
    config["TOKEN_PASSWORD_FILE"] = str(tmp_path / "passwords")
    with open_app(config) as app:
        add_people(app)
        with app.app_context():
            passwords.set_password("grumpy", "heigh-ho")
        page = context.new_page()
        with serving(app) as address:
            page.goto(f"{address}?view=overview")
            sign_in(page, "grumpy", "wrong")
            expect(page.get_by_role("alert")).to_contain_text("do not match")
            sign_in(page, "grumpy", "heigh-ho")
            expect(page.locator("#who")).to_contain_text("grumpy")
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            page.close()


def test_a_password_signs_in_where_a_plugin_takes_one(context, tmp_path, keys, token):
    blueprint = Blueprint("tokens", __name__)

    @blueprint.post("/token")
    def give_token():
        assert request.json == {"username": "grumpy", "password": "heigh-ho"}
        return jsonify(token=token("grumpy"))

    config = make_config(tmp_path, keys)
    plugins = Plugins(SQLSearch(), SQLRetrieve(), blueprints=[blueprint])
    with open_app(config, plugins) as app:
        add_people(app)
        page = context.new_page()
        with serving(app) as address:
            page.goto(address)
            sign_in(page, "grumpy", "heigh-ho")
            expect(page.locator("#who")).to_contain_text("grumpy")
            page.close()


def test_without_authentication_one_is_in_at_once(context, tmp_path, keys, headers):
    config = make_config(tmp_path, keys)
    with open_app(config) as app:
        add_people(app)
        add_corpus(app, headers("librarian"))
        app.config.update(DISABLE_JWT_AUTHORISATION=True, DEFAULT_USER="sleepy")
        page = context.new_page()
        with serving(app) as address:
            page.goto(address)
            expect(heading(page, "7 datasets")).to_be_visible()
            expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
            page.close()
