"""What became of each dataset, printed while long work is under way."""

from collections import Counter
from collections.abc import Container, Iterable

import click

from ..services.indexing import DIFFERENT, FAILED, FORGOTTEN, UNCHANGED, Outcome
from .progress import Progress


def follow(
    outcomes: Iterable[Outcome],
    total: int,
    silent: Container[str] = (),
    counts: Counter[str] | None = None,
) -> Counter[str]:
    """Print each outcome, and on a terminal how far the work has come.

    :param total: number of outcomes, as far as it is known
    :param silent: the kinds of outcomes that are not printed
    :param counts: to count on in, so that it is known where the work is broken off
    :returns: the number of outcomes of each kind
    """
    counts = Counter() if counts is None else counts
    with Progress(total) as progress:
        for outcome in outcomes:
            counts[outcome.kind] += 1
            progress.advance()
            if outcome.kind not in silent:
                print_outcome(outcome)
    return counts


def print_outcome(outcome: Outcome) -> None:
    """Print what became of a dataset, in 0.18's words where it had them."""
    why = f" ({outcome.reason})" if outcome.reason else ""
    if outcome.kind == FAILED:
        click.secho(f"Failed to register: {outcome.name} {outcome.uri}", fg="red")
        click.echo(outcome.reason)
    elif outcome.kind == DIFFERENT:
        click.secho(f"Different: {outcome.uri}{why}", fg="yellow")
    elif outcome.kind == FORGOTTEN:
        click.secho(f"Forgotten: {outcome.uri}", fg="yellow")
    elif outcome.kind == UNCHANGED:
        click.echo(f"Registered: {outcome.uri} (unchanged)")
    else:
        click.secho(f"Registered: {outcome.uri}{why}", fg="green")


def print_counts(counts: Counter[str], *kinds: str) -> None:
    """Print in one line how many outcomes there were of each kind."""
    click.echo(", ".join(f"{counts[kind]} {kind}" for kind in kinds))
