#!/usr/bin/env bash
# Format, lint, types, floors: all four run even if one fails, and each is named. Changes no file.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

failed=()
step() { # name, command ...
    local name="$1"
    shift
    echo "── $name: $(basename "$1") ${*:2}"
    "$@" || failed+=("$name")
}

step format .venv/bin/ruff format --check --quiet .
step lint .venv/bin/ruff check --quiet .
step types .venv/bin/pyright
step floors .venv/bin/lint-imports --no-cache --no-logo

if [ "${#failed[@]}" -eq 0 ]; then
    echo "greenroom: all checks passed (format, lint, types, floors)"
else
    echo "greenroom: checks FAILED: ${failed[*]}"
    exit 1
fi
