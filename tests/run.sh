#!/bin/sh
# Installs what the tests need on Debian 12, builds, runs everything, and ends with a plain summary.
#   sh tests/run.sh                   everything
#   sh tests/run.sh --only PART       one part: unit, clang, address, thread, coverage, lint, bare, python, fuzz, conformance,
#                                     integration, redis, worker, app, deploy, stress, bench; coverage needs unit built, and all
#                                     that run a server clang; integration and redis also address, stress address and thread
set -u
cd "$(dirname "$0")/.." || exit 2

packages="gcc g++ libc6-dev clang libclang-rt-14-dev clang-format-14 clang-tidy-14 abigail-tools meson ninja-build pkg-config check libcjson-dev gcovr shellcheck curl caddy nginx prometheus openssl systemd python3-yaml docker-compose python3 git libevent-dev libcurl4-openssl-dev libhiredis-dev libc-ares-dev libssl-dev libuv1-dev redis-server redis-tools python3-redis nftables iproute2 python3-dev python3-pip python3-build python3-mesonpy python3-hypothesis mypy binutils groff-base python3-pytest python3-pytest-xdist python3-selenium chromium chromium-driver"
only=
case "${1-}" in
--only) only=${2-} ;;
"") ;;
*) echo "usage: sh tests/run.sh [--only PART]" >&2; exit 2 ;;
esac

build=build/tests
. tests/parts.sh
# shellcheck disable=SC2086
install $packages

# Once, into the git-ignored node_modules beside the lock file.
install_node_modules() {
  modules=$1
  ! cmp -s "$modules/package-lock.json" "$modules/node_modules/.lock" || return 0
  echo "installing the node modules of $modules"
  if ! (cd "$modules" && npm ci --no-audit --no-fund --loglevel=error && cp package-lock.json node_modules/.lock); then
    echo "could not install them; needed: node 18 or newer with npm (as root: apt-get install nodejs npm), and npm's registry" >&2
    exit 2
  fi
}
case "$only" in
"" | integration) install_node_modules tests/integration/eventsource ;;
esac
case "$only" in
"" | app) install_node_modules examples/hermes-app ;;
esac
case "$only" in
"" | conformance | bench) install_node_modules tests/conformance ;;
esac

begin

# What is built to be looked at: functions and lines are enough of its debug information, which else is a fifth of the building.
watched="-Dbuildtype=custom -Ddebug=false -Doptimization=1 -Dc_args=-g1"

# gcc, counting what runs for `coverage`; the short forms here and under the sanitizers, as clang's build runs them whole.
unit() {
  # shellcheck disable=SC2086
  configure unit -Dexamples=disabled $watched -Db_coverage=true && ninja -C "$build/unit" meson-test-prereq || return 1
  find "$build/unit" -name '*.gcda' -delete
  HERMES_SSE_TESTS=${HERMES_SSE_TESTS-short} run_tests unit --no-rebuild
}

clang_build() {
  CC=clang configure clang -Dbuildtype=release -Doptimization=2 && ninja -C "$build/clang" || return 1
  run_tests clang --suite unit --suite abi
}

address() {
  # shellcheck disable=SC2086
  configure address -Db_sanitize=address,undefined -Db_lundef=false $watched && ninja -C "$build/address" || return 1
  HERMES_SSE_TESTS=${HERMES_SSE_TESTS-short} ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 run_tests address --suite unit
}

# What has threads, and at night everything.
thread() {
  # shellcheck disable=SC2086
  configure thread -Db_sanitize=thread -Db_lundef=false $watched && ninja -C "$build/thread" tests/stress/stress-splice || return 1
  case "${HERMES_SSE_TESTS-}" in
  long) run_tests thread --suite unit --suite threads ;;
  *) run_tests thread --suite threads ;;
  esac
}

bare() {
  configure bare -Dauto_features=disabled -Ddefault_library=static -Dbuildtype=release && ninja -C "$build/bare" || return 1
  run_tests bare
}

# .clang-tidy says what and why. Needs the clang build, whose compile_commands.json it reads.
tidy() {
  git ls-files 'lib/*.c' 'examples/*.c' | xargs -P "$(nproc)" -n 8 clang-tidy-14 -p "$build/clang" --quiet >"$build/tidy.log" 2>"$build/tidy.err" ||
    { cat "$build/tidy.log"; return 1; }
}

lint() {
  git ls-files '*.c' '*.h' | xargs clang-format-14 --dry-run -Werror || return 1
  git ls-files '*.sh' .ci/run | xargs shellcheck || return 1
  /usr/bin/python3 tests/docs/snippets.py . || return 1
  /usr/bin/python3 tests/docs/declarations.py include tests/abi/core-symbols.txt tests/abi/service-symbols.txt tests/abi/redis-symbols.txt || return 1
  sh tests/docs/guarantees.sh || return 1
  tidy || return 1
  long=$(git ls-files '*.c' '*.h' '*.py' '*.sh' | xargs wc -l | awk '$2 != "total" && $1 > 600 { print }')
  [ -z "$long" ] || { echo "over 600 lines: $long"; return 1; }
}

