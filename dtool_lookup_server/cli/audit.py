"""audit: look at the audit trail, and forget its oldest entries."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from ..query import ranges
from ..services import audit, base_uris
from ..services.audit import Action
from .base import Group

audit_cli = Group("audit", help="Look at who did what, and forget the oldest of it.")


@audit_cli.command("list")
@click.option("--user", "usernames", multiple=True, help="Who did it; may be repeated.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    type=click.Choice(sorted(action.value for action in Action)),
    metavar="ACTION",
    help="What was done, such as dataset.delete; may be repeated.",
)
@click.option(
    "--base-uri", "places", multiple=True, help="Where it was; may be repeated."
)
@click.option("--when", help="A range of days, in UTC: 2024-03..2024-05, last:7d.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Most entries that are shown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, an entry a line.")
def list_entries(
    usernames: tuple[str, ...],
    actions: tuple[str, ...],
    places: tuple[str, ...],
    when: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """Print who did what, when and from where, the newest first."""
    after, before = _range(when) if when else (None, None)
    spelled = [base_uris.normalised(place) for place in places]
    entries = audit.listing(usernames, actions, spelled, after, before)
    for entry in audit.newest(entries, limit):
        click.echo(json.dumps(entry) if as_json else _line(entry))


@audit_cli.command("prune")
@click.option(
    "--older-than",
    "age",
    required=True,
    metavar="AGE",
    help="A number with h, d, w, m (30 days) or y (365 days), such as 365d.",
)
def prune_entries(age: str) -> None:
    """Forget all entries that are older; an entry says that this was done."""
    now = datetime.now(UTC)
    start, _end = _range(f"last:{age}", now, "--older-than", "a number with h, d, ...")
    older_than = timedelta(seconds=now.timestamp() - (start or 0))
    number = audit.prune(older_than)
    click.echo("1 entry forgotten" if number == 1 else f"{number} entries forgotten")


def _range(
    typed: str,
    now: datetime | None = None,
    option: str = "--when",
    wanted: str = "a range of days, such as 2024-03..2024-05 or last:7d",
) -> ranges.Range:
    try:
        return ranges.times(typed, now or datetime.now(UTC))
    except (OverflowError, ValueError):
        raise click.BadParameter(f"Not {wanted}.", param_hint=option) from None


def _line(entry: dict[str, Any]) -> str:
    when = datetime.fromtimestamp(entry["happened_at"], UTC)
    return "  ".join(
        [
            when.strftime("%Y-%m-%d %H:%M:%S"),
            f"{entry['action']:<19}",
            f"{entry['username'] or _nobody(entry):<16}",
            " ".join(_rest(entry)),
        ]
    )


def _nobody(entry: dict[str, Any]) -> str:
    """Return who acted where it was no user of the server."""
    return f"({entry['os_user'] or entry['source']})"


def _rest(entry: dict[str, Any]) -> Iterable[str]:
    subject, base_uri = entry["subject"], entry["base_uri"]
    yield subject or base_uri or "-"
    # The URI of a dataset says it already.
    if subject and base_uri and not subject.startswith(base_uri):
        yield f"base_uri={base_uri}"
    for key in ("address", "request_id", "access_token_id"):
        if entry[key] is not None:
            yield f"{key}={entry[key]}"
    for key, value in entry["details"].items():
        yield f"{key}={json.dumps(value)}"
