"""base_uri: register, list and index base URIs."""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import click

from ..errors import DtoolLookupServerError, InUseError
from ..pagination import every_item
from ..services import base_uris, index_runs, indexing, tidying
from ..services.indexing import FAILED, FORGOTTEN, REGISTERED, UNCHANGED
from .base import Group, fail, print_json
from .database import bring_in_order
from .outcomes import follow, print_counts

_KINDS = (REGISTERED, UNCHANGED, FAILED, FORGOTTEN)


class _How(NamedTuple):
    """The options of index."""

    prune: bool
    allow_empty: bool
    force: bool
    jobs: int | None


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
@click.argument("base_uri", required=False)
@click.option("--all", "every", is_flag=True, help="Index every base URI.")
@click.option(
    "--prune", is_flag=True, help="Forget datasets that are not there any more."
)
@click.option(
    "--allow-empty",
    is_flag=True,
    help="With --prune: forget them also where no dataset at all is left.",
)
@click.option("--force", is_flag=True, help="Register unchanged datasets too.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    help="Datasets to read at once; without it, what suits the storage.",
)
def index_base_uri(
    base_uri: str | None,
    every: bool,
    prune: bool,
    allow_empty: bool,
    force: bool,
    jobs: int | None,
) -> None:
    """Register every dataset of a base URI.

    A base URI is indexed by one at a time; how it went is in `base_uri list`. May be
    stopped at any time and run again: what was registered is not read once more.
    """
    if every == (base_uri is not None):
        raise click.UsageError("Give one BASE_URI, or --all")
    if allow_empty and not prune:
        raise click.UsageError("--allow-empty goes with --prune")
    how = _How(prune, allow_empty, force, jobs)
    if base_uri is None:
        _index_all(how)
        return
    counts = _index(base_uri, how)
    if counts[FAILED]:
        fail(f"{counts[FAILED]} datasets could not be registered")


def _index(base_uri: str, how: _How) -> Counter[str]:
    kinds = _KINDS if how.prune else _KINDS[:-1]
    with _interruptible(), index_runs.recorded(base_uri) as counts:
        try:
            listing = indexing.list_datasets(base_uri)
            total = len(listing.found)
            with closing(indexing.index(listing, how.force, how.jobs)) as outcomes:
                follow(outcomes, total, counts=counts)
            if how.prune:
                missing = indexing.prune(listing, how.allow_empty)
                follow(missing, 0, counts=counts)
        except KeyboardInterrupt:
            print_counts(counts, *kinds)
            click.echo("Interrupted: the next run goes on from here.", err=True)
            raise
    print_counts(counts, *kinds)
    if counts[REGISTERED] >= tidying.MANY:
        bring_in_order()
    return counts


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM, which systemd stops a service with, end the work as Ctrl-C does."""

    def interrupt(*_args: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _index_all(how: _How) -> None:
    """Index each base URI, whatever becomes of the others, and sum up in the end."""
    summary: list[tuple[str, str]] = []
    failed = 0
    for item in list(every_item(base_uris.names())):
        name = item["base_uri"]
        click.echo(f"{name}:")
        try:
            counts = _index(name, how)
        except InUseError as error:
            # Another machine sees to it.
            summary.append((name, str(error)))
        except DtoolLookupServerError as error:
            click.secho(str(error), fg="red", err=True)
            summary.append((name, f"failed: {error}"))
            failed += 1
        else:
            done = ", ".join(
                f"{counts[kind]} {kind}" for kind in _KINDS if counts[kind]
            )
            summary.append((name, done or "no datasets"))
            failed += bool(counts[FAILED])
    click.echo("\nSummary")
    for name, done in summary:
        click.echo(f"{name}: {done}")
    if failed:
        fail(f"{failed} of {len(summary)} base URIs had failures")
