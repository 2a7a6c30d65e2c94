"""init, demo and plugins: from nothing to a running server."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import ScriptInfo, with_appcontext
from werkzeug.serving import run_simple

from ..auth import issue_token
from ..migrating import upgrade_database
from ..plugins.registry import Discovered, discover, in_use
from ..services import demonstration, indexing, users
from .base import Command, RedLine, fail
from .outcomes import print_outcome

_FORMAT = "{:<28} {:<12} {:<44} {:<12} {}"


@click.command("init", cls=Command)
@click.option("--admin", default="admin", show_default=True, help="The first admin.")
@with_appcontext
def init(admin: str) -> None:
    """Make all that the server needs: home folder, keys, database, first admin."""
    initialise(admin)
    click.echo(f"Home folder: {current_app.config['DTOOL_LOOKUP_SERVER_HOME']}")
    click.echo(f"Admin: {admin}")
    click.echo(f"A token:    dtool-lookup-server user token {admin}")
    click.echo("The server: dtool-lookup-server run")


@click.command("demo", cls=Command)
@click.option("--port", default=5000, show_default=True, help="Port to listen on.")
@click.option("--no-server", is_flag=True, help="Set everything up and stop there.")
@with_appcontext
def demo(port: int, no_server: bool) -> None:
    """Set up a server with datasets to play with, and run it."""
    initialise(demonstration.ADMIN)
    folder = Path(current_app.config["DTOOL_LOOKUP_SERVER_HOME"]) / "demo-datasets"
    base_uri = demonstration.prepare(folder)
    for outcome in indexing.index(indexing.list_datasets(base_uri)):
        print_outcome(outcome)
    _print_tour(f"http://127.0.0.1:{port}", base_uri)
    if not no_server:
        # Flask's own run does nothing within one of its commands.
        run_simple("127.0.0.1", port, current_app._get_current_object(), threaded=True)  # type: ignore[attr-defined]


@click.command("plugins", cls=Command)
@click.pass_context
def plugins(ctx: click.Context) -> None:
    """List the plugins that are installed, and which of them are used.

    Where the server cannot start, as with a broken plugin, none is; the exit status is
    1 then.
    """
    used: list[Discovered] = []
    broken = ""
    try:
        with ctx.ensure_object(ScriptInfo).load_app().app_context():
            used = in_use().used
    except RedLine as error:
        broken = error.message
    click.echo(_FORMAT.format("GROUP", "NAME", "DISTRIBUTION", "VERSION", "USED"))
    for plugin in discover():
        row = (plugin.group, plugin.name, plugin.distribution, plugin.version)
        state = "yes" if plugin in used else "no" if plugin.usable() else "broken"
        click.echo(_FORMAT.format(*row, state))
    if broken:
        fail(broken)


def initialise(admin: str) -> None:
    """Bring the database up to date and register an admin, where there is none yet."""
    upgrade_database()
    users.register([{"username": admin, "is_admin": True}])


def _print_tour(url: str, base_uri: str) -> None:
    token = issue_token(demonstration.USER, last_forever=True)
    click.echo(
        f"""
Datasets: {base_uri}
Page:     {url} (sign in with the token below)
API:      {url}/doc/swagger

export TOKEN={token}
export HEADER="Authorization: Bearer $TOKEN"

curl -H "$HEADER" {url}/dataset/list
curl -H "$HEADER" {url}/dataset/summary
curl -H "$HEADER" -H "Content-Type: application/json" \\
  -d '{{"free_text": "apple"}}' {url}/dataset/search
"""
    )
