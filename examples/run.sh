#!/bin/sh
# Installs what is missing on Debian 12, builds, and starts the Hermes server here, with SSE on unless the environment or .env say
# otherwise.
set -eu
here=$(pwd)
cd "$(dirname "$0")/.."
packages="gcc libc6-dev meson ninja-build pkg-config libcjson-dev libhiredis-dev libc-ares-dev libssl-dev libevent-dev libcurl4-openssl-dev python3 ca-certificates curl"

missing=
for package in $packages; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
  sudo=
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  echo "installing:$missing"
  # shellcheck disable=SC2086
  if ! { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; }; then
    echo "could not install them; as root: apt-get install --no-install-recommends$missing" >&2
    exit 2
  fi
fi

build=build/run
if [ ! -f "$build/build.ninja" ]; then
  echo "configuring"
  meson setup "$build" -Dbuildtype=release -Dtests=disabled >/dev/null
fi
ninja -C "$build" examples/hermes-server/hermes-server >"$build/ninja.log" || { cat "$build/ninja.log"; exit 1; }
server=$(pwd)/$build/examples/hermes-server/hermes-server
cd "$here"
port=${API_PORT:-8000}
echo "Hermes: http://${API_HOST:-127.0.0.1}:$port (unless .env says otherwise). Two commands to try:"
echo "  curl -N http://127.0.0.1:$port/api/v1/events/stream"
echo "  curl -X POST -H 'Content-Type: application/json' -d '{\"url\":\"https://deb.debian.org/debian/README\"}' http://127.0.0.1:$port/api/v1/download"
exec "$server" --preset HERMES_ENABLE_SSE=true "$@"
