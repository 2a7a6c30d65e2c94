"""Run by 0.18's Python: registers datasets over its API, and asks it everything.

python fill_018.py DATASETS.json TOKENS.json ANSWERS.json
"""

import json
import sys
from pathlib import Path

from questions import ask

from dtool_lookup_server import create_app

datasets, tokens, answers = map(Path, sys.argv[1:])
headers = {
    name: {"Authorization": f"Bearer {token}"}
    for name, token in json.loads(tokens.read_text()).items()
}
client = create_app().test_client()
for info in json.loads(datasets.read_text()):
    # Its schema takes these as text, and does not know the last.
    info["frozen_at"] = str(info["frozen_at"])
    info["created_at"] = str(info["created_at"])
    del info["dtoolcore_version"]
    path = "/dataset/register"
    response = client.post(path, json=info, headers=headers["librarian"])
    assert response.status_code == 201, response.data
answers.write_text(json.dumps({name: ask(client, headers[name]) for name in headers}))
