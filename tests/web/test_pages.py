"""The document that the page is, as the server sends it."""

import re

import pytest

from dtool_lookup_server.web.pages import CONTENT_SECURITY_POLICY


def test_nothing_inline_runs_and_no_other_host_is_asked(client):
    response = client.get("/")
    policy = response.headers["Content-Security-Policy"]

    assert policy == CONTENT_SECURITY_POLICY
    assert policy.startswith("default-src 'none'; script-src 'self'; ")
    assert "unsafe" not in policy
    assert "<style" not in response.text
    assert " style=" not in response.text


def test_all_modules_are_announced_and_there(client):
    page = client.get("/").text
    addresses = re.findall(r'rel="modulepreload" href="([^"]+)"', page)

    assert "/static/page/main.js" in addresses
    for address in addresses:
        response = client.get(address, buffered=True)
        assert response.mimetype == "text/javascript"


@pytest.mark.parametrize(
    "sink", ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval("]
)
def test_scripts_make_no_markup_of_text(client, sink):
    page = client.get("/").text
    for address in re.findall(r'href="([^"]+\.js)"', page):
        assert sink not in client.get(address, buffered=True).text


def test_the_page_needs_no_token_and_tells_nothing(client):
    page = client.get("/?dataset=s3://snow-white/x").text

    assert "snow-white" not in page
