#!/usr/bin/env bash
# A quick part of the tests with the oldest dependencies that setup.py allows, and on
# each other Python that is at hand. The whole suite: tox -e oldest,py312,py313.
# Usage: .ci/versions.sh, with an environment with the extra test in .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# From a copy: to install it writes into the sources, from which others may run.
.ci/copy_source "$folder/source"
# What registers and what finds, on SQLite alone.
tests=(tests/api_018/test_register.py tests/api_018/test_search.py)

# Usage: try NAME PYTHON OPTIONS_OF_PIP...
try() {
    local python=$folder/$1/bin/python
    echo "== $1"
    "$2" -m venv "$folder/$1"
    "$python" -m pip install --quiet "${@:3}" -e "$folder/source[all]" \
        hypothesis pytest pytest-xdist
    "$python" -m pip check
    (cd "$folder/source" && "$python" -m pytest -q "${tests[@]}")
}

# Usage: find_python VERSION. Prints the path of one that runs.
find_python() {
    local python
    for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        # A shim of pyenv is there for versions, too, that are not.
        if "$python" -c "" 2>/dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

.venv/bin/python .ci/oldest.py "$folder/oldest.txt"
try oldest python3 --constraint "$folder/oldest.txt"
for version in 3.12 3.13 3.14; do
    if python=$(find_python "$version"); then
        try "$version" "$python"
    else
        echo "== $version is not at hand: skipped"
    fi
done
