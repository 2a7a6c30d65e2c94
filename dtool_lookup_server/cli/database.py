"""database, backup and restore: what concerns the SQL database as a whole."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from ..services import backups, moving, tidying
from .base import Command, Group
from .progress import Progress

database_cli = Group("database", help="Move the SQL database, or bring it in order.")


@database_cli.command("copy-to")
@click.argument("url")
def copy_database(url: str) -> None:
    """Copy everything to an empty database, such as postgresql://USER@HOST/DATABASE.

    Nobody should write to this one meanwhile. Every row is compared in the end; set
    SQLALCHEMY_DATABASE_URI to the URL then.
    """
    copy = moving.copy_to(url)
    total = len(copy)
    with Progress() as progress:
        for done, _step in enumerate(copy, 1):
            progress.reach(done, total)
    click.echo("Copied and compared every row")
    say_what_is_not_indexed(copy.not_indexed)


@database_cli.command("tidy")
def tidy_database() -> None:
    """Bring the stores in order, for faster searches after very many registrations.

    May be run while the server runs; others write between its steps, and it can be
    stopped at any time and run again.
    """
    bring_in_order()
    click.echo("In order")


def bring_in_order() -> None:
    """Bring the stores in order, and show how far it is."""
    with Progress() as progress:
        for done, total in tidying.tidy():
            progress.reach(done, total)


@click.command("backup", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--with-secrets", is_flag=True, help="Add the server's keys and the password file."
)
@with_appcontext
def backup(folder: Path, with_secrets: bool) -> None:
    """Write all that the SQL database holds to a new FOLDER, for `restore`.

    May be run while the server runs. Of any kind of database; the backup is restored
    into any kind.
    """
    with Progress() as progress:
        made = backups.make(folder, with_secrets, progress.reach)
    secrets = ", ".join(made.secrets) or "none"
    click.echo(f"Backed up: {_what_is_in(made)}; secrets: {secrets}")


@click.command("restore", cls=Command)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--with-secrets", is_flag=True, help="Put the backup's keys and passwords in place."
)
@with_appcontext
def restore(folder: Path, with_secrets: bool) -> None:
    """Fill this server's database, which must be empty, from a backup's FOLDER.

    Nothing is to be served meanwhile. No `init` or `db upgrade` is needed before or
    after. If it is broken off, it can be run again.
    """
    with Progress() as progress:
        restored = backups.restore(folder, with_secrets, progress.reach)
    click.echo(f"Restored: {_what_is_in(restored.description)}")
    say_what_is_not_indexed(restored.not_indexed)
    if restored.is_elsewhere:
        click.secho(
            "What other stores hold is in no backup: run"
            " `dtool-lookup-server dataset reindex`",
            fg="yellow",
            err=True,
        )
    if restored.description.secrets and not with_secrets:
        click.echo("Its keys were left where they are: --with-secrets restores them")


def _what_is_in(backup: backups.Description) -> str:
    size = f"{backup.bytes / 1024**2:.1f} MiB"
    return f"{backup.datasets} datasets, {backup.users} users, {size}"


def say_what_is_not_indexed(datasets: int) -> None:
    """Say what to do where the words of datasets could not be indexed."""
    if datasets:
        click.secho(
            f"{datasets} datasets are not found by their words yet: run"
            " `dtool-lookup-server dataset reindex`",
            fg="yellow",
            err=True,
        )
