"""A real mongod for the tests, each on a free port of its own."""

import os
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS_TO_START = 60
SECONDS_TO_STOP = 30


def mongod_path():
    """Return the mongod that comes with the test extra, or None."""
    spec = find_spec("fiftyone")
    for folder in spec.submodule_search_locations if spec else ():
        path = Path(folder) / "db" / "bin" / "mongod"
        if path.is_file():
            return path
    return None


def require_mongod():
    """Return the path of mongod; skip the test where there is none, but fail in CI."""
    path = mongod_path()
    if path is None:
        reason = "no mongod for this machine: see MONGOD in setup.py"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def free_port():
    """Return a port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mongod:
    """A mongod process with its data in a folder, which can be stopped and restarted.

    :param options: further arguments of its command line
    """

    def __init__(self, folder, *options):
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/"
        self._folder = Path(folder)
        self._options = options
        self._process = None

    def start(self):
        """Start it, and return when it takes connections."""
        data = self._folder / "db"
        data.mkdir(parents=True, exist_ok=True)
        command = [
            str(require_mongod()),
            *("--dbpath", str(data), "--logpath", str(self._folder / "log")),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port)),
            *("--nounixsocket", "--wiredTigerCacheSizeGB", "1", *self._options),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + SECONDS_TO_START
        while not self._listens():
            assert self._process.poll() is None, (self._folder / "log").read_text()
            assert time.monotonic() < deadline, "mongod does not start"
            time.sleep(0.05)

    def stop(self):
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(SECONDS_TO_STOP)
            self._process = None

    def freeze(self):
        """Let it keep its connections and say nothing, as a hanging disk does."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def _listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
