"""search: find datasets on the machine itself, whoever may search them."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import click
from flask.cli import with_appcontext

from ..services import search, spelling
from .base import Command

#: Most characters of a name and of a creator in the table.
NAME, CREATOR = 32, 16

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


@click.command(
    "search",
    cls=Command,
    # -tag:fruit is no option.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("query", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a dataset a line.")
@click.option("--uri", "as_uri", is_flag=True, help="Print the URIs alone.")
@click.option("--sort", help="Fields to sort by: -frozen_at,name. Else by relevance.")
@with_appcontext
def search_datasets(
    query: tuple[str, ...], as_json: bool, as_uri: bool, sort: str | None
) -> None:
    """Find datasets with the query language, in all base URIs.

    On a terminal a long result comes a page at a time.
    """
    wanted = {"free_text": " ".join(query)}
    understood = search.understood(wanted)
    if not understood.parsed:
        click.secho(f"Searched as words: {understood}", fg="yellow", err=True)
    rows = search.every_hit(None, wanted, sort)
    first = next(rows, None)
    if first is None:
        for meant in spelling.did_you_mean(None, wanted, found=0):
            click.secho(f"Did you mean: {meant}", fg="yellow", err=True)
    rows = chain([] if first is None else [first], rows)
    lines: Iterator[str]
    if as_json:
        lines = map(json.dumps, rows)
    elif as_uri:
        lines = (row["uri"] for row in rows)
    else:
        lines = _table(rows)
    if sys.stdout.isatty():
        click.echo_via_pager(f"{line}\n" for line in lines)
    else:
        for line in lines:
            click.echo(line)


def _table(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    yield _line("NAME", "CREATOR", "FROZEN", "SIZE", "URI")
    for row in rows:
        frozen = datetime.fromtimestamp(row["frozen_at"], UTC).date().isoformat()
        size = _readable(row["size_in_bytes"])
        yield _line(row["name"], row["creator_username"], frozen, size, row["uri"])


def _line(name: str, creator: str, frozen: str, size: str, uri: str) -> str:
    cells = f"{_cut(name, NAME)}  {_cut(creator, CREATOR)}  {frozen:10}  {size:>8}"
    return f"{cells}  {uri}"


def _cut(text: str, length: int) -> str:
    return f"{text[: length - 1]}…" if len(text) > length else text.ljust(length)


def _readable(size: int | None) -> str:
    if size is None:
        return "?"
    amount, unit = float(size), 0
    while amount >= 1000 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.4g} {_UNITS[unit]}"
