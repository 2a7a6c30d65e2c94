"""A search plugin: the terms of each dataset in a file, in a folder that is shared.

It reads every file of the base URIs that are searched, which is fine for some hundred
datasets. The analyzer and the parser of queries are the server's own.
"""

import hashlib
import json
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from dtool_lookup_server import SearchABC
from dtool_lookup_server.errors import StoreUnavailableError
from dtool_lookup_server.plugins.analysis import PHRASE_FIELDS, analyze_dataset
from dtool_lookup_server.plugins.text_query import (
    ITEMS,
    Phrase,
    Prefix,
    TextQuery,
    parse,
)


class Settings:
    """Upper-case attributes are settings; the environment may set them."""

    FILE_SEARCH_FOLDER = os.environ.get("FILE_SEARCH_FOLDER", "")


class FileSearch(SearchABC):
    """Finds datasets by reading a file for each."""

    def get_config(self):
        return Settings

    def init_app(self, app):
        self._folder = Path(app.config["FILE_SEARCH_FOLDER"])

    def register_dataset(self, dataset_info):
        analyzed = analyze_dataset(dataset_info)
        in_order = {name: getattr(analyzed, name) for name in PHRASE_FIELDS}
        terms = {name: analyzed.found_in(name) for name in PHRASE_FIELDS}
        terms[ITEMS] = analyzed.items
        kept = {
            "terms": {field: sorted(found) for field, found in terms.items()},
            "texts": {name: f" {' '.join(text)} " for name, text in in_order.items()},
            "row": {
                key: value
                for key, value in dataset_info.items()
                if key not in ("readme", "manifest", "annotations")
            },
        }
        path = self._path(dataset_info["uri"])
        self.check_health()
        path.parent.mkdir(exist_ok=True)
        # Written beside it first: whoever reads has the old file or the new one.
        with NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(kept, file)
        os.replace(file.name, path)

    def delete_dataset(self, uri):
        self._path(uri).unlink(missing_ok=True)

    def answers(self, tree):
        return isinstance(tree, TextQuery)

    def search(self, query):
        text = query.get("tree")
        if text is None and query.get("free_text"):
            text = parse(query["free_text"])
        hits = [
            kept
            for base_uri in query["base_uris"]
            for kept in self._kept_in(base_uri)
            if _is_wanted(kept["row"], query) and (text is None or _has(kept, text))
        ]
        hits.sort(key=lambda kept: (_rank(kept, text), -kept["row"]["frozen_at"]))
        return [kept["row"] for kept in hits]

    def lookup_uris(self, uuid, base_uris):
        return self.search({"uuids": [uuid], "base_uris": base_uris})

    def list_uris(self, base_uri):
        return (kept["row"]["uri"] for kept in self._kept_in(base_uri))

    def check_health(self):
        if not self._folder.is_dir():
            raise StoreUnavailableError("The folder of the file search is not there")

    def _path(self, uri):
        base_uri = uri.rpartition("/")[0]
        return self._folder / _name(base_uri) / f"{_name(uri)}.json"

    def _kept_in(self, base_uri):
        self.check_health()
        for path in sorted((self._folder / _name(base_uri)).glob("*.json")):
            yield json.loads(path.read_text())


def _name(uri):
    return hashlib.sha256(uri.encode()).hexdigest()


def _is_wanted(row, query):
    """Return whether a row is among what the query's lists say."""
    uuids = [uuid.lower() for uuid in query.get("uuids", [])]
    creators = query.get("creator_usernames", [])
    return (
        (not uuids or row["uuid"] in uuids)
        and (not creators or row["creator_username"] in creators)
        and set(query.get("tags", [])) <= set(row["tags"])
    )


def _has(kept, query):
    """Return whether a dataset's terms are what a text asks for."""

    def occurs(clause):
        fields = [clause.field] if clause.field else kept["terms"]
        terms = {term for field in fields for term in kept["terms"][field]}
        if isinstance(clause, Phrase):
            words = f" {' '.join(clause.terms)} "
            in_order = any(words in kept["texts"].get(field, "") for field in fields)
            return (clause.terms and in_order) or clause.whole in terms
        if isinstance(clause, Prefix):
            return any(term.startswith(clause.start) for term in terms)
        return clause.term in terms

    if query.finds_nothing or any(map(occurs, query.none_of)):
        return False
    return all(any(map(occurs, group)) for group in query.groups)


def _rank(kept, query):
    """Return in which field a text is found first: 0 is the name."""
    if query is not None:
        words = [word for clause in query.wanted for word in _words(clause)]
        for rank, text in enumerate(kept["texts"].values()):
            if any(f" {word}" in text for word in words):
                return rank
    return len(PHRASE_FIELDS)


def _words(clause):
    if isinstance(clause, Prefix):
        return [clause.start]
    if isinstance(clause, Phrase):
        return [f"{' '.join(clause.terms)} "]
    return [f"{clause.term} "]
