#!/bin/sh
# The long forms of everything: half an hour or more, for a quiet machine. Ends with a summary as tests/run.sh does.
#   sh tests/nightly.sh                   everything
#   sh tests/nightly.sh --only PART       one part: everyday, fuzz, soak, chaos, valgrind, analyzer, clang_analyzer,
#                                         bench
# FUZZ_SECONDS=3600 is how long each fuzz target runs, SOAK_SECONDS=600 each soak of the hub, CHAOS_SECONDS=300 and CHAOS_SOAK_SECONDS=1800 the
# chaos around Redis and its soak, in each mode.
# A part more is a line more below: part NAME COMMAND...
set -u
cd "$(dirname "$0")/.." || exit 2

only=
case "${1-}" in
--only) only=${2-} ;;
"") ;;
*) echo "usage: sh tests/nightly.sh [--only PART]" >&2; exit 2 ;;
esac
build=build/nightly
. tests/parts.sh
install gcc libc6-dev meson ninja-build pkg-config check libcjson-dev libevent-dev libcurl4-openssl-dev python3 valgrind
begin
rm -f "$build/everyday.log" "$build/bench.txt"

# What every change runs, with its long tests: 100,000 resets, lives of tokens.
everyday() { HERMES_SSE_TESTS=long sh tests/run.sh; }

# Built by everyday. Twice the clients, four times the rate; then under the sanitizers.
soak() {
  for seed in 1 2 3; do
    build/tests/clang/tests/stress/stress-splice --seconds "${SOAK_SECONDS:-600}" --clients 2000 --rate 2500 --seed "$seed" || return 1
  done
  for kind in address thread; do
    "build/tests/$kind/tests/stress/stress-splice" --seconds "${SOAK_SECONDS:-600}" --rate 500 || return 1
  done
  build/tests/clang/tests/stress/stress-churn 20000000 && build/tests/clang/tests/stress/stress-herd 31 | tee "$build/herd.txt" && ! grep MISS "$build/herd.txt"
}

# Thirty kills of Redis in each mode; then servers that live through half an hour of it.
chaos() {
  export HERMES_SERVER="$PWD/build/tests/clang/examples/hermes-server/hermes-server"
  for mode in streams pubsub; do
    /usr/bin/python3 tests/stress/chaos --mode "$mode" --kills 30 --seconds "${CHAOS_SECONDS:-300}" --seed "$(date +%s)" || return 1
    /usr/bin/python3 tests/stress/chaos --mode "$mode" --soak --seconds "${CHAOS_SOAK_SECONDS:-1800}" --seed "$(date +%s)" || return 1
  done
}

# In one process each: a test that forks would hide what its child says.
valgrind_units() {
  configure valgrind -Dbuildtype=debugoptimized && ninja -C "$build/valgrind" || return 1
  CK_FORK=no run_tests valgrind --suite unit -t 20 \
    --wrapper 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite,indirect'
}

# gcc's analyzer knows no invariants: tests/analyzer.txt has what it says wrongly, and why. It must say that and nothing else.
analyzer() {
  rm -rf "$build/analyzer"
  CC=gcc meson setup "$build/analyzer" -Dbuildtype=debugoptimized -Dc_args='-fanalyzer -fdiagnostics-color=never' || return 1
  ninja -C "$build/analyzer" >"$build/analyzer.out" || { cat "$build/analyzer.out"; return 1; }
  sed -n 's/^\(\.\.\/\)*\([^:]*\):.*warning: .*\[\(-Wanalyzer[^]=]*\)\].*/\2 \3/p' "$build/analyzer.out" |
    sed ':again; s#[^/ ]*/\.\./##; t again' | sort -u >"$build/analyzer.found"
  sed -n 's/ *#.*//; /./p' tests/analyzer.txt | sort -u | diff - "$build/analyzer.found" ||
    { echo "> is new, see $build/analyzer.out; < is said no more, take it out of tests/analyzer.txt"; return 1; }
}

# clang's analyzer, which .clang-tidy leaves out, over what everyday has built; tests/clang-analyzer.txt is as tests/analyzer.txt.
clang_analyzer() {
  git ls-files 'lib/*.c' 'examples/*.c' | xargs -P "$(nproc)" -n 4 clang-tidy-14 -p build/tests/clang --quiet \
    --checks='-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*' >"$build/clang-analyzer.out" 2>/dev/null || true
  sed -n "s#^\(.*/\)\{0,1\}\(lib\|examples\)/\([^:]*\):[0-9]*:[0-9]*: \(error\|warning\): .*\[\([^],]*\).*#\2/\3 \5#p" \
    "$build/clang-analyzer.out" | sort -u >"$build/clang-analyzer.found"
  sed -n 's/ *#.*//; /./p' tests/clang-analyzer.txt | sort -u | diff - "$build/clang-analyzer.found" ||
    { echo "> is new, see $build/clang-analyzer.out; < is said no more, take it out of tests/clang-analyzer.txt"; return 1; }
}

# A miss is believed when it comes twice: shared machines vary.
bench() {
  sh tests/bench/run.sh --full | tee "$build/bench.txt"
  grep -q MISS "$build/bench.txt" || return 0
  sh tests/bench/run.sh --full | tee "$build/bench.txt"
  ! grep MISS "$build/bench.txt"
}

part everyday everyday
part fuzz sh tests/fuzz/run.sh "$build/fuzz" "${FUZZ_SECONDS:-3600}"
part soak soak
part chaos chaos
part valgrind valgrind_units
part analyzer analyzer
part clang_analyzer clang_analyzer
part bench bench
[ ! -s "$build/everyday.log" ] || sed 's/^/everyday: /' "$build/everyday.log"
[ ! -s "$build/bench.txt" ] || cat "$build/bench.txt"
end took
