#!/bin/sh
# The benchmarks, from a release build, each with its table.
#   sh tests/bench/run.sh             short: a minute, shows that they work and roughly where they stand
#   sh tests/bench/run.sh --full      the figures to quote: about eight minutes on two quiet cores
set -eu
cd "$(dirname "$0")/../.."
case "${1-}" in
--full) short= ;;
"") short=--short ;;
*) echo "usage: sh tests/bench/run.sh [--full]" >&2; exit 2 ;;
esac

build=build/bench
[ -f "$build/build.ninja" ] || meson setup "$build" -Dbuildtype=release >/dev/null
ninja -C "$build" >/dev/null
for name in encode parse streams delivery behind hubs server redis; do
  [ -x "$build/tests/bench/bench-$name" ] || { echo "$name: not built; server needs libevent and libcurl, redis hiredis and cJSON"; continue; }
  "$build/tests/bench/bench-$name" $short
  echo
done
