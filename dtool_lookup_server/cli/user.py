"""user: add, change, remove and list users, give permissions, make tokens."""

import time

import click

from ..auth import issue_token
from ..pagination import every_item
from ..services import access_tokens, passwords, permissions, users
from .base import Group, fail, print_json

user_cli = Group("user", help="Manage users, their permissions and their tokens.")


@user_cli.command("add")
@click.argument("username")
@click.option("-a", "--is_admin", is_flag=True, help="Make the user an admin.")
def register_user(username: str, is_admin: bool) -> None:
    """Add a user."""
    users.add(username, is_admin)


@user_cli.command("update")
@click.argument("username")
@click.option("-a", "--is_admin", is_flag=True, help="Make the user an admin.")
def update_user(username: str, is_admin: bool) -> None:
    """Make a user an admin or, without --is_admin, not an admin any more."""
    if users.find(username) is None:
        fail(f"User '{username}' is not registered yet")
    users.change([{"username": username, "is_admin": is_admin}])


@user_cli.command("delete")
@click.argument("username")
def delete_user(username: str) -> None:
    """Remove a user; the datasets that the user registered stay."""
    if users.find(username) is None:
        # Not a failure: 0.18's scripts delete whoever may be there.
        click.secho(f"User '{username}' not registered", fg="yellow", err=True)
    users.remove([username])


@user_cli.command("list")
def list_users() -> None:
    """Print every user as JSON."""
    keys = {"id"}
    print_json(
        [
            {key: value for key, value in user.items() if key not in keys}
            for user in every_item(users.listing())
        ]
    )


@user_cli.command("search_permission")
@click.argument("username")
@click.argument("base_uri")
def give_search_permission(username: str, base_uri: str) -> None:
    """Let a user search a base URI."""
    permissions.grant_search(username, base_uri)


@user_cli.command("register_permission")
@click.argument("username")
@click.argument("base_uri")
def give_register_permission(username: str, base_uri: str) -> None:
    """Let a user register datasets in a base URI."""
    permissions.grant_register(username, base_uri)


@user_cli.command("set-password")
@click.argument("username")
def set_password(username: str) -> None:
    """Keep a password for a user, for `POST /token`; it is asked for."""
    users.require(username)
    password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    passwords.set_password(username, password)


@user_cli.command("make-access-token")
@click.argument("username")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(sorted(users.EVERY_SCOPE)),
    help="What it may be used for; may be repeated.  [default: search]",
)
@click.option(
    "--base-uri",
    "limits",
    multiple=True,
    help="The only base URI that it is for; may be repeated.  [default: all]",
)
@click.option(
    "--days",
    type=click.IntRange(1, 36500),
    default=access_tokens.DEFAULT_LIFE.days,
    show_default=True,
    help="How long it is good.",
)
def make_access_token(
    username: str,
    name: str,
    scopes: tuple[str, ...],
    limits: tuple[str, ...],
    days: int,
) -> None:
    """Print a personal access token, NAME, for a user."""
    made = access_tokens.make(
        users.require(username),
        name,
        scopes or ("search",),
        limits or None,
        time.time() + days * 86_400,
    )
    click.echo(made["token"])


@user_cli.command("access-tokens")
@click.argument("username")
def list_access_tokens(username: str) -> None:
    """Print a user's access tokens as JSON, without the tokens themselves."""
    print_json(access_tokens.listing(users.require(username)))


@user_cli.command("revoke-access-token")
@click.argument("username")
@click.argument("token_id", type=int)
def revoke_access_token(username: str, token_id: int) -> None:
    """Make one access token of a user worthless; access-tokens shows its id."""
    access_tokens.revoke(users.require(username), token_id)


@user_cli.command("revoke-tokens")
@click.argument("username")
def revoke_tokens(username: str) -> None:
    """Make all tokens worthless that a user has by now, wherever they came from."""
    users.revoke_tokens(username)


@user_cli.command("token")
@click.argument("username")
@click.option("--last-forever", is_flag=True, help="Make a token that never ends.")
def generate_token(username: str, last_forever: bool) -> None:
    """Print a new token for a user."""
    click.echo(issue_token(username, last_forever))
