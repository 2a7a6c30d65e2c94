"""A retrieve plugin: README, manifest and annotations of each dataset in a file."""

import hashlib
import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from dtool_lookup_server import PluginABC, RetrieveABC, UnknownURIError
from dtool_lookup_server.errors import StoreUnavailableError


class Settings:
    """Upper-case attributes are settings; the environment may set them."""

    FILE_CONTENTS_FOLDER = os.environ.get("FILE_CONTENTS_FOLDER", "")


class FileContents(RetrieveABC, PluginABC):
    """Keeps datasets' contents as JSON in a folder that is shared."""

    def get_config(self):
        return Settings

    def init_app(self, app):
        self._folder = Path(app.config["FILE_CONTENTS_FOLDER"])

    def register_dataset(self, dataset_info):
        self.check_health()
        # Written beside it first: whoever reads has the old file or the new one.
        with NamedTemporaryFile("w", dir=self._folder, delete=False) as file:
            json.dump(dataset_info, file)
        os.replace(file.name, self._path(dataset_info["uri"]))

    def delete_dataset(self, uri):
        self._path(uri).unlink(missing_ok=True)

    def get_readme(self, uri):
        return self._kept(uri)["readme"]

    def get_manifest(self, uri):
        return self._kept(uri)["manifest"]

    def get_annotations(self, uri):
        return self._kept(uri)["annotations"]

    def check_health(self):
        if not self._folder.is_dir():
            raise StoreUnavailableError("The folder of the contents is not there")

    def _path(self, uri):
        return self._folder / f"{hashlib.sha256(uri.encode()).hexdigest()}.json"

    def _kept(self, uri):
        self.check_health()
        try:
            return json.loads(self._path(uri).read_text())
        except FileNotFoundError:
            raise UnknownURIError(f"no dataset at {uri}") from None
