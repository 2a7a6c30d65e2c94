"""The console script: the commands of `flask`, without FLASK_APP."""

from contextlib import suppress

import click
from flask.cli import FlaskGroup, ScriptInfo
from flask_migrate.cli import db

from .app import create_app
from .cli import COMMANDS


class CommandLine(FlaskGroup):
    """The commands of `flask` and of this server, known before there is an app.

    So --help lists them where the app cannot be made yet.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, those of plugins among them."""
        names = set(click.Group.list_commands(self, ctx))
        with suppress(click.ClickException):
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.commands)
        return sorted(names)


main = CommandLine(
    name="dtool-lookup-server",
    create_app=create_app,
    help="The central index over the base URIs of dtool datasets.",
)
for command in (db, *COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    main()
