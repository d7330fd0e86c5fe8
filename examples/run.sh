#!/bin/sh
# Installs what is missing on Debian 12, builds, and starts the Hermes server here, with SSE on unless the environment or .env say
# otherwise.
#   sh examples/run.sh --app    with the front end of examples/hermes-app, where node 18 or newer and npm are there
set -eu
here=$(pwd)
app=
if [ "${1-}" = --app ]; then
  app=wanted
  shift
fi
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
if [ -n "$app" ]; then
  app=
  if ! command -v npm >/dev/null || ! node -e 'process.exit(process.versions.node.split(".")[0] < 18 ? 1 : 0)'; then
    echo "the front end needs node 18 or newer and npm (as root: apt-get install nodejs npm); serving the plain page"
  elif (
    cd examples/hermes-app
    cmp -s package-lock.json node_modules/.lock || { echo "installing the front end's modules" && npm ci --no-audit --no-fund --loglevel=error >/dev/null && cp package-lock.json node_modules/.lock; } || exit 1
    echo "building the front end"
    VITE_SSE_ENABLED=true npm run --silent build >../../build/run/app.log 2>&1 || { cat ../../build/run/app.log; exit 1; }
  ); then
    app=$(pwd)/examples/hermes-app/dist
  else
    echo "the front end could not be built; serving the plain page"
  fi
fi
server=$(pwd)/$build/examples/hermes-server/hermes-server
cd "$here"
port=${API_PORT:-8000}
echo "Hermes: http://${API_HOST:-127.0.0.1}:$port (unless .env says otherwise). Two commands to try:"
echo "  curl -N http://127.0.0.1:$port/api/v1/events/stream"
echo "  curl -X POST -H 'Content-Type: application/json' -d '{\"url\":\"https://example.com/index.html\"}' http://127.0.0.1:$port/api/v1/download"
[ -z "$app" ] || set -- --app "$app" "$@"
exec "$server" --preset HERMES_ENABLE_SSE=true "$@"
