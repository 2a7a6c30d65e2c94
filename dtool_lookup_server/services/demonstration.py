"""Data to play with: real dtool datasets on disk, and users who may see them."""

from pathlib import Path
from typing import Any

import dtoolcore
from sqlalchemy import select

from ..errors import AlreadyExistsError, ConfigurationError
from ..pagination import exists
from ..sql_models import BaseURI
from . import base_uris, permissions, users

ADMIN = "admin"
USER = "demo"

#: Name, README, annotations, tags, items (path and content) of each dataset.
DATASETS: tuple[dict[str, Any], ...] = (
    {
        "name": "apple-orchard-survey",
        "readme": "description: Yield of forty apple trees over three summers\n"
        "site: Bodensee orchard\ncontact: Zoë Müller\n",
        "annotations": {"project": "orchard", "summers": 3},
        "tags": ["fruit", "field-work"],
        "items": {"yield/2023.csv": "tree,kg\n1,41\n", "yield/2024.csv": "tree,kg\n"},
    },
    {
        "name": "apple-scab-images",
        "readme": "description: Photographs of leaves with and without apple scab\n"
        "camera: NIKON Z50\n",
        "annotations": {"project": "orchard", "pathogen": "Venturia inaequalis"},
        "tags": ["fruit", "images"],
        "items": {f"leaves/leaf_{n:03}.txt": f"leaf {n}\n" for n in range(120)},
    },
    {
        "name": "Escherichia-coli-ref-genome",
        "readme": "description: U00096.3 genome with Bowtie2 indices\n"
        "organism: Escherichia coli str. K-12 substr. MG1655\n"
        "accession_id: U00096.3\n",
        "annotations": {"organism": "Escherichia coli"},
        "tags": ["genome", "reference"],
        "items": {
            "U00096.3.fasta": ">U00096.3\nAGCTTTTCATTCTGACTGCA\n",
            "U00096.3.rev.1.bt2": "index\n",
        },
    },
    {
        "name": "sea-temperature-2024",
        "readme": "description: Hourly sea temperature at the harbour buoy\n"
        "instrument: SBE 37\nunits: degree Celsius\n",
        "annotations": {"latitude": 54.18, "longitude": 7.89},
        "tags": ["field-work", "time-series"],
        "items": {"buoy data/température.csv": "hour,celsius\n0,8.1\n"},
    },
)


def prepare(folder: Path) -> str:
    """Make the datasets, the users and their permissions, where they are missing.

    :param folder: where the datasets are, or are to be
    :returns: its base URI
    :raises ConfigurationError: if the server has base URIs of its own: it is not one
        to play with
    """
    base_uri = base_uris.normalised(str(folder))
    if exists(select(BaseURI.id).where(BaseURI.base_uri != base_uri)):
        raise ConfigurationError(
            "This server has base URIs of its own: set DTOOL_LOOKUP_SERVER_HOME to a"
            " new folder to run the demo there"
        )
    folder.mkdir(exist_ok=True)
    for dataset in DATASETS:
        if not (folder / dataset["name"]).exists():
            _make_dataset(folder, **dataset)
    users.register([{"username": ADMIN, "is_admin": True}, {"username": USER}])
    base_uris.register(base_uri)
    for grant in (permissions.grant_search, permissions.grant_register):
        try:
            grant(USER, base_uri)
        except AlreadyExistsError:
            continue
    return base_uri


def _make_dataset(
    folder: Path,
    name: str,
    readme: str,
    annotations: dict[str, Any],
    tags: list[str],
    items: dict[str, str],
) -> None:
    with dtoolcore.DataSetCreator(name, str(folder), readme, USER) as creator:
        for path, content in items.items():
            staged = Path(creator.prepare_staging_abspath_promise(path))
            staged.write_text(content, encoding="utf-8")
        for key, value in annotations.items():
            creator.put_annotation(key, value)
        for tag in tags:
            creator.put_tag(tag)
