"""dataset: compare the stores, and mend them."""

import click

from ..services import verifying
from ..services.indexing import DIFFERENT, FAILED, FORGOTTEN, REGISTERED, UNCHANGED
from .base import Group, fail
from .outcomes import follow, print_counts

dataset_cli = Group("dataset", help="Compare and mend what the stores have.")


@dataset_cli.command("verify")
@click.argument("base_uri", required=False)
def verify_datasets(base_uri: str | None) -> None:
    """Name each dataset of which SQL and the plugins' stores differ.

    Of one base URI, or of all. Nothing is changed; the exit status is 1 where
    something differs.
    """
    outcomes = verifying.verify(base_uri)
    counts = follow(outcomes, verifying.count(base_uri), silent={UNCHANGED})
    print_counts(counts, UNCHANGED, DIFFERENT)
    if counts[DIFFERENT]:
        fail(f"{counts[DIFFERENT]} datasets differ: run `flask dataset reindex`")


@dataset_cli.command("reindex")
@click.argument("base_uri", required=False)
@click.option(
    "--from-storage", is_flag=True, help="Read each dataset from its storage."
)
@click.option("--prune", is_flag=True, help="Forget what SQL does not have.")
def reindex_datasets(base_uri: str | None, from_storage: bool, prune: bool) -> None:
    """Mend each dataset of which SQL and the plugins' stores differ.

    Of one base URI, or of all. What the server does not have whole is read from the
    dataset's storage. May be stopped at any time and run again.
    """
    outcomes = verifying.reindex(base_uri, from_storage, prune)
    counts = follow(outcomes, verifying.count(base_uri), silent={UNCHANGED})
    print_counts(counts, REGISTERED, UNCHANGED, FAILED, FORGOTTEN)
    if counts[FAILED]:
        fail(f"{counts[FAILED]} datasets could not be mended")
