"""base_uri: register, list and index base URIs."""

from collections import Counter

import click

from ..pagination import every_item
from ..services import base_uris, indexing
from ..services.indexing import FAILED, FORGOTTEN, REGISTERED, UNCHANGED, Outcome
from .base import Group, fail, print_json
from .progress import Progress

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
@click.option("--prune", is_flag=True, help="Forget datasets that are not there any more.")
@click.option("--force", is_flag=True, help="Register unchanged datasets too.")
def index_base_uri(base_uri: str, prune: bool, force: bool) -> None:
    """Register every dataset of a base URI."""
    uris = indexing.list_uris(base_uri)
    counts: Counter[str] = Counter()
    with Progress(len(uris)) as progress:
        for outcome in indexing.index(base_uri, uris, force):
            counts[outcome.kind] += 1
            progress.advance()
            print_outcome(outcome)
    if prune:
        for outcome in indexing.prune(base_uri, uris):
            counts[outcome.kind] += 1
            print_outcome(outcome)
    total = ", ".join(f"{counts[kind]} {kind}" for kind in (REGISTERED, UNCHANGED, FAILED))
    click.echo(f"{total}, {counts[FORGOTTEN]} {FORGOTTEN}" if prune else total)
    if counts[FAILED]:
        fail(f"{counts[FAILED]} datasets could not be registered")


def print_outcome(outcome: Outcome) -> None:
    """Print what became of a dataset, in 0.18's words where it had them."""
    if outcome.kind == FAILED:
        click.secho(f"Failed to register: {outcome.name} {outcome.uri}", fg="red")
        click.echo(outcome.reason)
    elif outcome.kind == FORGOTTEN:
        click.secho(f"Forgotten: {outcome.uri}", fg="yellow")
    elif outcome.kind == UNCHANGED:
        click.echo(f"Registered: {outcome.uri} (unchanged)")
    else:
        click.secho(f"Registered: {outcome.uri}", fg="green")
