"""A real browser before a real server with real data.

`site` is a server for the tests of one file; `visit` opens its page as a user. Where
there is no Chromium the tests are skipped, but not in CI.
"""

import os
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect, sync_playwright
from werkzeug.serving import WSGIRequestHandler
from werkzeug.test import run_wsgi_app

from dtool_lookup_server.services import demonstration, indexing
from tests.conftest import add_corpus, add_people, make_config, open_app
from tests.live_server import serve
from tests.web.chromium import OPTIONS, find_chromium

#: Longest wait, in milliseconds: a machine may be slow, and what is wrong stays wrong.
LONGEST_WAIT = 30_000

expect.set_options(timeout=LONGEST_WAIT)


@pytest.fixture(scope="session")
def chromium():
    """One Chromium for all tests of a worker."""
    path = find_chromium()
    if path is None:
        reason = "Chromium is not installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


class QuietHandler(WSGIRequestHandler):
    """Leaves requests out of the log."""

    def log_request(self, *_args):
        pass


@contextmanager
def serving(app):
    """Serve an application on a free port; gives its address."""

    def answer(environ, start_response):
        # Whole: the server leaves a file open where the browser goes away meanwhile.
        body, status, headers = run_wsgi_app(app, environ, buffered=True)
        start_response(status, list(headers))
        return body

    with serve(answer, QuietHandler) as url:
        yield f"{url}/"


@pytest.fixture(scope="module")
def site_app(tmp_path_factory, keys, headers):
    """The corpus, which is nowhere but in the index, and datasets on disk.

    demo may search and register the ones on disk; admin is an admin.
    """
    home = tmp_path_factory.mktemp("site")
    with open_app(make_config(home, keys)) as app:
        with app.app_context():
            base_uri = demonstration.prepare(home / "datasets")
            list(indexing.index(indexing.list_datasets(base_uri)))
        add_people(app)
        add_corpus(app, headers("librarian"))
        with app.app_context():
            demonstration.users.change([{"username": "admin", "is_admin": True}])
        yield app


@pytest.fixture(scope="module")
def site(site_app):
    """The address of a server with datasets."""
    with serving(site_app) as address:
        yield address


@pytest.fixture
def context(chromium, site):
    """A browser of one's own, wide and light, whose scripts make no mistakes."""
    with browsing(chromium, base_url=site) as context:
        yield context


@contextmanager
def browsing(chromium, **options):
    """Give a context of the browser; a script's error in it is the test's."""
    options = {"viewport": {"width": 1200, "height": 900}, **options}
    context = chromium.new_context(locale="en-GB", timezone_id="UTC", **options)
    context.set_default_timeout(LONGEST_WAIT)
    faults = []
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("console", lambda message: faults.extend(_violation(message)))
    yield context
    context.close()
    assert faults == []


def _violation(message):
    return [message.text] if "Content Security Policy" in message.text else []


@pytest.fixture
def visit(context, site, token):
    """Open the page as a user: visit("grumpy"), visit("grumpy", "?q=apple")."""

    def open_page(username, place="", **claims):
        page = context.new_page()
        page.goto(f"{site}{place}#token={token(username, **claims)}")
        settle(page)
        return page

    return open_page


def let_the_token_end(page, token):
    """Have the tab's token be one that has ended meanwhile."""
    page.evaluate(
        "ended => { for (const key of Object.keys(sessionStorage))"
        " sessionStorage[key] = ended; }",
        token("grumpy", exp=1),
    )


def settle(page):
    """Wait until the page shows what it asked for."""
    page.locator("main h1").first.wait_for()
    expect(page.locator("main [aria-busy], main .waiting")).to_have_count(0)
