"""config: what the server is made of and how it is set up."""

from ..services import info
from .base import Group, print_json

config_cli = Group("config", help="Show settings and versions.")


@config_cli.command("show")
def config_show() -> None:
    """Print every setting as JSON, secrets masked."""
    print_json(info.lower_case(info.settings()))


@config_cli.command("versions")
def config_versions() -> None:
    """Print the versions of the server and its plugins as JSON."""
    print_json(info.versions())
