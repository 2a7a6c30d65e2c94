"""Diagnosis: what an installation is like, and what about it is wrong."""

import difflib
import os
import platform
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import current_app
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from .. import keys
from .._version import __version__
from ..config import SETTINGS
from ..errors import ConfigurationError
from ..extensions import sql_db
from ..migrating import AHEAD, BEHIND, NOT_FILLED, UNFINISHED, standing
from ..pagination import exists
from ..plugins.registry import in_use
from ..plugins.sql import SQLSearch
from ..plugins.sql.tables import text_engine
from ..prepared import dialect_name
from ..sql_models import User
from . import info, passwords

# Bytes that are to be free where the server writes.
_FREE = 1024**3
# Seconds that two machines' clocks may differ.
_DRIFT = 60
# How alike a variable and a setting must be for the one to be a slip for the other.
_ALIKE = 0.9

#: The oldest version of each database that has all that the server asks for.
OLDEST = {"sqlite": (3, 35), "postgresql": (12,), "mariadb": (10, 5)}

_CLOCKS = {
    "sqlite": "SELECT strftime('%s', 'now')",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())",
    "mariadb": "SELECT unix_timestamp()",
    "mysql": "SELECT unix_timestamp()",
}


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    :param subject: what was looked at
    :param state: how it is
    :param remedy: what to do; empty where all is well
    """

    subject: str
    state: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """Yield what each check finds; one that fails does not keep the others from it."""
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", _versions),
        ("settings", lambda: _settings(os.environ)),
        ("keys", _keys),
        ("passwords", _passwords),
        ("disk", _disk),
        ("plugins", _plugins),
        ("database", _database),
        ("clock", _clock),
    ]
    if _has_no_tables():
        # One thing to do, and not one for each that lacks them.
        checks.append(("tables", _no_tables))
    else:
        checks += [
            ("stores", _stores),
            ("migrations", _migrations),
            ("full text", _full_text),
            ("admins", _admins),
        ]
    for subject, check in checks:
        try:
            yield from check()
        except SQLAlchemyError as error:
            sql_db.session.rollback()
            # The name alone: the text may hold a password.
            state = f"cannot be looked at: {type(error).__name__}"
            yield Finding(subject, state, "let the database answer first")


def _versions() -> Iterator[Finding]:
    python = platform.python_version()
    yield Finding("versions", f"dtool-lookup-server {__version__}, Python {python}")


def _settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    names = {setting.name for setting in SETTINGS} | {
        name for name in current_app.config if name.isupper()
    }
    names |= {f"{name}_FILE" for name in names}
    slips = {
        name: similar[0]
        for name in environ.keys() - names
        if (similar := difflib.get_close_matches(name, names, 1, _ALIKE))
    }
    for name, meant in sorted(slips.items()):
        yield Finding("settings", f"{name} is no setting", f"did you mean {meant}?")
    if current_app.config["DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS"]:
        yield Finding(
            "settings",
            "everybody who reaches the server may do everything",
            "unset DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS",
        )
    elif not slips:
        yield Finding("settings", "every value is of its type")


def _keys() -> Iterator[Finding]:
    config = current_app.config
    home = Path(config["DTOOL_LOOKUP_SERVER_HOME"])
    files = [home / keys.PRIVATE_KEY_FILE, home / keys.SECRET_KEY_FILE]
    if config["JWT_PRIVATE_KEY_FILE"]:
        files.append(Path(config["JWT_PRIVATE_KEY_FILE"]))
    open_files = [path for path in files if path.exists() and _is_open(path)]
    for path in open_files:
        yield Finding("keys", f"{path} is readable by others", f"chmod 600 {path}")
    private = config.get("JWT_PRIVATE_KEY")
    if private and not _is_pair(private, config["JWT_PUBLIC_KEY"]):
        yield Finding(
            "keys",
            "tokens made here do not count here: the two keys are no pair",
            "set JWT_PUBLIC_KEY to the public half of JWT_PRIVATE_KEY_FILE",
        )
    elif not open_files:
        yield Finding("keys", "a pair" if private else "a public key; no tokens made")


def _is_open(path: Path) -> bool:
    return bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _is_pair(private: str, public: str) -> bool:
    return keys.same_public_key(keys.public_key_of(private), public)


def _passwords() -> Iterator[Finding]:
    if not (file := current_app.config["TOKEN_PASSWORD_FILE"]):
        return
    path = Path(file)
    try:
        number = len(passwords.read_file())
        is_open = path.exists() and path.stat().st_mode & stat.S_IRWXO
    except (ConfigurationError, OSError):
        state = f"{path} cannot be read"
        yield Finding("passwords", state, f"let {_user()} read it")
        return
    if is_open:
        state = f"{path} is readable by everybody"
        yield Finding("passwords", state, f"chmod 600 {path}")
    elif number == 0:
        state = f"there is none in {path}"
        yield Finding("passwords", state, "run `user set-password`")
    else:
        yield Finding("passwords", f"{number} in {path}")


def _disk() -> Iterator[Finding]:
    home = Path(current_app.config["DTOOL_LOOKUP_SERVER_HOME"])
    if not home.exists():
        yield Finding("disk", "no home folder is used")
        return
    free = shutil.disk_usage(home).free
    state = f"{free / 1024**3:.1f} GiB free in {home}"
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("disk", f"{home} cannot be written", f"chown it to {_user()}")
    elif free < _FREE:
        yield Finding("disk", state, "make room, or move DTOOL_LOOKUP_SERVER_HOME")
    else:
        yield Finding("disk", state)


def _user() -> str:
    return os.environ.get("USER", "the user that runs the server")


def _plugins() -> Iterator[Finding]:
    used = (f"{plugin.name} {plugin.version}" for plugin in in_use().used)
    yield Finding("plugins", ", ".join(used))


def _has_no_tables() -> bool:
    try:
        connection = sql_db.session.connection()
        return not inspect(connection).has_table(User.__tablename__)
    except SQLAlchemyError:
        # That it does not answer is another finding.
        sql_db.session.rollback()
        return False


def _no_tables() -> Iterator[Finding]:
    yield Finding(
        info.DATABASE, "has no tables yet", "run `init`, or `db upgrade` or `restore`"
    )


def _stores() -> Iterator[Finding]:
    failing = info.failing_stores()
    for store in info.store_checks():
        if store in failing:
            remedy = "start it, or correct its settings: `config show`"
            yield Finding(store, "does not answer", remedy)
        else:
            yield Finding(store, "answers")


def _database() -> Iterator[Finding]:
    dialect = sql_db.session.connection().dialect
    version = dialect.server_version_info or ()
    name = "mariadb" if getattr(dialect, "is_mariadb", False) else dialect.name
    state = f"{name} {'.'.join(map(str, version))}"
    oldest = OLDEST.get(name, ())
    if version < oldest:
        needed = ".".join(map(str, oldest))
        yield Finding("database", state, f"upgrade it to {needed} or newer")
    else:
        yield Finding("database", state)


def _migrations() -> Iterator[Finding]:
    found = standing(sql_db.session.connection())
    if found == BEHIND:
        yield Finding("migrations", "not all have been run", "run `db upgrade`")
    elif found == UNFINISHED:
        yield Finding("migrations", "not all rows are there", NOT_FILLED)
    elif found == AHEAD:
        yield Finding("migrations", "a newer version's", "upgrade this machine, too")
    else:
        yield Finding("migrations", "all have been run")


def _full_text() -> Iterator[Finding]:
    if not isinstance(in_use().search, SQLSearch):
        yield Finding("full text", "in the search plugin's store")
        return
    try:
        text_engine(dialect_name()).check(sql_db.session)
    except ConfigurationError as error:
        yield Finding("full text", "not available", str(error))
    else:
        yield Finding("full text", "available")


def _clock() -> Iterator[Finding]:
    query = _CLOCKS.get(dialect_name())
    if query is None:
        return
    drift = abs(float(sql_db.session.scalar(text(query))) - time.time())
    if drift > _DRIFT:
        state = f"{drift:.0f} s apart from the database's"
        yield Finding("clock", state, "set both by NTP: tokens end by the clock")
    else:
        yield Finding("clock", "agrees with the database's")


def _admins() -> Iterator[Finding]:
    if exists(select(User.id).where(User.is_admin)):
        yield Finding("admins", "there is one")
    else:
        yield Finding("admins", "there is none", "run `init`")
