"""base_uri: register, list and index base URIs."""

import click

from ..pagination import every_item
from ..services import base_uris, indexing
from ..services.indexing import FAILED, FORGOTTEN, REGISTERED, UNCHANGED
from .base import Group, fail, print_json
from .outcomes import follow, print_counts

base_uri_cli = Group("base_uri", help="Manage and index base URIs.")


@base_uri_cli.command("add")
@click.argument("base_uri")
def add_base_uri(base_uri: str) -> None:
    """Register a base URI, such as s3://bucket or the path of a folder."""
    base_uris.add(base_uri)


@base_uri_cli.command("list")
def list_base_uris() -> None:
    """Print every base URI as JSON, with the users who may search and register."""
    print_json(list(every_item(base_uris.listing())))


@base_uri_cli.command("index")
@click.argument("base_uri")
@click.option(
    "--prune", is_flag=True, help="Forget datasets that are not there any more."
)
@click.option("--force", is_flag=True, help="Register unchanged datasets too.")
def index_base_uri(base_uri: str, prune: bool, force: bool) -> None:
    """Register every dataset of a base URI."""
    uris = indexing.list_uris(base_uri)
    counts = follow(indexing.index(base_uri, uris, force), len(uris))
    kinds = [REGISTERED, UNCHANGED, FAILED]
    if prune:
        counts += follow(indexing.prune(base_uri, uris), 0)
        kinds.append(FORGOTTEN)
    print_counts(counts, *kinds)
    if counts[FAILED]:
        fail(f"{counts[FAILED]} datasets could not be registered")
