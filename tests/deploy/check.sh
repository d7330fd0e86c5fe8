#!/bin/sh
# The files of examples/deploy, each by the best tool that works without a network: what is wrong is printed, and the status says so.
#   HERMES_SERVER=build/run/examples/hermes-server/hermes-server sh tests/deploy/check.sh
set -u
cd "$(dirname "$0")/../.." || exit 2
deploy=$PWD/examples/deploy
checks=$PWD/tests/deploy
server=${HERMES_SERVER:?the built hermes-server}
case "$server" in
/*) ;;
*) server=$PWD/$server ;;
esac
PATH=$PATH:/usr/sbin:/sbin
export PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
skipped=

# check NAME COMMAND...
check() {
  name=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    printf '%-28s ok\n' "$name"
  else
    printf '%-28s FAIL\n' "$name"
    cat "$work/out"
    failed=$((failed + 1))
  fi
}

# need PROGRAM PACKAGE
need() {
  command -v "$1" >/dev/null || { echo "$1 is missing; as root: apt-get install $2" >&2; exit 2; }
}
need promtool prometheus
need nginx nginx
need caddy caddy
need redis-server redis-server
need systemd-analyze systemd
need shellcheck shellcheck
need openssl openssl

# In a directory of its own, as it opens its logs and keeps certificates.
caddy_accepts() {
  HERMES_ACCESS_LOG=$work/caddy.log HOME=$work XDG_DATA_HOME=$work XDG_CONFIG_HOME=$work \
    caddy validate --config "$1" --adapter caddyfile
}

# Caddy 2.6.2 puts a blank behind an import.
caddy_is_formatted() {
  HOME=$work caddy fmt "$1" | diff --ignore-trailing-space "$1" -
}

caddy_differs_by_the_trap() {
  HOME=$work caddy adapt --config "$deploy/Caddyfile" --adapter caddyfile | grep -q flush_interval && return 1
  HOME=$work caddy adapt --config "$deploy/Caddyfile.flush-interval" --adapter caddyfile | grep -q '"flush_interval":-1'
}

nginx_accepts() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost -keyout "$work/key.pem" -out "$work/cert.pem" || return 1
  sed "s#/etc/ssl/hermes/#$work/#; s#/var/log/nginx/#$work/#" "$deploy/nginx/hermes.conf" >"$work/site.conf"
  printf 'pid %s/pid; events {} http { include %s/site.conf; }\n' "$work" "$work" >"$work/nginx.conf"
  nginx -t -q -c "$work/nginx.conf" -e "$work/error.log"
}

# systemd wants the program to be there; the installed documentation is not looked for.
unit_is_accepted() {
  sed "s#/usr/local/bin/hermes-server#$server#; /^Documentation=/d" "$deploy/systemd/hermes-server.service" >"$work/hermes-server.service"
  said=$(systemd-analyze verify --man=no "$work/hermes-server.service" 2>&1) || { echo "$said"; return 1; }
  [ -z "$said" ] || { echo "$said"; return 1; }
}

# The threshold is in tenths.
unit_is_a_sandbox() {
  systemd-analyze security --offline=yes --threshold=15 "$deploy/systemd/hermes-server.service"
}

promtool_tests() {
  (cd "$deploy/prometheus" && promtool check config prometheus.yml && promtool test rules hermes.rules.test.yml)
}

compose_is_accepted() {
  cp "$deploy/docker-compose.yml" "$work/" && cp "$deploy/.env.example" "$work/.env" &&
    docker-compose -f "$work/docker-compose.yml" config
}

check "Caddyfile" caddy_accepts "$deploy/Caddyfile"
check "Caddyfile.flush-interval" caddy_accepts "$deploy/Caddyfile.flush-interval"
check "the trap is in one alone" caddy_differs_by_the_trap
for one in Caddyfile Caddyfile.flush-interval hermes.caddy; do
  check "$one formatted" caddy_is_formatted "$deploy/$one"
done
check "nginx -t" nginx_accepts
check "systemd-analyze verify" unit_is_accepted
check "exposure at most 1.5" unit_is_a_sandbox
check "promtool" promtool_tests
if command -v docker-compose >/dev/null; then
  check "docker-compose config" compose_is_accepted
else
  skipped="docker-compose config (as root: apt-get install docker-compose)"
fi
check "what files say of each other" /usr/bin/python3 "$checks/agreement.py" "$deploy"
check "server, Redis, dashboard" /usr/bin/python3 "$checks/live.py" "$deploy" "$server"
check "shellcheck" shellcheck "$checks/check.sh"

[ -z "$skipped" ] || echo "not run: $skipped"
echo "not run: docker build, docker compose up (no registry); a start by systemd (not process 1 here)"
[ "$failed" = 0 ]
