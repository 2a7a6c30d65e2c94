#!/usr/bin/env bash
# The packages: built from what is versioned alone, checked, installed where nothing
# else is, and the demo run without a network.
# Usage: .ci/packages.sh PYTHON [FOLDER]. PYTHON is of an environment with the extra
# test; the packages are kept in the folder.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(realpath --no-symlinks "$1")
kept=${2:+$(realpath "$2")}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
.ci/copy_source "$folder/source"

# The same moment for all that is written, so that equal packages have equal bytes.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
cd "$folder"
# The first wheel is made of the sdist, the second of the sources.
for what in "--outdir dist" "--wheel --outdir direct"; do
    # shellcheck disable=SC2086
    "$python" -m build --no-isolation $what source >build.log 2>&1 || {
        cat build.log
        exit 1
    }
done
cmp dist/*.whl direct/*.whl
"$python" -m twine check --strict dist/*
# W004 is the names of the migrations, which begin with a number: nothing imports them
# by name.
"$python" -m check_wheel_contents --ignore W004 dist/*.whl

"$python" -m venv --without-pip empty
"$python" -m pip --python empty/bin/python install --quiet dist/*.whl
export DTOOL_LOOKUP_SERVER_HOME=$folder/home
unshare --map-root-user --net sh -eu <<'EOF'
ip link set lo up
empty/bin/dtool-lookup-server demo >demo.log 2>&1 &
trap 'kill $!' EXIT
empty/bin/python - <<'END'
import json, re, time, urllib.request

def ask(path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:5000{path}", body)
    request.add_header("Content-Type", "application/json")
    token = re.search("TOKEN=(.+)", open("demo.log").read())
    request.add_header("Authorization", f"Bearer {token[1] if token else ''}")
    return json.load(urllib.request.urlopen(request, timeout=60))

deadline = time.monotonic() + 60
while True:
    try:
        ask("/config/versions")
        break
    except OSError:
        assert time.monotonic() < deadline, open("demo.log").read()
        time.sleep(0.2)
found = ask("/dataset/search", b'{"free_text": "apple"}')
assert found, "the demo finds nothing"
print("The demo finds, without a network:", found[0]["name"])
END
EOF

if [ -n "$kept" ]; then
    mkdir -p "$kept"
    cp dist/* "$kept"
fi
