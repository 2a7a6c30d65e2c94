"""Files with keys and passwords that this server keeps, to back up and restore.

Those that an admin keeps elsewhere, as JWT_PRIVATE_KEY_FILE, are not among them.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

from flask import current_app

from .. import keys
from ..errors import ConfigurationError

#: The name that the password file has in a backup.
PASSWORDS = "passwords"

#: What the names of files end with that a restored one has taken the place of.
FORMER = ".before-restore"

_KEYS = (keys.PRIVATE_KEY_FILE, keys.PUBLIC_KEY_FILE, keys.SECRET_KEY_FILE)


def copy_to(folder: Path) -> tuple[str, ...]:
    """Copy each file that is there, and return their names in the folder.

    :raises OSError: if one cannot be read or written
    """
    there = {name: path for name, path in _places().items() if path.exists()}
    for name, path in there.items():
        shutil.copyfile(path, folder / name)
    return tuple(there)


def require_places(names: Sequence[str]) -> None:
    """Return if this server has a place for each of these files.

    :raises ConfigurationError: if not
    """
    if missing := set(names) - set(_places()):
        raise ConfigurationError(
            f"The backup has {', '.join(sorted(missing))}: set TOKEN_PASSWORD_FILE to"
            " where they are to be"
        )


def put_in_place(folder: Path, names: Sequence[str]) -> None:
    """Put files where this server looks for them, and keep those that are there.

    :param names: of files that copy_to has copied to the folder
    :raises OSError: if one cannot be read or written
    """
    places = _places()
    for name in names:
        path, text = places[name], (folder / name).read_text(encoding="utf-8")
        former = path.read_text(encoding="utf-8") if path.exists() else text
        if former != text:
            keys.replace(path.with_name(f"{path.name}{FORMER}"), former)
        path.parent.mkdir(parents=True, exist_ok=True)
        keys.replace(path, text, 0o644 if name == keys.PUBLIC_KEY_FILE else 0o600)


def _places() -> dict[str, Path]:
    """Return where this server has each file, by its name in a backup."""
    home = Path(current_app.config["DTOOL_LOOKUP_SERVER_HOME"])
    places = {name: home / name for name in _KEYS}
    if passwords := current_app.config["TOKEN_PASSWORD_FILE"]:
        places[PASSWORDS] = Path(passwords)
    return places
