#!/usr/bin/env bash
# Runs the tests given (all by default) on two workers, and ends with one clear line.
# usage: scripts/test.sh [folder, file or pytest option ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Two workers share two cores; more threads for matrices would only wait for one another.
export OPENBLAS_NUM_THREADS=1
options=(-n 2 -q)
if [ "${GREENROOM_PROFILE:-small}" = long ]; then
    options+=(-o timeout=7200 -o faulthandler_timeout=7000)
fi

# Without a browser its tests say so and are skipped; with CI=true they fail.
scripts/chromium.sh || true

status=0
.venv/bin/python -m pytest "${options[@]}" "$@" || status=$?
if [ "$status" -eq 0 ]; then
    echo "greenroom: all tests passed"
else
    echo "greenroom: tests FAILED (pytest ended with $status)"
fi
exit "$status"
