"""The console script: the commands of `flask`, without FLASK_APP."""

import click
from flask.cli import FlaskGroup
from flask_migrate.cli import db

from .app import create_app
from .cli import COMMANDS


class CommandLine(FlaskGroup):
    """The commands of `flask` and of this server, known before there is an app.

    So --help works, with all of them, where the app cannot be made yet.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return click.Group.list_commands(self, ctx)


main = CommandLine(
    name="dtool-lookup-server",
    create_app=create_app,
    help="The central index over the base URIs of dtool datasets.",
)
for command in (db, *COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    main()
