"""A server as it is deployed, of which anything may be killed."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.operation.processes import DEPLOY, free_port, wait_for

#: Statuses of a store that is away, and of one that is full.
AWAY, FULL = 503, 507


class Server:
    """gunicorn with two workers, in a process group of its own.

    :param config: the settings, as conftest.make_config returns them
    """

    def __init__(self, config, **environment):
        self._log = Path(config["DTOOL_LOOKUP_SERVER_HOME"]) / "gunicorn.log"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {name: str(value) for name, value in config.items()}
        settings |= {"BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "2"}
        self._environment = {**os.environ, **settings, **environment}
        self._process = None

    def start(self, **how):
        """Start it, and return when it answers.

        :param how: further arguments of subprocess.Popen
        """
        command = [sys.executable, "-m", "gunicorn", "-c", DEPLOY / "gunicorn.conf.py"]
        with open(self._log, "a") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                cwd=self._log.parent,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **how,
            )
        wait_for(f"{self.url}/config/versions", self._process)

    def workers(self):
        """Return the ids of the worker processes."""
        process_id = self._process.pid
        tasks = Path(f"/proc/{process_id}/task/{process_id}/children")
        return [int(child) for child in tasks.read_text().split()]

    def kill(self):
        """End all of it at once, as a power cut does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=60)

    def log(self):
        """Return what it has logged."""
        return self._log.read_text(encoding="utf-8")

    def stop(self):
        """End it as an admin does."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=60)


@contextmanager
def running(config, **environment):
    """Give a Server that runs, and end it."""
    server = Server(config, **environment)
    try:
        server.start()
        yield server
    finally:
        server.stop()
