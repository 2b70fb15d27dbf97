#!/usr/bin/env bash
# Installs what the tests use besides npm packages: a Python environment in .venv-test, and h5dump where it can.
# The versions are pinned: what is wanted in test/requirements.txt, what that needs in test/constraints.txt. To go on to
# newer ones: change the former, install it into an empty environment, and write its `pip freeze` to the latter.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v h5dump >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  apt-get install -y -qq hdf5-tools
fi
[ -x .venv-test/bin/python ] || python3 -m venv .venv-test
.venv-test/bin/pip install --quiet --disable-pip-version-check \
  -r test/requirements.txt -c test/constraints.txt
