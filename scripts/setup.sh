#!/usr/bin/env bash
# Makes .venv and installs Greenroom with everything its tests need. Safe to repeat; does nothing when nothing changed.
# usage: scripts/setup.sh [bench]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# Two runs at once: the second waits, then finds the work done.
if command -v flock >/dev/null; then
    exec 9>.setup.lock
    flock 9
fi

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 or newer is needed; found $("${PYTHON:-python3}" --version 2>/dev/null || echo none)." \
        "Install it, or name one with PYTHON=/path/to/python3."
}

install_venv_module() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
    if command -v apt-get >/dev/null && { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing the Debian package python3-venv (this Python cannot make virtual environments)"
        "${sudo[@]}" apt-get update -qq
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
    else
        die "this Python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv"
    fi
}

fingerprint() { # of everything that decides what is in .venv; its place too, for scripts in it carry the path
    { .venv/bin/python --version; pwd -P; cat pyproject.toml "$@"; } 2>/dev/null | sha256sum | cut -d' ' -f1
}

install_locked() { # lock file, what for
    say "installing $(grep -c '^[a-zA-Z].*==' "$1") packages from $1 ($2) into .venv; a minute or two the first time"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r "$1"
}

matches() { # stamp file, lock files
    local stamp="$1"
    shift
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint "$@")" ]
}

python="$(find_python)"
if ! .venv/bin/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install_venv_module
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

if ! matches .venv/.setup-stamp requirements.lock; then
    install_locked requirements.lock "Greenroom's own and its tests'"
    say "installing greenroom itself, editable"
    .venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
    fingerprint requirements.lock >.venv/.setup-stamp
fi

if [ "${1:-}" = bench ] && ! matches .venv/.setup-stamp-bench requirements.lock requirements-bench.lock; then
    install_locked requirements-bench.lock "peers to measure against"
    fingerprint requirements.lock requirements-bench.lock >.venv/.setup-stamp-bench
fi
