"""What the commands share: errors as one red line, and JSON on standard output."""

import json
from typing import Any, NoReturn

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from ..database import unavailable
from ..errors import DtoolLookupServerError


class RedLine(click.ClickException):
    """An error that click shows as one red line before it exits with 1."""

    def show(self, file: Any = None) -> None:
        """Print the message on standard error."""
        click.secho(self.format_message(), fg="red", err=True)


def fail(message: str) -> NoReturn:
    """Print a message as one red line on standard error, and exit with 1."""
    raise RedLine(message)


class Command(click.Command):
    """A command that turns what a user can cause into one red line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; exit with 1 where the domain or the database refuses."""
        try:
            return super().invoke(ctx)
        except DtoolLookupServerError as error:
            fail(str(error))
        except DBAPIError as error:
            away = unavailable(error)
            if away is None:
                raise
            fail(str(away))


class Group(AppGroup):
    """A group of commands that run within the application's context."""

    command_class = Command


def print_json(value: Any) -> None:
    """Print a value as indented JSON on standard output."""
    click.echo(json.dumps(value, indent=2))
