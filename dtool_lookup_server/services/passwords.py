"""Passwords: who may have a token for a name and a password.

Off unless a file with hashes or an LDAP server is configured. Every refusal takes the
same time, whoever is asked for, and attempts are limited.
"""

import functools
import importlib
import os
import ssl
import time
from pathlib import Path
from typing import Any

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from .. import keys
from ..database import transactional
from ..errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidFieldError,
    StoreUnavailableError,
    TokensOffError,
)
from . import attempts, audit, checks, users
from .audit import Action

#: Longest password, in characters: hashing it must not take for ever.
LONGEST = 1024
SHORTEST = 8

#: Seconds to wait for an LDAP server, to connect and for each answer.
LDAP_TIMEOUT = 10

_SEPARATOR = ":"
_BCRYPT = ("$2a$", "$2b$", "$2y$")

#: Seconds after which a refusal is answered; a longer check takes a multiple of it.
REFUSAL = 1.0


@functools.cache
def _nobodys() -> str:
    """Return the hash to check for somebody who has none."""
    return generate_password_hash(os.urandom(16).hex())


def are_taken() -> bool:
    """Return whether this server checks passwords: a file or an LDAP server is set."""
    settings = current_app.config
    return bool(settings["TOKEN_PASSWORD_FILE"] or settings["TOKEN_LDAP_URL"])


def check(username: str, password: str, address: str) -> None:
    """Return if a registered user has this password.

    :param address: where the attempt comes from
    :raises TokensOffError: if this server does not know passwords
    :raises AuthenticationError: if not, whatever the reason
    :raises TooManyAttemptsError: if there were too many attempts that failed
    :raises StoreUnavailableError: if an LDAP server is needed and does not answer
    """
    if not are_taken():
        raise TokensOffError("This server issues no tokens for passwords")
    attempt = attempts.begin(username, address)
    began = time.monotonic()
    good = _matches(username, password)
    if users.find(username) is None or not good:
        # Hashes differ in what they take, and so do LDAP servers.
        taken = time.monotonic() - began
        time.sleep(REFUSAL - taken % REFUSAL)
        raise AuthenticationError("No such user, or another password")
    attempts.forget(attempt)


def _matches(username: str, password: str) -> bool:
    if not username or not password or len(password) > LONGEST or "\0" in password:
        # To an LDAP server an empty password would be a visitor, who is let in.
        matches_hash(_nobodys(), "-")
        return False
    if current_app.config["TOKEN_PASSWORD_FILE"]:
        known = read_file().get(username)
        good = matches_hash(known or _nobodys(), password)
        if known is not None:
            return good
    if current_app.config["TOKEN_LDAP_URL"]:
        return _matches_ldap(username, password)
    return False


def matches_hash(known: str, password: str) -> bool:
    """Return whether a password is that of a hash, of werkzeug's or of bcrypt."""
    try:
        if known.startswith(_BCRYPT):
            # bcrypt knows 72 bytes; its newer versions refuse more.
            secret = password.encode()[:72]
            return bool(_module("bcrypt").checkpw(secret, known.encode()))
        return check_password_hash(known, password)
    except ValueError:
        current_app.logger.error("TOKEN_PASSWORD_FILE has what is no hash")
        return False


@transactional
def set_password(username: str, password: str) -> None:
    """Keep the hash of a user's password in the file.

    :raises UnknownUserError: if the user is not registered
    :raises ConfigurationError: if no file is configured
    :raises InvalidFieldError: for a password that cannot be one
    """
    users.require(username)
    checks.text("password", password, LONGEST)
    if len(password) < SHORTEST:
        raise InvalidFieldError("password", f"Shorter than {SHORTEST} characters.")
    if _SEPARATOR in username:
        raise InvalidFieldError("username", f"Has a {_SEPARATOR!r}.")
    if not current_app.config["TOKEN_PASSWORD_FILE"]:
        raise ConfigurationError("Set TOKEN_PASSWORD_FILE to keep passwords in a file")
    path = Path(current_app.config["TOKEN_PASSWORD_FILE"])
    hashes = read_file() | {username: generate_password_hash(password)}
    text = "".join(f"{name}{_SEPARATOR}{known}\n" for name, known in hashes.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    keys.replace(path, text)
    audit.record(Action.SET_PASSWORD, username)


def read_file() -> dict[str, str]:
    """Return the hashes in the file by user name; none where it is not there yet.

    :raises ConfigurationError: if it cannot be read
    """
    path = Path(current_app.config["TOKEN_PASSWORD_FILE"])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Setting TOKEN_PASSWORD_FILE: cannot read {path}: {error}"
        ) from None
    pairs = (line.partition(_SEPARATOR) for line in lines if line.strip())
    return {name: known for name, _separator, known in pairs if known}


def _matches_ldap(username: str, password: str) -> bool:
    """Return whether an LDAP server lets a user in with this password."""
    settings = current_app.config
    ldap3 = _module("ldap3")
    name = _module("ldap3.utils.dn").escape_rdn(username)
    # ldap3 by itself would take any certificate.
    tls = ldap3.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=settings["TOKEN_LDAP_CA_FILE"]
    )
    server = ldap3.Server(
        settings["TOKEN_LDAP_URL"], tls=tls, connect_timeout=LDAP_TIMEOUT
    )
    connection = ldap3.Connection(
        server,
        user=settings["TOKEN_LDAP_DN"].format(username=name),
        password=password,
        receive_timeout=LDAP_TIMEOUT,
    )
    try:
        if settings["TOKEN_LDAP_STARTTLS"]:
            connection.open()
            if not connection.start_tls():
                raise StoreUnavailableError("The LDAP server offers no StartTLS")
        return bool(connection.bind())
    except ldap3.core.exceptions.LDAPException as error:
        raise StoreUnavailableError(
            f"The LDAP server does not answer: {type(error).__name__}"
        ) from None
    finally:
        connection.unbind()


def _module(name: str) -> Any:
    """Return a module of a package that only some servers need."""
    try:
        return importlib.import_module(name)
    except ImportError:
        name = name.partition(".")[0]
        raise ConfigurationError(
            f"The package {name} is needed: install dtool-lookup-server[{name}]"
        ) from None
