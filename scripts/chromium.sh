#!/usr/bin/env bash
# Finds Chromium for the browser tests and installs Debian's where there is none and we may. Safe to repeat.
set -euo pipefail

say() { echo "chromium: $*"; }

for candidate in /usr/bin/chromium /usr/bin/chromium-browser; do
    [ -x "$candidate" ] && exit 0
done

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo -n)
if ! command -v apt-get >/dev/null || { [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; }; then
    say "there is no Chromium, and it cannot be installed from here. On Debian: sudo apt-get install chromium" >&2
    exit 1
fi
say "installing the Debian package chromium (for the browser tests; about 300 MB, once)"
if ! { "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; }; then
    say "Chromium could not be installed (no network?). Install it by hand: apt-get install chromium" >&2
    exit 1
fi
