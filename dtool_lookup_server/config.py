"""Settings as data: one table, read from the environment when the app is made.

The documentation, the redaction of secrets and the checks are all made from
SETTINGS. Plugins bring settings of their own through get_config.
"""

import copy
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigurationError

MEBIBYTE = 1024 * 1024

#: What is shown in place of a secret.
MASK = "***"

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}

# Settings that are not in the table (a plugin's, a test's) and sound like a secret.
_SOUNDS_SECRET = re.compile(
    r"PASSWORD|PASSWD|SECRET|PRIVATE|CREDENTIAL|API_KEY|ACCESS_KEY"
)

_URL_PASSWORD = re.compile(r"(?<=://)([^/?#\s@]*):([^/?#\s]*)@")


def _boolean(text: str) -> bool:
    folded = text.strip().lower()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise ValueError("is neither true nor false")


def _natural(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("is not a whole number above zero")
    return number


def _json_object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return value


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_PARSERS: dict[str, Callable[[str], Any]] = {
    "text": str,
    "path": lambda text: str(Path(text).expanduser()),
    "boolean": _boolean,
    "number": _natural,
    "list": _list,
    "JSON object": _json_object,
}


@dataclass(frozen=True)
class Setting:
    """One row of the table of settings.

    :param name: name of the environment variable and key in app.config
    :param type: how its text is read: a key of _PARSERS
    :param default: value where it is not set; None where it is worked out, as help says
    :param help: what it does, for the documentation
    :param secret: never shown, in no dump, log or error
    :param choices: the only values allowed; empty where any is
    """

    name: str
    type: str
    default: Any
    help: str
    secret: bool = False
    choices: tuple[str, ...] = ()

    def read(self, environ: Mapping[str, str]) -> Any:
        """Return the value from environment variables, or the default.

        A secret may also be in the file that NAME_FILE names, as containers and
        systemd hand secrets over.

        :param environ: environment variables; an empty one counts as not set
        :raises ConfigurationError: naming the setting, as parse() does
        """
        text = environ.get(self.name, "")
        file = environ.get(f"{self.name}_FILE", "")
        if not text and self.secret and file:
            text = self._read_file(file)
        return self.parse(text) if text else copy.deepcopy(self.default)

    def _read_file(self, path: str) -> str:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"Setting {self.name}_FILE: cannot read {path}: {type(error).__name__}"
            ) from None

    def parse(self, text: str) -> Any:
        """Return the value that a text from the environment stands for.

        :raises ConfigurationError: naming the setting and, unless secret, its value
        """
        try:
            value = _PARSERS[self.type](text)
        except ValueError as error:
            shown = MASK if self.secret else repr(text)
            raise ConfigurationError(
                f"Setting {self.name} must be a {self.type}, not {shown}: {error}"
            ) from None
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Return if a value is one of the choices, where there are choices."""
        if self.choices and value not in self.choices:
            raise ConfigurationError(
                f"Setting {self.name} must be one of {', '.join(self.choices)}"
            )


_API_SPEC_OPTIONS: dict[str, Any] = {
    "x-internal-id": "2",
    "security": [{"bearerAuth": []}],
    "components": {
        "securitySchemes": {
            "bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        }
    },
}

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DTOOL_LOOKUP_SERVER_HOME",
        "path",
        None,
        "Folder for what is not configured elsewhere: the SQLite database and the key"
        " pair. Default: the platform's data folder of the user that runs the server.",
    ),
    Setting(
        "SECRET_KEY",
        "text",
        None,
        "Signs what Flask and its extensions sign. Default: made once, at random, and"
        " kept in the home folder.",
        secret=True,
    ),
    Setting(
        "SQLALCHEMY_DATABASE_URI",
        "text",
        None,
        "URL of the SQL database, such as postgresql://USER:PASSWORD@HOST/DATABASE or"
        " mariadb://USER:PASSWORD@HOST/DATABASE. Default: a SQLite database in the home"
        " folder.",
        secret=True,
    ),
    Setting(
        "JWT_PUBLIC_KEY",
        "text",
        None,
        "Public key that tokens are verified with, as PEM or as an ssh-rsa line. Wins"
        " over JWT_PUBLIC_KEY_FILE.",
    ),
    Setting(
        "JWT_PUBLIC_KEY_FILE",
        "path",
        None,
        "File with the public key. Default: the key pair in the home folder, made at"
        " the first start.",
    ),
    Setting(
        "JWT_PUBLIC_KEYS_FOLDER",
        "path",
        None,
        "Folder with further public keys, each in a file KID.pem or KID.pub. A token"
        " whose header has that kid, or the key's thumbprint, is verified with it.",
    ),
    Setting(
        "JWT_JWKS_URL",
        "text",
        None,
        "Where an identity provider publishes its public keys, as a JWK Set. Needs"
        " JWT_ISSUER and JWT_AUDIENCE.",
    ),
    Setting(
        "JWT_ISSUER",
        "text",
        None,
        "What the claim iss of every token must be. Tokens that are issued here carry"
        " it.",
    ),
    Setting(
        "JWT_AUDIENCE",
        "text",
        None,
        "What the claim aud of every token must be or have. Tokens that are issued here"
        " carry it.",
    ),
    Setting(
        "JWT_USERNAME_CLAIM",
        "text",
        "sub",
        "Claim of a token that is the user name, such as preferred_username.",
    ),
    Setting(
        "JWT_DECODE_ALGORITHMS",
        "list",
        ["RS256"],
        "Algorithms that tokens may be signed with, separated by commas: RS256 and"
        " others with a public key. RS256 is always one of them.",
    ),
    Setting(
        "JWT_PRIVATE_KEY_FILE",
        "path",
        None,
        "File with the private key that `user token` signs with. Not needed where"
        " another service issues the tokens.",
    ),
    Setting(
        "SEARCH_PLUGIN",
        "text",
        None,
        "Name of the search plugin. Default: the one third-party plugin that is"
        " installed, else sql.",
    ),
    Setting(
        "RETRIEVE_PLUGIN",
        "text",
        None,
        "Name of the retrieve plugin. Default: the one third-party plugin that is"
        " installed, else sql.",
    ),
    Setting(
        "MAX_CONTENT_LENGTH",
        "number",
        256 * MEBIBYTE,
        "Largest body of a request, in bytes; a larger one is refused with 413.",
    ),
    Setting(
        "TOKEN_PASSWORD_FILE",
        "path",
        None,
        "File with user names and hashes of their passwords, NAME:HASH on each line, as"
        " `user set-password` writes it. With it `POST /token` issues tokens.",
    ),
    Setting(
        "TOKEN_LDAP_URL",
        "text",
        None,
        "LDAP server that knows passwords, such as ldaps://ldap.example.org. With it"
        " `POST /token` issues tokens. Needs the extra ldap.",
    ),
    Setting(
        "TOKEN_LDAP_DN",
        "text",
        "uid={username},ou=people,dc=example,dc=org",
        "Distinguished name of a user in LDAP; {username} stands for the user name.",
    ),
    Setting(
        "TOKEN_LDAP_STARTTLS",
        "boolean",
        False,
        "Encrypt what goes to an ldap:// server. Not needed with ldaps://.",
    ),
    Setting(
        "TOKEN_LDAP_CA_FILE",
        "path",
        None,
        "File with the certificates, as PEM, of those whom an LDAP server's certificate"
        " must come from. Default: those whom the platform trusts.",
    ),
    Setting(
        "TOKEN_ATTEMPTS_PER_MINUTE",
        "number",
        5,
        "How often somebody may try a password from one address, in one minute; ten"
        " times as often for all users of an address, or all addresses of a user.",
    ),
    Setting(
        "MAX_JSON_DEPTH",
        "number",
        100,
        "How deep the JSON of a request may be nested; what is deeper is refused with"
        " 422.",
    ),
    Setting(
        "MAX_QUERY_VALUES",
        "number",
        1000,
        "Most values in each list of a query, such as its tags; more are refused with"
        " 422. Each is a parameter of the SQL statement, of which databases take some"
        " 30,000.",
    ),
    Setting(
        "MAX_PAGE_SIZE",
        "number",
        100,
        "Most items to a page of a list; a larger page_size is refused with 422.",
    ),
    Setting(
        "REQUEST_TIMEOUT",
        "number",
        90,
        "Longest time that the databases may take for one request, in seconds; then the"
        " answer is 503, and nothing has changed. What is sent bit by bit, as exports"
        " are, has no limit. Less than the timeout of the server around, gunicorn's.",
    ),
    Setting(
        "REQUESTS_PER_SECOND",
        "number",
        None,
        "Most requests that a user may send in a second, or an address without a token;"
        " more are refused with 429. Default: any number. Needs the extra limits.",
    ),
    Setting(
        "RATE_LIMIT_STORAGE",
        "text",
        "memory://",
        "Where requests are counted: memory://, where each worker process counts for"
        " itself, or redis://HOST:6379, for all together.",
        secret=True,
    ),
    Setting(
        "MAX_BULK_LENGTH",
        "number",
        16 * 1024 * MEBIBYTE,
        "Largest body of a bulk registration, in bytes. What has come and is not"
        " registered yet waits on disk, in the folder for temporary files. A single"
        " line may have MAX_CONTENT_LENGTH.",
    ),
    Setting(
        "EDITS",
        "text",
        "storage",
        "Where an edit of a README, of tags or of annotations goes: into the dataset's"
        " storage and then the index, into the index alone (until the dataset is"
        " indexed anew), or nowhere.",
        choices=("storage", "index", "off"),
    ),
    Setting(
        "CORS_ORIGINS",
        "list",
        ["*"],
        "Web sites whose pages may use the API in a browser, such as"
        " https://webapp.example.org, separated by commas. Where it is set the pages"
        " may send cookies and the like with their requests.",
    ),
    Setting(
        "DISABLE_JWT_AUTHORISATION",
        "boolean",
        False,
        "Ask nobody for a token, and let everybody act as DEFAULT_USER. For trying"
        " things out on one machine.",
    ),
    Setting(
        "DEFAULT_USER",
        "text",
        "testuser",
        "Who everybody is with DISABLE_JWT_AUTHORISATION; registered as any user is.",
    ),
    Setting(
        "DISABLE_JWT_AUTHORISATION_FOR_ALL_HOSTS",
        "boolean",
        False,
        "With DISABLE_JWT_AUTHORISATION, serve other machines too. Whoever reaches the"
        " server may then do all that DEFAULT_USER may.",
    ),
    Setting(
        "SQL_TIMEOUT",
        "number",
        30,
        "Longest wait for another worker's writing to end, in seconds; then the answer"
        " is 503.",
    ),
    Setting(
        "SQL_STATEMENT_TIMEOUT",
        "number",
        60,
        "Longest time that PostgreSQL or MariaDB may take for one statement, in"
        " seconds; then the answer is 503. One that hangs, and does not even say so,"
        " is given up SQL_CONNECT_TIMEOUT later. Migrations have no limit.",
    ),
    Setting(
        "SQL_CONNECT_TIMEOUT",
        "number",
        10,
        "Longest time to connect to PostgreSQL or MariaDB, in seconds; then the answer"
        " is 503.",
    ),
    Setting(
        "SQL_POOL_SIZE",
        "number",
        5,
        "Connections to PostgreSQL or MariaDB that each worker process keeps; as many"
        " again are opened under load.",
    ),
    Setting(
        "SQL_POOL_RECYCLE",
        "number",
        1800,
        "Age at which a connection to PostgreSQL or MariaDB is replaced, in seconds."
        " Below the time after which a firewall or the server closes idle ones.",
    ),
    Setting(
        "NOTIFY_SECRET",
        "text",
        None,
        "What a storage must know for its events to be taken, at `POST /notify`."
        " Default: no events are taken.",
        secret=True,
    ),
    Setting(
        "TRUSTED_PROXIES",
        "number",
        None,
        "Number of web servers in front, one behind the other, whose X-Forwarded-For,"
        " -Proto, -Host and -Prefix are believed. Default: none, and these headers"
        " count for nothing. With too large a number clients can forge their address.",
    ),
    Setting(
        "LOG_LEVEL",
        "text",
        "INFO",
        "What is logged: DEBUG also has the words of errors, which may hold what users"
        " sent; INFO has a line for each request; WARNING has what is slow or wrong.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Setting(
        "LOG_FORMAT",
        "text",
        None,
        "A line of the log is json or text. Default: text on a terminal, else json.",
        choices=("json", "text"),
    ),
    Setting(
        "SLOW_QUERY_MILLISECONDS",
        "number",
        1000,
        "Time from which on a statement or a call of a plugin's store is logged as"
        " slow, without its values.",
    ),
    Setting(
        "METRICS_PORT",
        "number",
        None,
        "Port of this machine at which /metrics is answered, for Prometheus; the web"
        " server is to listen there too, as with deploy/gunicorn.conf.py, and nothing"
        " else is answered there. Default: no metrics. Needs the extra metrics.",
    ),
    Setting(
        "TRACES",
        "boolean",
        False,
        "Send traces by OpenTelemetry, to where OTEL_EXPORTER_OTLP_ENDPOINT says. Needs"
        " the extra traces.",
    ),
    Setting("API_TITLE", "text", "dtool-lookup-server API", "Title of the API pages."),
    Setting("API_VERSION", "text", "v1", "Version of the API that its pages show."),
    Setting("OPENAPI_VERSION", "text", "3.0.2", "Version of the OpenAPI format."),
    Setting(
        "OPENAPI_URL_PREFIX",
        "text",
        "/doc",
        "Path below which the OpenAPI document and its pages are.",
    ),
    Setting(
        "OPENAPI_REDOC_PATH",
        "text",
        "/redoc",
        "Path of the ReDoc page, below OPENAPI_URL_PREFIX.",
    ),
    Setting(
        "OPENAPI_REDOC_URL",
        "text",
        "/doc-assets/redoc/redoc.standalone.js",
        "URL of the ReDoc script. Default: the server's own copy.",
    ),
    Setting(
        "OPENAPI_SWAGGER_UI_PATH",
        "text",
        "/swagger",
        "Path of the Swagger page, below OPENAPI_URL_PREFIX.",
    ),
    Setting(
        "OPENAPI_SWAGGER_UI_URL",
        "text",
        "/doc-assets/swagger/",
        "URL of the folder with the Swagger scripts. Default: the server's own copies.",
    ),
    Setting(
        "API_SPEC_OPTIONS",
        "JSON object",
        _API_SPEC_OPTIONS,
        "Further content of the OpenAPI document. Wins over API_SPEC_OPTIONS_FILE.",
    ),
    Setting(
        "API_SPEC_OPTIONS_FILE",
        "path",
        None,
        "File with a JSON object for API_SPEC_OPTIONS.",
    ),
)

#: What 0.18 fixed in its Config class, and what the extensions need to be told.
FIXED: dict[str, Any] = {
    "JWT_ALGORITHM": "RS256",
    "JWT_TOKEN_LOCATION": "headers",
    "JWT_HEADER_NAME": "Authorization",
    "JWT_HEADER_TYPE": "Bearer",
    "CORS_EXPOSE_HEADERS": [
        "X-Pagination",
        "X-Sort",
        "X-Query-Understood",
        "ETag",
        "Link",
        "Location",
    ],
    "SQLALCHEMY_TRACK_MODIFICATIONS": False,
}

#: Settings that no dump shows (the name is 0.18's).
CONFIG_EXCLUSIONS = [
    "JWT_PRIVATE_KEY",
    "JWT_SECRET_KEY",
    *(setting.name for setting in SETTINGS if setting.secret),
]


def read_settings(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return every setting, from the environment or by default.

    :param environ: environment variables; an empty one counts as not set
    :raises ConfigurationError: naming the first setting whose text is not of its type
    """
    settings = copy.deepcopy(FIXED)
    for setting in SETTINGS:
        settings[setting.name] = setting.read(environ)
    if not environ.get("API_SPEC_OPTIONS") and settings["API_SPEC_OPTIONS_FILE"]:
        settings["API_SPEC_OPTIONS"] = _read_options_file(
            settings["API_SPEC_OPTIONS_FILE"]
        )
    return settings


