"""Real datasets in a folder, made with dtoolcore."""

from pathlib import Path
from urllib.parse import urlparse

import dtoolcore

README = "---\ndescription: Hypocotyls in the dark\nproject: Étiolation\n"


def make_dataset(folder, name, readme=README, items=None, annotations=None, tags=()):
    """Make a frozen dataset in a folder, and return it.

    :param items: text by relative path
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with dtoolcore.DataSetCreator(name, str(folder), readme, "queen") as creator:
        for relpath, content in (items or {}).items():
            Path(creator.prepare_staging_abspath_promise(relpath)).write_text(content)
        for key, value in (annotations or {}).items():
            creator.put_annotation(key, value)
        for tag in tags:
            creator.put_tag(tag)
    return dtoolcore.DataSet.from_uri(creator.uri)


def path_of(dataset):
    """Return the folder that a dataset is in."""
    return Path(urlparse(dataset.uri).path)
