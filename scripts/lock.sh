#!/usr/bin/env bash
# Rewrites both lock files from pyproject.toml. Names no registry: uv asks whichever one the machine is set up for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -x .venv/bin/python ] || { echo "lock: run scripts/setup.sh first" >&2; exit 1; }
[ -x .venv/bin/uv ] || { echo "lock: installing uv into .venv"; .venv/bin/pip install -qq uv; }

compile=(.venv/bin/uv pip compile --quiet --universal --python-version 3.11
    --generate-hashes --no-header --no-emit-index-url --no-emit-find-links "$@")

"${compile[@]}" pyproject.toml --extra dev --output-file requirements.lock
.venv/bin/python -c '
import tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print("\n".join(extras["bench"]))
' | "${compile[@]}" - --constraints requirements.lock --output-file requirements-bench.lock
echo "lock: wrote $(grep -c '^[a-z].*==' requirements.lock) and $(grep -c '^[a-z].*==' requirements-bench.lock) pinned packages"
