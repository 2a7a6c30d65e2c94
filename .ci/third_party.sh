#!/usr/bin/env bash
# Plugins that others wrote for 0.18, unmodified from the package index, on this server:
# installs them beside it and runs tests/third_party and tests/api_018 on them.
set -euo pipefail
cd "$(dirname "$0")/.."

environment="${1:-.venv-third-party}"
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
pip() { "$environment/bin/python" -m pip --disable-pip-version-check "$@"; }

pip install --quiet -e '.[test]'
pip install --quiet -r tests/third_party/requirements.txt
# They leave their connections to the collector.
export TEST_PLUGINS=third-party
"$environment/bin/pytest" tests/third_party tests/api_018 \
    -W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning
