"""The servers that are measured, each behind two workers of gunicorn."""

import contextlib
import http.client
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.mongod import Mongod, free_port

from . import corpus
from .corpus import Corpus
from .load import WrongAnswerError

WORKERS = 2

#: Lines of one request of a bulk registration.
_LINES = 2_000
_SECONDS_TO_START = 60
#: What is in a folder whose server holds the corpus already.
_SEEDED = "seeded.json"
_ROOT = Path(__file__).parent.parent


class Server:
    """A server in processes of its own, with its data in a folder.

    :param python: of the environment that it is installed in
    :param application: as gunicorn takes it
    :param environment: of its processes, beside this one's
    """

    name = "bare"
    #: Of each worker.
    threads = 1
    #: Where its processes are started: what is here can be imported.
    started_in = _ROOT

    def __init__(
        self,
        python: str = sys.executable,
        application: str = "benchmarks.bare:app",
        environment: Mapping[str, str] | None = None,
    ):
        self.port = free_port()
        self.tokens: dict[str, str] = {}
        self.environment = {**os.environ, **(environment or {})}
        self._python = python
        self._application = application

    @contextlib.contextmanager
    def running(self, workers: int = WORKERS, loaded: bool = False) -> Iterator[int]:
        """Run it, and give the id of its first process.

        :param loaded: load the application before it listens, as in deploy/
        """
        command = [
            *(self._python, "-m", "gunicorn", f"--workers={workers}"),
            *(f"--bind=127.0.0.1:{self.port}", "--log-level=error", "--timeout=600"),
            f"--threads={self.threads}",
            *(["--preload"] if loaded else []),
            self._application,
        ]
        process = subprocess.Popen(command, env=self.environment, cwd=self.started_in)
        try:
            wait_for_port(self.name, process, self.port)
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def wait_for_port(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    """Return when a process listens.

    :raises RuntimeError: if it does not
    """
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"{name} does not start")


class LookupServer(Server):
    """A lookup server that holds a corpus.

    :param name: what it is called in the results
    :param known: what it is to hold
    :param folder: where it keeps its data, or held the same corpus before
    """

    def __init__(
        self,
        name: str,
        known: Corpus,
        folder: Path,
        python: str,
        environment: Mapping[str, str],
    ):
        super().__init__(python, "dtool_lookup_server:create_app()", environment)
        self.name = name
        self.known = known
        self._marker = folder / _SEEDED
        #: Datasets registered in a second, while it was filled.
        self.seeding_rate: float | None = None

    def prepare(self) -> None:
        """Make its tables and its first admin, unless it holds the corpus."""
        if not self._marker.exists():
            self._make_tables()
            self._command("user", "add", "-a", "admin")

    def seed(self) -> None:
        """Register people and corpus through the API, unless they are there."""
        if self._marker.exists():
            self.tokens = json.loads(self._marker.read_text())
            return
        self.tokens["admin"] = self._token("admin")
        self._add_people()
        for user in (corpus.READER, corpus.WRITER):
            self.tokens[user] = self._token(user)
        # Made before: what is measured is the server.
        with tempfile.TemporaryFile(dir=self._marker.parent) as lines:
            lines.writelines(self._line(info) for info in self.known)
            lines.seek(0)
            start = time.perf_counter()
            self._register_all(lines)
            self.seeding_rate = self.known.size / (time.perf_counter() - start)
        self._marker.write_text(json.dumps(self.tokens))

    def _make_tables(self) -> None:
        self._command("db", "upgrade")

    def _command(self, *arguments: str) -> str:
        command = [self._python, "-m", "flask", *arguments]
        environment = self.environment | {"FLASK_APP": "dtool_lookup_server"}
        done = subprocess.run(
            command,
            env=environment,
            cwd=self.started_in,
            check=True,
            capture_output=True,
        )
        return done.stdout.decode().strip()

    def _token(self, user: str) -> str:
        return self._command("user", "token", "--last-forever", user)

    def _add_people(self) -> None:
        users = [{"username": corpus.READER}, {"username": corpus.WRITER}]
        self.call("POST", "/admin/user/register", users)
        for base_uri in (*corpus.BASE_URIS, corpus.INCOMING):
            self.call("POST", "/admin/base_uri/register", {"base_uri": base_uri})
            shown = base_uri not in (corpus.HIDDEN, corpus.INCOMING)
            permissions = {
                "base_uri": base_uri,
                "users_with_search_permissions": [corpus.READER] if shown else [],
                "users_with_register_permissions": [corpus.WRITER],
            }
            self.call("POST", "/admin/permission/update_on_base_uri", permissions)

    def _line(self, info: dict[str, Any]) -> bytes:
        return json.dumps(info).encode() + b"\n"

    def _register_all(self, lines: IO[bytes]) -> None:
        """Register datasets in bulk, from as many clients as there are workers."""
        lock = threading.Lock()

        def register_some() -> None:
            while some := take():
                answer = self.call("PUT", "/uris", b"".join(some), corpus.WRITER)
                statuses = [json.loads(line)["status"] for line in answer.splitlines()]
                if statuses != [201] * len(some):
                    raise WrongAnswerError(f"Not all registered: {set(statuses)}")

        def take() -> list[bytes]:
            with lock:
                return [*itertools.islice(lines, _LINES)]

        with ThreadPoolExecutor(WORKERS) as pool:
            clients = [pool.submit(register_some) for _client in range(WORKERS)]
        for client in clients:
            client.result()

    def call(self, method: str, path: str, body: Any, user: str = "admin") -> bytes:
        """Return what is answered to a request.

        :param body: bytes of lines of JSON, or what is sent as JSON
        :raises WrongAnswerError: if it is an error
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        headers = {
            "Authorization": f"Bearer {self.tokens[user]}",
            "Content-Type": kind,
        }
        data = body if isinstance(body, bytes) else json.dumps(body)
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 201):
            raise WrongAnswerError(f"{path}: {answer.status} {content[:500]!r}")
        return content


# For 0.18.0, which registers four datasets a second when it has a hundred thousand:
# what it would put into its stores one by one, in batches. The infos are lines of JSON.
_FILL_PEER = """
import itertools, json, sys, uuid
from dtool_lookup_server import create_app, date_utils, sql_db
from dtool_lookup_server.sql_models import BaseURI, Dataset

