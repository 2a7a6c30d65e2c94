"""The pages of the API, without internet access."""

import re

import pytest

PAGES = ["/doc/swagger", "/doc/redoc", "/"]


@pytest.mark.parametrize("path", PAGES)
def test_page_takes_everything_from_this_server(client, path):
    page = client.get(path).get_data(as_text=True)

    addresses = re.findall(r'(?:src|href)="([^"#]+)"', page)

    assert addresses
    for address in addresses:
        assert address.startswith("/")
        assert client.get(address, buffered=True).status_code == 200


@pytest.mark.parametrize("path", PAGES)
def test_page_has_no_inline_script(client, path):
    page = client.get(path).get_data(as_text=True)

    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"\son\w+=|javascript:", page)


@pytest.mark.parametrize("path", PAGES)
def test_page_works_below_a_path_prefix(client, path):
    page = client.get(path, base_url="http://localhost/lookup").get_data(as_text=True)

    for address in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert address.startswith("/lookup/")


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("swagger/swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("swagger/swagger-ui-standalone-preset.js", "text/javascript; charset=utf-8"),
        ("redoc/redoc.standalone.js", "text/javascript; charset=utf-8"),
    ],
)
def test_asset_has_its_type_and_may_be_kept(client, path, content_type):
    response = client.get(f"/doc-assets/{path}", buffered=True)

    assert response.content_type == content_type
    assert response.cache_control.max_age == 24 * 60 * 60


@pytest.mark.parametrize(
    "path", ["swagger/plugins.py", "swagger/../plugins.py", "redoc/swagger-ui.css", "x"]
)
def test_nothing_else_of_the_packages_is_served(client, path):
    assert client.get(f"/doc-assets/{path}").status_code == 404


def test_index_names_the_version_and_the_api_pages(client):
    page = client.get("/").get_data(as_text=True)

    assert "1.0.0" in page
    for path in ["/doc/swagger", "/doc/redoc", "/doc/openapi.json"]:
        assert f'href="{path}"' in page
