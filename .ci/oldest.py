"""Write the oldest version of each requirement in setup.py, as constraints for pip.

Usage: python .ci/oldest.py FILE

A bound that nobody has tried is a guess. With these every requirement is installed as
old as setup.py allows, and the tests say whether that is true.
"""

import runpy
import sys
from pathlib import Path

import setuptools
from packaging.requirements import Requirement

SETUP = Path(__file__).parent.parent / "setup.py"


def oldest(requirement):
    """Return a constraint, or None for a requirement without a lower bound."""
    bounds = [each for each in requirement.specifier if each.operator in (">=", "~=")]
    if not bounds:
        return None
    marker = f"; {requirement.marker}" if requirement.marker else ""
    return f"{requirement.name}=={bounds[0].version}{marker}"


def main(path):
    """Write the constraints to a file, each once."""
    described = {}
    setuptools.setup = described.update
    runpy.run_path(str(SETUP))
    texts = set(described["install_requires"])
    for extra, requirements in described["extras_require"].items():
        # The linters are of one version.
        texts |= set(requirements) if extra != "lint" else set()
    constraints = {oldest(Requirement(text)) for text in texts} - {None}
    Path(path).write_text("\n".join(sorted(constraints, key=str.lower)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