coverage() {
  gcovr -r . --object-directory "$build/unit" --json "$build/coverage.json" --filter 'lib/' || return 1
  for bound in lib/core/=95 lib/service/=92 lib/redis/=90; do
    gcovr -r . --add-tracefile "$build/coverage.json" --filter "${bound%=*}" --fail-under-line "${bound#*=}" >/dev/null || return 1
  done
  gcovr -r . --add-tracefile "$build/coverage.json" | tee "$build/coverage.txt" || return 1
  gcovr -r . --add-tracefile "$build/coverage.json" --branches --fail-under-branch 90 \
    --filter 'lib/core/(event|limits|keys|pool|log|retention|readers)\.c' || return 1
}

# The splice soak thrice at once, then what measures, alone.
stress() {
  "$build/address/tests/stress/stress-splice" --seconds 8 >"$build/splice-address.log" 2>&1 &
  address_pid=$!
  "$build/thread/tests/stress/stress-splice" --seconds 8 >"$build/splice-thread.log" 2>&1 &
  thread_pid=$!
  "$build/clang/tests/stress/stress-splice" --seconds 8 || return 1
  wait "$address_pid" || { tail -n 40 "$build/splice-address.log"; return 1; }
  wait "$thread_pid" || { tail -n 40 "$build/splice-thread.log"; return 1; }
  tail -q -n 1 "$build/splice-address.log" "$build/splice-thread.log"
  "$build/address/tests/stress/stress-churn" 100000 || return 1
  for one in churn drain herd; do
    "$build/clang/tests/stress/stress-$one" || return 1
  done
}

# The short form shows that the benchmarks work; figures to quote come from tests/bench/run.sh --full on a quiet machine.
bench() {
  for one in encode parse streams delivery behind hubs server redis; do
    "$build/clang/tests/bench/bench-$one" --short || return 1
  done
}

# Against the sanitized server, so that every request runs under ASan and UBSan; six at a time, as these tests mostly wait. The browser
# drives the plain one, and so does what starts a program thousands of times, but at night.
integration() {
  case "${HERMES_SSE_TESTS-}" in
  long) sanitized="not browser" ;;
  *) sanitized="not browser and not many_runs" ;;
  esac
  HERMES_SERVER=$PWD/$build/address/examples/hermes-server/hermes-server ASAN_OPTIONS=detect_leaks=1:exitcode=99 UBSAN_OPTIONS=halt_on_error=1 \
    /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 6 -m "$sanitized" tests/integration || return 1
  HERMES_SERVER=$PWD/$build/clang/examples/hermes-server/hermes-server \
    /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 2 -m "browser or many_runs" tests/integration
}

# both NAME OPTIONS...: chaos in both modes at once.
both() {
  name=$1
  shift
  /usr/bin/python3 tests/stress/chaos --mode streams "$@" >"$build/$name-streams.log" 2>&1 &
  streams_pid=$!
  /usr/bin/python3 tests/stress/chaos --mode pubsub "$@" >"$build/$name-pubsub.log" 2>&1
  pubsub_status=$?
  wait "$streams_pid"
  streams_status=$?
  tail -n 3 "$build/$name-streams.log" "$build/$name-pubsub.log"
  [ "$streams_status" = 0 ] && [ "$pubsub_status" = 0 ]
}

# The bridge's tests again under the sanitizers; then everything that can be killed, stalled or cut is; then all but the servers, whose
# descriptors and memory are looked at.
redis() {
  ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1 run_tests address --no-rebuild --suite redis || return 1
  export HERMES_SERVER="$PWD/$build/clang/examples/hermes-server/hermes-server"
  both chaos && both soak --soak
}

worker() { (cd bindings/python/redis_service && /usr/bin/python3 -m pytest -q -p no:cacheprovider tests && mypy --cache-dir "$OLDPWD/$build/mypy" --strict src); }

# The front end's hooks and page, against the plain server.
app() {
  HERMES_SERVER=$PWD/$build/clang/examples/hermes-server/hermes-server
  export HERMES_SERVER
  (cd examples/hermes-app && npm run --silent build && npm test) || return 1
  mkdir -p "$build/screenshots"
  SCREENSHOTS=$PWD/$build/screenshots /usr/bin/python3 -m pytest -q -p no:cacheprovider -n 2 examples/hermes-app/tests/browser
}

deploy() { HERMES_SERVER=$PWD/$build/clang/examples/hermes-server/hermes-server sh tests/deploy/check.sh; }

part unit unit
part clang clang_build
part address address
beside redis redis
part thread thread
part coverage coverage
together
beside integration integration
part python sh bindings/python/test.sh "$build/python"
part conformance sh tests/conformance/run.sh
together
beside app app
part worker worker
part deploy deploy
part bare bare
part lint lint
together
part fuzz sh tests/fuzz/run.sh "$build/fuzz" 2
part stress stress
part bench bench
[ ! -f "$build/coverage.txt" ] || grep '^TOTAL' "$build/coverage.txt" | awk '{ print "coverage   " $4 " of the lines of lib/" }'
[ ! -s "$build/stress.log" ] || cat "$build/stress.log"
for one in chaos-streams chaos-pubsub soak-streams soak-pubsub; do
  [ ! -s "$build/$one.log" ] || tail -q -n 1 "$build/$one.log"
done
[ ! -s "$build/bench.log" ] || cat "$build/bench.log"
end share 570
