#!/bin/sh
# Install the named Debian packages that are missing; without root, say which to ask for.
set -eu
missing=""
for package in "$@"; do
  case "$package" in
    # A program that is there by other means is as good as its package.
    nodejs) command -v node >/dev/null 2>&1 && continue ;;
    npm) command -v npm >/dev/null 2>&1 && continue ;;
    chromium) command -v chromium >/dev/null 2>&1 && continue ;;
    postgresql) [ -n "${TEST_DATABASE_URL:-}" ] && continue; ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && continue ;;
  esac
  dpkg -s "$package" >/dev/null 2>&1 && continue
  missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Please install:$missing (as root on Debian: apt-get install$missing), then run the command again." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $missing >/dev/null
