"""database: what concerns the SQL database as a whole."""

import click

from ..services import moving
from .base import Group
from .progress import Progress

database_cli = Group("database", help="Move the SQL database.")


@database_cli.command("copy-to")
@click.argument("url")
def copy_database(url: str) -> None:
    """Copy everything to an empty database, such as postgresql://USER@HOST/DATABASE.

    Nobody should write to this one meanwhile. Every row is compared in the end; set
    SQLALCHEMY_DATABASE_URI to the URL then.
    """
    copy = moving.copy_to(url)
    steps = len(copy)
    with Progress(steps) as progress:
        for _step in copy:
            progress.advance()
    click.echo("Copied and compared every row")
