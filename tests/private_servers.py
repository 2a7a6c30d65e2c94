"""Database servers of a test's own, to be killed and started again."""

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from dtool_lookup_server.engines import with_driver
from tests.databases import connected


class PrivateServer:
    """A server in a folder of its own, on a free port of this machine.

    Neither server runs as root; where root runs the tests, nobody runs the servers.
    """

    #: The URL, with the port to be filled in.
    url = ""

    def __init__(self, folder):
        self.folder = folder
        self.user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = sock.getsockname()[1]
        shutil.chown(folder, self.user)
        self._run(self.prepare())

    def prepare(self):
        """Return the command that makes an empty server."""

    def command(self):
        """Return the command that is the server."""

    def start(self):
        """Start the server, and wait until it answers."""
        self._process = subprocess.Popen(self.command(), **self._as_user())
        deadline = time.monotonic() + 60
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def kill(self):
        """End the server at once, as a power cut would."""
        self._process.send_signal(self.at_once)
        self._process.wait(timeout=60)

    def start_again(self):
        """Start the server, if it has ended by itself."""
        if self._process.poll() is not None:
            self.start()

    def freeze(self):
        """Let it keep its connections and say nothing, as a hanging disk does."""
        self._frozen = freeze(self._process.pid)

    def thaw(self):
        """Let it go on."""
        thaw(self._frozen)

    def _answers(self):
        try:
            with connected(with_driver(self.url.format(port=self.port))):
                return True
        except sa.exc.OperationalError:
            return False

    def _run(self, command):
        subprocess.run(command, check=True, **self._as_user())

    def _as_user(self):
        silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        if os.geteuid() == 0:
            group = pwd.getpwnam(self.user).pw_gid
            silent |= {"user": self.user, "group": group, "extra_groups": []}
        return {**silent, "cwd": self.folder}


def freeze(process_id):
    """Stop a process and its children, and return the ids of all of them."""
    # Itself first: then it has no more of them.
    os.kill(process_id, signal.SIGSTOP)
    tasks = Path(f"/proc/{process_id}/task")
    children = {
        int(child)
        for task in tasks.iterdir()
        for child in (task / "children").read_text().split()
    }
    return [process_id, *(each for child in children for each in freeze(child))]


def thaw(process_ids):
    """Let frozen processes go on."""
    for process_id in reversed(process_ids):
        os.kill(process_id, signal.SIGCONT)


def program(name):
    """Return the path of a server's program; skip where it is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    path = os.pathsep.join(["/usr/sbin", *map(str, folders), os.environ["PATH"]])
    found = shutil.which(name, path=path)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


class PrivatePostgreSQL(PrivateServer):
    """PostgreSQL, whose sessions end with it even when it is killed."""

    url = "postgresql://lookup@127.0.0.1:{port}/postgres"
    at_once = signal.SIGQUIT

    def prepare(self):
        initdb = program("initdb")
        return [initdb, "-D", f"{self.folder}/data", "-U", "lookup", "-A", "trust"]

    def command(self):
        return [
            *(program("postgres"), "-D", f"{self.folder}/data"),
            *("-p", str(self.port), "-k", str(self.folder), "-h", "127.0.0.1"),
        ]


class PrivateStandby(PrivatePostgreSQL):
    """A replica, which follows another private PostgreSQL."""

    def __init__(self, folder, primary):
        self._primary = primary
        super().__init__(folder)

    def prepare(self):
        return [
            *(program("pg_basebackup"), "-D", f"{self.folder}/data", "-R"),
            *("-d", f"postgresql://lookup@127.0.0.1:{self._primary.port}"),
            *("--checkpoint=fast", "--wal-method=stream"),
        ]


class PgBouncer(PrivateServer):
    """A pooler before a private PostgreSQL: a connection for each transaction."""

    url = PrivatePostgreSQL.url
    at_once = signal.SIGTERM

    def __init__(self, folder, primary):
        self._primary = primary
        super().__init__(folder)

    def prepare(self):
        (self.folder / "users").write_text('"lookup" ""\n')
        (self.folder / "pgbouncer.ini").write_text(
            "[databases]\n"
            f"postgres = host=127.0.0.1 port={self._primary.port}\n"
            "[pgbouncer]\n"
            "listen_addr = 127.0.0.1\n"
            f"listen_port = {self.port}\n"
            "unix_socket_dir =\n"
            "auth_type = trust\n"
            f"auth_file = {self.folder}/users\n"
            "pool_mode = transaction\n"
            "default_pool_size = 3\n"
        )
        return [program("pgbouncer"), "--version"]

    def command(self):
        return [program("pgbouncer"), str(self.folder / "pgbouncer.ini")]


class PrivateMariaDB(PrivateServer):
    """MariaDB."""

    #: Further arguments of its command line.
    options: tuple[str, ...] = ()
    url = "mariadb://root@127.0.0.1:{port}/test"
    at_once = signal.SIGKILL

    def prepare(self):
        return [
            *(program("mariadb-install-db"), "--no-defaults"),
            *(f"--datadir={self.folder}/data", f"--user={self.user}"),
            *("--auth-root-authentication-method=normal", *self.options),
        ]

    def command(self):
        return [
            *(program("mariadbd"), "--no-defaults", f"--datadir={self.folder}/data"),
            *(f"--port={self.port}", f"--socket={self.folder}/socket"),
            *("--bind-address=127.0.0.1", *self.options),
        ]


@contextmanager
def running(kind, place=None):
    """Give a private server that runs, and remove it in the end.

    :param place: the folder for its folder; None for that of temporary files
    """
    folder = Path(tempfile.mkdtemp(prefix="lookup-", dir=place))
    try:
        server = kind(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
