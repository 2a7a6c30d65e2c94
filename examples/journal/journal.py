"""An extension: writes down each registration, and shows the list to admins."""

import json
import os
import time
from pathlib import Path

from flask import current_app
from flask_smorest import Blueprint

from dtool_lookup_server import ExtensionABC, admin

bp = Blueprint("journal", __name__, url_prefix="/journal")


class Settings:
    """Upper-case attributes are settings; the environment may set them."""

    JOURNAL_FILE = os.environ.get("JOURNAL_FILE", "registrations.jsonl")


class Journal(ExtensionABC):
    """Keeps a line for each registration in a file."""

    def get_config(self):
        return Settings

    def init_app(self, app):
        self._path = Path(app.config["JOURNAL_FILE"])

    def register_dataset(self, dataset_info):
        line = json.dumps({"uri": dataset_info["uri"], "at": time.time()})
        with self._path.open("a") as file:
            file.write(f"{line}\n")

    def get_blueprint(self):
        return bp


@bp.get("/")
@bp.response(200)
@admin
def registrations(user):
    """List every registration."""
    path = Path(current_app.config["JOURNAL_FILE"])
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
