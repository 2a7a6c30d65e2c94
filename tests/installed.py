"""Packages that a test installs, into a folder of its own."""

import os
import shutil
import subprocess
import sys


def install(sources, target, scratch):
    """Install packages from their sources into a folder.

    :param sources: folders, each with a setup.py, which are left as they are
    :param scratch: a folder for what building leaves behind
    """
    copied = [
        str(shutil.copytree(source, scratch / "source" / source.name))
        for source in sources
    ]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    done = subprocess.run(
        [*command, "--no-build-isolation", "--target", str(target), *copied],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def run(target, *command, **settings):
    """Run a program of this Python's that also sees what is in a folder."""
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        env={**os.environ, "PYTHONPATH": str(target), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
