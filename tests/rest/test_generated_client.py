"""A client that a stock generator makes of the OpenAPI document works."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import add_people, open_app
from tests.corpus import dataset_info
from tests.live_server import serve
from tests.openapi_document import PATH

GENERATOR = "openapi_python_client"


@pytest.fixture
def generated(tmp_path):
    """The folder with the client, a package called lookup."""
    if importlib.util.find_spec(GENERATOR) is None:
        reason = f"{GENERATOR} is not installed: pip install -e '.[test]'"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    config = tmp_path / "config.json"
    # Streams of lines are bytes to the generator, once it is told.
    overrides = {"application/x-ndjson": "application/octet-stream"}
    settings = {"post_hooks": [], "content_type_overrides": overrides}
    config.write_text(json.dumps(settings))
    command = [
        *(sys.executable, "-m", GENERATOR, "generate", "--meta", "none"),
        *("--path", str(PATH), "--config", str(config)),
        *("--output-path", str(tmp_path / "lookup"), "--fail-on-warning"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path


def test_the_generated_client_works(config, generated, token):
    new = dataset_info(tags=["fruit"], items=["a.txt"])
    script = Path(__file__).with_name("use_generated_client.py")
    with open_app(config | {"EDITS": "index"}) as app:
        add_people(app)
        with serve(app) as url:
            done = subprocess.run(
                [sys.executable, str(script), url, token("grumpy"), json.dumps(new)],
                env={**os.environ, "PYTHONPATH": str(generated)},
                capture_output=True,
                text=True,
                check=False,
            )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "registered": 201,
        "found": [new["uri"]],
        "by_query": [new["uri"]],
        "shown": ["fruit"],
        "readme": new["readme"],
        "tagged": ["fruit", "ripe"],
        "annotations": {"colour": "green"},
        "items": list(new["manifest"]["items"]),
        "summary": {"fruit": 1, "ripe": 1},
        "me": "Grumpy",
        "refused": 403,
        "healthy": "healthy",
    }
