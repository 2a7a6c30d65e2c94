"""The commands of `flask` and of this server, without FLASK_APP."""

import copy
from contextlib import suppress

import click
from flask.cli import FlaskGroup, ScriptInfo
from flask_migrate.cli import db

from . import overview
from .app import create_app
from .cli import COMMANDS


class CommandLine(FlaskGroup):
    """The commands of `flask` and of this server, known before there is an app.

    So --help lists them where the app cannot be made yet.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, those of plugins among them."""
        self._load_plugin_commands()
        names = set(click.Group.list_commands(self, ctx))
        with suppress(click.ClickException):
            names.update(ctx.ensure_object(ScriptInfo).load_app().cli.commands)
        return sorted(names)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return a command; one of this server's is there before plugins are loaded."""
        return self.commands.get(name) or super().get_command(ctx, name)

    def _load_plugin_commands(self) -> None:
        super()._load_plugin_commands()
        for name in overview.ALONG.values():
            self.commands.pop(name, None)


def _in_our_words(parameter: click.Parameter) -> click.Parameter:
    """Return an option of Flask's with the help that the overview has."""
    if isinstance(parameter, click.Option) and parameter.name in overview.OPTIONS:
        parameter = copy.copy(parameter)
        parameter.help = overview.OPTIONS[parameter.name]
    return parameter


command_line = CommandLine(
    name=overview.NAME, create_app=create_app, help=overview.HELP
)
command_line.params = [_in_our_words(parameter) for parameter in command_line.params]
for command in (db, *COMMANDS):
    command_line.add_command(command)
