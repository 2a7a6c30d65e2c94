"""The home folder and what it keeps: the key pair and the secret key.

Files with secrets are readable by their owner alone, and appear whole or not at
all, also where several workers start at once.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .errors import ConfigurationError

PRIVATE_KEY_FILE = "jwt_key"
PUBLIC_KEY_FILE = "jwt_key.pub"
SECRET_KEY_FILE = "secret_key"
DATABASE_FILE = "lookup.db"

# Enough for RS256 until 2030 and beyond: NIST SP 800-57 part 1, table 4.
_KEY_BITS = 3072


def make_home(home: Path) -> Path:
    """Return the home folder, made where it is missing, open to its owner alone.

    :raises ConfigurationError: if it cannot be made
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot make the home folder {home} ({error.strerror}):"
            " set DTOOL_LOOKUP_SERVER_HOME to a folder that can be written"
        ) from None
    return home


def secret_key(home: Path) -> str:
    """Return the secret key that is kept in the home folder, made where missing."""
    return _kept(home / SECRET_KEY_FILE, lambda: secrets.token_urlsafe(48))


def private_key(home: Path) -> str:
    """Return the private key that is kept in the home folder, made where missing.

    :returns: the key as PEM
    """
    pem = _kept(home / PRIVATE_KEY_FILE, _new_private_key)
    # The public half is beside it for people to hand on; the server derives its own.
    _kept(home / PUBLIC_KEY_FILE, lambda: public_key_of(pem), mode=0o644)
    return pem


def read_key_file(setting: str, path: str) -> str:
    """Return the text of a key file that a setting names.

    :raises ConfigurationError: naming the setting, if the file cannot be read
    """
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"Setting {setting}: cannot read {path}: {error}"
        ) from None


def checked_public_key(setting: str, text: str) -> str:
    """Return a public key as it was given, if it is one.

    :param text: PEM, or the line of an OpenSSH .pub file
    :raises ConfigurationError: naming the setting that it came from
    """
    try:
        key = _load_public(text)
    except Exception:
        # cryptography raises ValueError, UnsupportedAlgorithm and more of its own.
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise ConfigurationError(
            f"Setting {setting} does not hold an RSA public key in PEM or ssh-rsa form"
        )
    return text.strip()


def _load_public(text: str) -> Any:
    data = text.strip().encode()
    load = (
        serialization.load_ssh_public_key
        if data.startswith(b"ssh-")
        else serialization.load_pem_public_key
    )
    return load(data)


def checked_private_key(setting: str, text: str) -> str:
    """Return a private key as PEM, from PEM or from OpenSSH's own form.

    :raises ConfigurationError: naming the setting that it came from
    """
    data = text.strip().encode()
    load = (
        serialization.load_ssh_private_key
        if b"OPENSSH" in data
        else serialization.load_pem_private_key
    )
    try:
        key = load(data, password=None)
    except Exception:
        # As above; also an encrypted key, which nobody is there to type in.
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ConfigurationError(
            f"Setting {setting} does not hold an RSA private key without a passphrase"
        )
    return _pem(key)


def public_key_of(private_pem: str) -> str:
    """Return the public half, as PEM, of a private key."""
    key = serialization.load_pem_private_key(
        private_pem.encode(),
        password=None,
        # Takes a tenth of the start, to check numbers that are not asked for here; who
        # signs checks them.
        unsafe_skip_rsa_key_validation=True,
    )
    return (
        key.public_key()
        .public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        .decode()
    )


def same_public_key(one: str, other: str) -> bool:
    """Return whether two texts, each PEM or an ssh-rsa line, hold the same key."""
    return _load_public(one).public_numbers() == _load_public(other).public_numbers()


def _new_private_key() -> str:
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS))


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _kept(path: Path, make: Callable[[], str], mode: int = 0o600) -> str:
    """Return the content of a file, made first where it is missing.

    :raises ConfigurationError: if it can neither be read nor made
    """
    try:
        if not path.exists():
            make_home(path.parent)
            _write_whole(path, make(), mode)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"Cannot read or write {path} ({error.strerror}): set"
            " DTOOL_LOOKUP_SERVER_HOME to a folder that can be written, or configure"
            " SECRET_KEY and the JWT keys"
        ) from None


def replace(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file in the place of the one that is there, whole or not at all.

    :raises OSError: if it cannot be written
    """
    with _draft(path, text, mode) as draft:
        os.replace(draft, path)


def _write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file that appears whole; the first of several writers wins."""
    with _draft(path, text, mode) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, path)


@contextlib.contextmanager
def _draft(path: Path, text: str, mode: int) -> Iterator[str]:
    """Give a file beside another, with what is to be in that one."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(draft, mode)
        yield draft
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
