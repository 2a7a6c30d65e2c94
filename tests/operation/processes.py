"""Programs that tests of the operation run: found, started, waited for, ended."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
DEPLOY = REPOSITORY / "deploy"
GUNICORN = DEPLOY / "gunicorn.conf.py"


def program(name):
    """Return the path of a program; skip where it is not installed, fail under CI."""
    beside_python = str(Path(sys.executable).parent)
    path = os.pathsep.join([beside_python, "/usr/sbin", os.environ["PATH"]])
    found = shutil.which(name, path=path)
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed")
    pytest.skip(f"{name} is not installed")


def free_port():
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def get(url, headers=None, context=None, data=None, method=None):
    """Return status, headers and text of what a URL answers."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _StayHere
    )
    try:
        with opener.open(request, timeout=60) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments):
        return None


def wait_for(url, process, **how):
    """Wait until something answers at a URL."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "it has ended"
        try:
            return get(url, **how)
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(url)


@contextmanager
def running(command, **how):
    """Give a process, and end it."""
    process = subprocess.Popen(command, **how)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


@contextmanager
def gunicorn(folder, **environment):
    """Give the URL of a server that runs with deploy/gunicorn.conf.py.

    :param folder: the folder that it runs in
    """
    with starting_gunicorn(folder, GUNICORN, **environment) as (process, url):
        wait_for(f"{url}/config/versions", process)
        yield url


@contextmanager
def starting_gunicorn(folder, configuration, **environment):
    """Give the process of a server, and the URL where it will be.

    :param folder: the folder that it runs in
    :param configuration: the file for gunicorn
    """
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", configuration]
    settings = {"BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "2", **environment}
    with (
        open(folder / "gunicorn.log", "w") as log,
        running(
            command, cwd=folder, env={**os.environ, **settings}, stderr=log
        ) as process,
    ):
        yield process, f"http://127.0.0.1:{port}"
