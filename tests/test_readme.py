"""What the README and the tutorial print works as it is printed."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.rst").read_text(encoding="utf-8")
TUTORIAL = (ROOT / "docs" / "tutorial.rst").read_text(encoding="utf-8")

# On a developer's machine curl may be missing; where changes are checked it may not.
needs_curl = pytest.mark.skipif(
    shutil.which("curl") is None and "CI" not in os.environ,
    reason="curl, which the README's commands need, is not installed",
)

PROLOGUE = """
set -euo pipefail
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
curl() { command curl --fail --silent --show-error "$@"; echo; }
wait_for_server() {
  command curl --silent --output output.html --retry 60 --retry-delay 1 \\
    --retry-connrefused http://localhost:5000/
}
"""

DEMO = """
dtool-lookup-server demo >demo.txt &
wait_for_server
eval "$(grep ^export demo.txt)"
"""


def code_blocks(text: str, language: str) -> list[str]:
    """Return the contents of the code blocks in a language."""
    pattern = rf"^\.\. code-block:: {language}\n\n((?:[ ]+.*\n|\n)+)"
    return [dedent(block) for block in re.findall(pattern, text, re.MULTILINE)]


def literal_lines(text: str) -> list[str]:
    """Return the one-line commands of the README that begin an environment."""
    return [line.strip() for line in text.splitlines() if " -m venv .venv && " in line]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run_commands(script: str, folder: Path) -> str:
    """Run shell commands as a reader would, on a port that is free.

    :returns: what they print
    """
    port = free_port()
    script = (PROLOGUE + script).replace("localhost:5000", f"localhost:{port}")
    serve = re.compile(r"^(dtool-lookup-server (?:demo|run)\b)", re.MULTILINE)
    script = serve.sub(rf"\1 --port {port}", script)
    ours = ("DTOOL_LOOKUP_SERVER_", "FLASK_", "JWT_", "SQLALCHEMY_")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    environ["DTOOL_LOOKUP_SERVER_HOME"] = str(folder / "home")
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """What the README's tour prints, on the README's demo."""
    tour = "\n".join(code_blocks(README, "bash"))
    return run_commands(DEMO + tour, tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def tutorial(tmp_path_factory):
    """What the tutorial prints; its second terminal is a job in the background."""
    text = re.sub(
        r"code-block:: console\n\n( +)\$ (dtool-lookup-server run)\n",
        r"code-block:: bash\n\n\1\2 &\n\1wait_for_server\n",
        TUTORIAL,
    )
    commands = "\n".join(code_blocks(text, "bash"))
    return run_commands(commands, tmp_path_factory.mktemp("tutorial"))


@needs_curl
@pytest.mark.parametrize(
    "part",
    [
        '"number_of_datasets":4',
        'X-Pagination: {"total": 4, "total_pages": 2',
        "apple-scab-images",
        "sea-temperature-2024",
        "U00096.3 genome with Bowtie2 indices",
        "Escherichia coli",
        "U00096.3.rev.1.bt2",
        "pear-orchard-survey",
        '"username":"demo"',
    ],
)
def test_tour_shows_what_it_promises(tour, part):
    assert part.replace(" ", "") in tour.replace(" ", "")


@needs_curl
def test_answer_in_readme_is_part_of_the_real_one(tour):
    (shown,) = json.loads("".join(code_blocks(README, "json")))
    answers = [json.loads(line) for line in tour.splitlines() if line.startswith("[")]

    first = next(rows[0] for rows in answers if rows[0]["name"] == shown["name"])

    assert shown.pop("uri").rpartition("/")[2] == first["uri"].rpartition("/")[2]
    assert shown.items() <= {**first, "tags": sorted(first["tags"])}.items()


@needs_curl
def test_tutorial_works(tutorial):
    assert "2 registered, 0 unchanged, 0 failed" in tutorial
    assert "1 registered, 1 unchanged, 0 failed" in tutorial
    assert "1 forgotten" in tutorial
    assert "wheat-field-notes" in tutorial


def test_ci_runs_the_test_command_of_the_readme():
    _demo, tests = literal_lines(README)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert tests in map(str.strip, ci.splitlines())
    assert literal_lines(README)[1:] == literal_lines(
        (ROOT / "docs" / "contributing.rst").read_text(encoding="utf-8")
    )