def default_of(name: str) -> Any:
    """Return the default of a setting."""
    return next(setting.default for setting in SETTINGS if setting.name == name)


def with_texts_read(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings given in Python with those read that are text, such as "False".

    :raises ConfigurationError: naming the first whose text is not of its type
    """
    read = dict(settings)
    for setting in SETTINGS:
        value = settings.get(setting.name)
        if isinstance(value, str) and setting.type in ("boolean", "list"):
            read[setting.name] = setting.parse(value)
        elif value is not None:
            setting.check(value)
    return read


def _read_options_file(path: str) -> dict[str, Any]:
    try:
        return _json_object(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"Setting API_SPEC_OPTIONS_FILE: cannot read {path}: {error}"
        ) from None


def default_home(environ: Mapping[str, str]) -> Path:
    """Return the platform's data folder for this server."""
    if os.name == "nt":
        base = Path(environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "dtool-lookup-server"


def redact(value: Any) -> Any:
    """Return a value without the passwords in the URLs that it holds."""
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1:{MASK}@", value) if "://" in value else value
    if isinstance(value, Mapping):
        return {key: redact(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(item) for item in value]
    return value


def is_secret(name: str, exclusions: Iterable[str]) -> bool:
    """Return whether the value of a setting must not be shown.

    :param exclusions: names that are secret beside those of the table
    """
    if name in CONFIG_EXCLUSIONS or name in exclusions:
        return True
    return name not in _NAMES and bool(_SOUNDS_SECRET.search(name))


_NAMES = {setting.name for setting in SETTINGS}


class _LazyConfig(type):
    """Reads the environment whenever an upper-case attribute is asked for."""

    def __getattr__(cls, name: str) -> Any:
        settings = read_settings(os.environ)
        if name in settings:
            return settings[name]
        raise AttributeError(name)

    def __dir__(cls) -> list[str]:
        return [*super().__dir__(), *read_settings({})]


class Config(metaclass=_LazyConfig):
    """The settings as class attributes, for plugins and scripts written for 0.18."""

    CONFIG_SECRETS_TO_OBFUSCATE = CONFIG_EXCLUSIONS
