"""The OpenAPI document of a server without other plugins, as it is committed.

`python -m tests.openapi_document` writes it anew.
"""

import json
import tempfile
from pathlib import Path

from dtool_lookup_server import create_app
from tests.conftest import make_config, make_key_pair

PATH = Path(__file__).parent.parent / "docs" / "openapi.json"


def current():
    """Return the document as the server has it now."""
    with tempfile.TemporaryDirectory() as home:
        app = create_app(make_config(home, make_key_pair()))
        return app.test_client().get("/doc/openapi.json").json


def rendered(document):
    """Return a document as its file has it."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(rendered(current()), encoding="utf-8")
