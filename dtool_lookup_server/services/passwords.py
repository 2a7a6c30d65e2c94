"""Passwords: who may have a token for a name and a password.

Off unless a file with hashes or an LDAP server is configured. Every refusal takes the
time that checking a password takes, whoever is asked for, and attempts are limited.
"""

import importlib
import os
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from flask import current_app
from werkzeug.security import check_password_hash, generate_password_hash

from ..errors import (
    AuthenticationError,
    ConfigurationError,
    InvalidFieldError,
    TokensOffError,
    TooManyAttemptsError,
)
from . import checks, users

#: Longest password, in characters: hashing it must not take for ever.
LONGEST = 1024
SHORTEST = 8

_SEPARATOR = ":"
_BCRYPT = ("$2a$", "$2b$", "$2y$")

# Checked in place of the hash that somebody unknown does not have.
_NOBODYS = generate_password_hash(os.urandom(16).hex())

#: Seconds that attempts are remembered.
WINDOW = 60


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
    """
    if not are_taken():
        raise TokensOffError("This server issues no tokens for passwords")
    most = current_app.config["TOKEN_ATTEMPTS_PER_MINUTE"]
    # Many people may share an address, and nobody is to lock out somebody elsewhere.
    attempts = Attempts(
        {f"{address} {username}": most, address: 10 * most, f" {username}": 10 * most}
    )
    if not attempts.begin():
        raise TooManyAttemptsError("Too many attempts: try again in a minute")
    good = _matches(username, password)
    # Both are always looked up, so that the time does not tell them apart.
    if users.find(username) is None or not good:
        raise AuthenticationError("No such user, or another password")
    attempts.succeeded()


def _matches(username: str, password: str) -> bool:
    if not username or not password or len(password) > LONGEST or "\0" in password:
        # To an LDAP server an empty password would be a visitor, who is let in.
        matches_hash(_NOBODYS, "-")
        return False
    if current_app.config["TOKEN_PASSWORD_FILE"]:
        known = read_file().get(username)
        good = matches_hash(known or _NOBODYS, password)
        if known is not None:
            return good
    if current_app.config["TOKEN_LDAP_URL"]:
        return _matches_ldap(username, password)
    return False


def matches_hash(known: str, password: str) -> bool:
    """Return whether a password is that of a hash, of werkzeug's or of bcrypt."""
    if known.startswith(_BCRYPT):
        # bcrypt knows 72 bytes; its newer versions refuse more.
        secret = password.encode()[:72]
        return bool(_module("bcrypt").checkpw(secret, known.encode()))
    return check_password_hash(known, password)


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
    # Whole or not at all, and readable by its owner alone from the beginning.
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(temporary, path)


def read_file() -> dict[str, str]:
    """Return the hashes in the file by user name; none where it is not there yet."""
    path = Path(current_app.config["TOKEN_PASSWORD_FILE"])
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition(_SEPARATOR) for line in lines if line.strip())
    return {name: known for name, _separator, known in pairs if known}


def _matches_ldap(username: str, password: str) -> bool:
    """Return whether an LDAP server lets a user in with this password."""
    ldap3 = _module("ldap3")
    name = _module("ldap3.utils.dn").escape_rdn(username)
    server = ldap3.Server(current_app.config["TOKEN_LDAP_URL"], connect_timeout=10)
    connection = ldap3.Connection(
        server,
        user=current_app.config["TOKEN_LDAP_DN"].format(username=name),
        password=password,
        receive_timeout=10,
    )
    try:
        if current_app.config["TOKEN_LDAP_STARTTLS"]:
            connection.open()
            connection.start_tls()
        return bool(connection.bind())
    except ldap3.core.exceptions.LDAPException as error:
        current_app.logger.error("LDAP: %s", type(error).__name__)
        return False
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


class Attempts:
    """The attempts of the last minute, in this process.

    :param limits: how many there may be, by what is counted
    """

    _lock = threading.Lock()
    _moments: dict[str, deque[float]] = {}

    def __init__(self, limits: dict[str, int]):
        self._limits = limits

    def begin(self) -> bool:
        """Count one more, unless there are too many; return whether it was counted."""
        now = time.monotonic()
        with self._lock:
            self._forget(now - WINDOW)
            for key, most in self._limits.items():
                if len(self._moments.get(key, ())) >= most:
                    return False
            for key in self._limits:
                self._moments.setdefault(key, deque()).append(now)
        return True

    def succeeded(self) -> None:
        """Count the last one no more."""
        with self._lock:
            for key in self._limits:
                if moments := self._moments.get(key):
                    moments.pop()

    def _forget(self, before: float) -> None:
        for key, moments in list(self._moments.items()):
            while moments and moments[0] < before:
                moments.popleft()
            if not moments:
                del self._moments[key]
