#!/usr/bin/env bash
# Plugins that others wrote for 0.18, unmodified from the package index, on this server:
# installs them beside it and runs tests/third_party and tests/api_018 on them.
# Usage: .ci/third_party.sh [FOLDER], with an environment with the extra test in .venv;
# the folder is for an environment that has, beside the plugins, all that is in .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

environment="${1:-.venv-third-party}"
python=$environment/bin/python
[ -x "$python" ] || .venv/bin/python -m venv "$environment"

packages_of() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
echo "import site; site.addsitedir('$(packages_of .venv/bin/python)')" \
    >"$(packages_of "$python")/of_tests.pth"
"$python" -m pip install --quiet -r tests/third_party/requirements.txt
# They leave their connections to the collector.
export TEST_PLUGINS=third-party
"$python" -m pytest tests/third_party tests/api_018 \
    -W ignore::ResourceWarning -W ignore::pytest.PytestUnraisableExceptionWarning
