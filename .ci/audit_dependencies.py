"""Asks pip-audit whether weaknesses are known of what this package needs.

Exits with 1 where there is one. Where the service that knows of them cannot be reached,
or does not know the packages, it says that nothing was audited, and exits with 0: with
--strict, with 1.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

PACKAGE = "dtool-lookup-server"


def main(strict: bool) -> int:
    """Audit the versions that are installed here."""
    pinned = sorted(installed_with(PACKAGE, {"all"}))
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pinned))
        file.flush()
        command = ["-r", file.name, "--no-deps", "--disable-pip"]
        command += ["--format", "json", "--progress-spinner", "off"]
        done = subprocess.run(
            [sys.executable, "-m", "pip_audit", *command],
            capture_output=True,
            text=True,
            check=False,
        )
    message, status = judged(done.stdout, done.stderr, strict)
    print(message)
    return status


def installed_with(name: str, extras: set[str]) -> set[str]:
    """Return name==version of all that a distribution needs, itself left out."""
    found: dict[str, str] = {}
    visited: set[tuple[str, str]] = set()
    waiting = [(name, extra) for extra in {"", *extras}]
    while waiting:
        current = waiting.pop()
        if current in visited:
            continue
        visited.add(current)
        for line in distribution(current[0]).requires or ():
            requirement = Requirement(line)
            marker = requirement.marker
            if marker and not marker.evaluate({"extra": current[1]}):
                continue
            try:
                found[requirement.name.lower()] = distribution(requirement.name).version
            except PackageNotFoundError:
                continue
            waiting += [(requirement.name, e) for e in {"", *requirement.extras}]
    return {f"{name}=={version}" for name, version in found.items()}


def judged(report: str, errors: str, strict: bool) -> tuple[str, int]:
    """Return what pip-audit found, in words, and the exit status.

    :param report: its JSON
    :param errors: what it said on standard error
    """
    try:
        dependencies = json.loads(report)["dependencies"]
    except (KeyError, TypeError, ValueError):
        dependencies = []
    audited = [item for item in dependencies if "skip_reason" not in item]
    skipped = [item["name"] for item in dependencies if "skip_reason" in item]
    weak = [
        f"  {item['name']} {item['version']}: {weakness['id']},"
        f" mended in {', '.join(weakness['fix_versions']) or 'no version'}"
        for item in audited
        for weakness in item["vulns"]
    ]
    if weak:
        return "\n".join(["Weaknesses are known of:", *weak]), 1
    if not audited:
        reason = "it knows none of the packages"
        if not skipped:
            reason = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return (
            f"NOT AUDITED: no service that knows of weaknesses answered ({reason})",
            int(strict),
        )
    message = f"No weakness is known of {len(audited)} packages"
    if skipped:
        message += f"; NOT AUDITED, since unknown there: {', '.join(skipped)}"
    return message, int(strict and bool(skipped))


if __name__ == "__main__":
    sys.exit(main("--strict" in sys.argv[1:]))
