"""The scans of CI find what is planted, and never say more than they know."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

#: Put together here, so that this file has none.
PLANTED = {
    "private_key.py": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEow\n",
    "token.py": "token = '" + "ghp_" + "aB3" * 12 + "'\n",
    "cloud_key.py": "key = '" + "AKIA" + "QWERTYUIOPASDFGH" + "'\n",
    "password.py": "pass" + "word = 'Tr0ub4dor-and-3'\n",
}
CLEAN = {"clean.py": "name = 'apples'\n"}


def scan(folder, files):
    """Scan files, given as text by name."""
    for name, text in files.items():
        (folder / name).write_text(text)
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [REPOSITORY / ".ci" / "scan_secrets", *(folder / name for name in files)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": programs},
    )


def test_secrets_that_are_planted_are_found(tmp_path):
    done = scan(tmp_path, PLANTED | CLEAN)
    assert done.returncode == 1
    found = set(re.findall(rf"{tmp_path}/(\w+\.py)", done.stdout + done.stderr))
    assert found == set(PLANTED)


def test_where_there_is_no_secret_none_is_found(tmp_path):
    assert scan(tmp_path, CLEAN).returncode == 0


@pytest.fixture(scope="module")
def auditing():
    """The module that asks pip-audit."""
    path = REPOSITORY / ".ci" / "audit_dependencies.py"
    spec = importlib.util.spec_from_file_location("audit_dependencies", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


WEAK = {
    "name": "flask",
    "version": "0.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["0.2"]}],
}
SOUND = {"name": "click", "version": "8.1", "vulns": []}
UNKNOWN = {"name": "mine", "skip_reason": "Dependency not found"}


@pytest.mark.parametrize(
    ("found", "words", "status", "strictly"),
    [
        ([SOUND], "No weakness is known of 1 packages", 0, 0),
        ([SOUND, WEAK], "flask 0.1: PYSEC-1, mended in 0.2", 1, 1),
        ([SOUND, UNKNOWN], "NOT AUDITED, since unknown there: mine", 0, 1),
        ([UNKNOWN], "NOT AUDITED: no service", 0, 1),
        (None, "NOT AUDITED: no service", 0, 1),
    ],
)
def test_what_was_not_audited_is_not_said_to_be(
    auditing, found, words, status, strictly
):
    report = "" if found is None else json.dumps({"dependencies": found, "fixes": []})
    message, lenient = auditing.judged(report, "ConnectionError: away", strict=False)
    assert words in message
    assert lenient == status
    assert auditing.judged(report, "", strict=True)[1] == strictly


def test_what_is_audited_is_what_users_install(auditing):
    names = {
        line.partition("==")[0]
        for line in auditing.installed_with(auditing.PACKAGE, {"all"})
    }
    assert {"flask", "sqlalchemy", "werkzeug", "gunicorn", "pymongo"} <= names
    assert not {"pytest", "ruff", auditing.PACKAGE} & names
