"""Draw the pictures of the page that are in docs/images.

    python docs/_tools/screenshots.py [FOLDER]

It runs a server of its own with datasets that are made up, in a temporary folder, and
needs Chromium and the packages of the extra `test`.
"""

import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, sync_playwright  # noqa: E402

from dtool_lookup_server import create_app, sql_db  # noqa: E402
from dtool_lookup_server.auth import issue_token  # noqa: E402
from dtool_lookup_server.services import (  # noqa: E402
    access_tokens,
    index_runs,
    profiles,
    users,
)
from dtool_lookup_server.utils import (  # noqa: E402
    register_base_uri,
    register_dataset,
    register_users,
    update_permissions,
)
from tests.corpus import dataset_info  # noqa: E402
from tests.web.chromium import OPTIONS, find_chromium  # noqa: E402
from tests.web.conftest import serving, settle  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZES = {"wide": (1200, 800), "narrow": (400, 800)}
SCHEMES = ("light", "dark")

BASE_URIS = ("s3://orchard-archive", "s3://microscopy", "azure://simulations")
CREATORS = ("ann", "bob", "carol", "Zoë Müller", "kim")
SUBJECTS = ("apple", "pear", "quince", "barley", "wheat", "tomato")
KINDS = ("survey", "leaf-images", "genome", "growth-model", "sensor-log")
TAGS = ("field-work", "images", "genome", "model", "2024-season", "reference", "fruit")
DATASETS = 240
NOW = 1_750_000_000
SHOWN = "apple-leaf-images-007"

README = """---
description: Leaves of forty apple trees, with and without scab
project:
  name: Orchard health
  funder: https://example.org/grants/1234
  people:
    - name: Ann Example
      role: data
    - name: Zoë Müller
      role: pathology
camera: NIKON Z50
"""


def made_up() -> Iterator[dict[str, Any]]:
    """Yield datasets, the same each time."""
    chance = random.Random(42)
    for number in range(DATASETS):
        shown = number == 7
        name = f"{chance.choice(SUBJECTS)}-{chance.choice(KINDS)}-{number:03}"
        paths = [f"plot_{n % 4}/tree_{n % 10:02}/leaf_{n:03}.tif" for n in range(48)]
        yield dataset_info(
            SHOWN if shown else name,
            chance.choice(BASE_URIS[:2] if shown else BASE_URIS),
            items=paths[: 48 if shown else chance.randint(1, 12)],
            creator_username=chance.choice(CREATORS),
            tags=sorted(chance.sample(TAGS, chance.randint(1, 3))),
            readme=README,
            annotations={"project": "orchard", "season": {"year": 2024, "week": 31}},
            frozen_at=NOW - 4 * 365 * 86_400 * chance.random() ** 2,
            created_at=NOW - 4 * 365 * 86_400,
            **({} if shown else amounts(chance)),
        )


def amounts(chance: random.Random) -> dict[str, int]:
    """Return a number of items and of bytes; that of the one that is shown is true."""
    return {
        "number_of_items": chance.randint(1, 5000),
        "size_in_bytes": int(10 ** chance.uniform(6, 12)),
    }


def fill(app: Any) -> str:
    """Register users and datasets; returns the URI of the dataset that is shown."""
    uris = {}
    with app.app_context():
        sql_db.create_all()
        users = [{"username": name} for name in ("ann", "bob", "carol", "kim")]
        register_users([*users, {"username": "dana", "is_admin": True}])
        for name, shown in (("ann", "Ann Example"), ("kim", "김영희 (Kim)")):
            profiles.change(name, {"display_name": shown})
        for base_uri in BASE_URIS:
            register_base_uri(base_uri)
            update_permissions(
                {
                    "base_uri": base_uri,
                    "users_with_search_permissions": ["ann", "bob", "dana"],
                    "users_with_register_permissions": ["ann", "dana"],
                }
            )
        for info in made_up():
            uris[info["name"]] = register_dataset(info)
        make_tokens()
        record_runs()
        return uris[SHOWN]


def make_tokens() -> None:
    """Give the admin two access tokens."""
    dana = users.require("dana")
    access_tokens.make(dana, "nightly upload", ["register"], BASE_URIS[:1])
    access_tokens.make(dana, "notebooks", ["search"])


def record_runs() -> None:
    """Have two base URIs been indexed; one of them was not reached to its end."""
    with index_runs.recorded(BASE_URIS[0]) as counts:
        counts.update(registered=3, unchanged=88)
    with (
        suppress(TimeoutError),
        index_runs.recorded(BASE_URIS[1]) as counts,
    ):
        counts.update(unchanged=41, failed=2)
        raise TimeoutError("microscopy.example.org does not answer")


def views(uri: str) -> dict[str, dict[str, str]]:
    """Return the places to draw, by the names of the pictures."""
    return {
        "find": {"q": "apple", "tag": "images"},
        "reasons": {"q": "scab trees", "from": "2024-01-01", "to": "2024-12-31"},
        "dataset": {"dataset": uri},
        "overview": {"view": "overview"},
        "account": {"view": "account"},
        "users": {"view": "users"},
        "base-uris": {"view": "base-uris"},
        "permissions": {"view": "base-uris", "base_uri": BASE_URIS[0]},
        "nothing": {"q": "unobtainium"},
    }


def draw(browser: Browser, address: str, token: str, uri: str, folder: Path) -> None:
    """Draw every view in every size, light and dark."""
    for size, (width, height) in SIZES.items():
        for scheme in SCHEMES:
            page = browser.new_page(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                locale="en-GB",
                timezone_id="UTC",
            )
            page.goto(address)
            settle(page)
            page.screenshot(path=folder / f"sign-in-{size}-{scheme}.png")
            for name, place in views(uri).items():
                page.goto("about:blank")
                page.goto(f"{address}?{urlencode(place)}#token={token}")
                settle(page)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{name}-{size}-{scheme}.png")
            page.close()


def main() -> None:
    """Make a server, and draw what it shows."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        app = create_app(
            {
                "DTOOL_LOOKUP_SERVER_HOME": home,
                "SEARCH_PLUGIN": "sql",
                "RETRIEVE_PLUGIN": "sql",
                "LOG_LEVEL": "WARNING",
            }
        )
        uri = fill(app)
        with app.app_context():
            token = issue_token("dana")
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=OPTIONS
        )
        with serving(app) as address:
            draw(browser, address, token, uri, folder)
        browser.close()


if __name__ == "__main__":
    main()
