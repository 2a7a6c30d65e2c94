"""Serving without tokens: said loudly, and to this machine alone."""

import ipaddress

import click
from flask import Flask, abort, request

from .errors import ConfigurationError

WARNING = (
    "DISABLE_JWT_AUTHORISATION is set: nobody is asked for a token, and everybody who"
    " reaches this server acts as %r"
)


def guard_open_access(app: Flask) -> None:
    """Keep an application that asks for no tokens to the loopback address.

    :raises ConfigurationError: if it is about to listen beyond
    """
    if not app.config["DISABLE_JWT_AUTHORISATION"]:
        return
    app.logger.warning(WARNING, app.config["DEFAULT_USER"])
    if app.config["DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS"]:
        return
    host = _host_of_command()
    if host is not None and not _is_loopback(host):
        raise ConfigurationError(
            f"With DISABLE_JWT_AUTHORISATION this server does not listen on {host}:"
            " set DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS if it shall"
        )
    app.before_request(_refuse_other_machines)


def _host_of_command() -> str | None:
    """Return where the command `run`, if it is the one that runs, is to listen."""
    context = click.get_current_context(silent=True)
    return context.params.get("host") if context is not None else None


def _refuse_other_machines() -> None:
    # Other servers listen before they make the application: ask who is calling. A
    # socket file has no address.
    if request.remote_addr and not _is_loopback(request.remote_addr):
        abort(403)


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("unix:")