def document(info):
    return {
        **info,
        "uuid": uuid.UUID(info["uuid"]),
        "created_at": date_utils.extract_created_at_as_datetime(info),
        "frozen_at": date_utils.extract_frozen_at_as_datetime(info),
    }

app = create_app()
with app.app_context():
    ids = {place.base_uri: place.id for place in BaseURI.query}
    columns = Dataset.__table__.c.keys()
    infos = map(json.loads, sys.stdin)
    while batch := [document(info) for info in itertools.islice(infos, 2000)]:
        for plugin in (app.search, app.retrieve):
            plugin.collection.insert_many([dict(info) for info in batch])
        rows = [
            {**info, "uuid": str(info["uuid"]), "base_uri_id": ids[info["base_uri"]]}
            for info in batch
        ]
        kept = [{k: row[k] for k in columns if k in row} for row in rows]
        sql_db.session.execute(sql_db.insert(Dataset), kept)
        sql_db.session.commit()
"""


class Peer(LookupServer):
    """The real 0.18.0, which has no bulk registration and needs a MongoDB."""

    # Anywhere but where this server would be imported in its place.
    started_in = Path("/")

    def _make_tables(self) -> None:
        # Its migrations are not installed with it.
        script = (
            "from dtool_lookup_server import create_app, sql_db\n"
            "with create_app().app_context(): sql_db.create_all()"
        )
        subprocess.run(
            [self._python, "-c", script],
            env=self.environment,
            cwd=self.started_in,
            check=True,
        )

    def _line(self, info: dict[str, Any]) -> bytes:
        return super()._line(corpus.spelled(info))

    def _register_all(self, lines: IO[bytes]) -> None:
        command = [self._python, "-c", _FILL_PEER]
        subprocess.run(
            command, env=self.environment, cwd=self.started_in, stdin=lines, check=True
        )


def ours(known: Corpus, folder: Path, settings: Mapping[str, str]) -> LookupServer:
    """Return this server, with a corpus.

    :param settings: of its own; {datasets} in a value stands for the corpus' size
    """
    home = folder / f"ours-{known.size}"
    home.mkdir(parents=True, exist_ok=True)
    filled = {k: v.format(datasets=known.size) for k, v in settings.items()}
    environment = {"DTOOL_LOOKUP_SERVER_HOME": str(home), **filled}
    return LookupServer("ours", known, home, sys.executable, environment)


@contextlib.contextmanager
def peer(known: Corpus, folder: Path, python: str) -> Iterator[Peer]:
    """Give the real 0.18.0, with a corpus, and run the MongoDB that it needs.

    :param python: of the environment that it is installed in
    """
    home = folder / f"peer-{known.size}"
    home.mkdir(parents=True, exist_ok=True)
    _make_keys(home)
    mongod = Mongod(home / "mongo")
    mongod.start()
    environment = {
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{home}/lookup.db",
        "JWT_PRIVATE_KEY_FILE": str(home / "key"),
        "JWT_PUBLIC_KEY_FILE": str(home / "key.pub"),
        **{
            f"{kind}_MONGO_{name}": value
            for kind in ("SEARCH", "RETRIEVE")
            for name, value in (
                ("URI", mongod.uri),
                ("DB", "peer"),
                ("COLLECTION", kind.lower()),
            )
        },
    }
    try:
        yield Peer("0.18.0", known, home, python, environment)
    finally:
        mongod.stop()


def _make_keys(folder: Path) -> None:
    private = folder / "key"
    if private.exists():
        return
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "key.pub").write_bytes(public)


def largest_worker(pid: int) -> int | None:
    """Return the most memory that a worker has had, in bytes; None where unknown.

    :param pid: of the first process of a server
    """
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        statuses = [Path(f"/proc/{child}/status").read_text() for child in children]
    except OSError:
        return None
    peaks = [re.search(r"VmHWM:\s+(\d+) kB", status) for status in statuses]
    return max((int(peak[1]) * 1024 for peak in peaks if peak), default=None)
