#!/bin/sh
# The benchmarks in full, from a release build: about three minutes on two cores.
set -eu
cd "$(dirname "$0")/../.."
build=build/bench
[ -f "$build/build.ninja" ] || meson setup "$build" -Dbuildtype=release >/dev/null
ninja -C "$build" >/dev/null
for name in encode streams delivery; do
  "$build/tests/bench/bench-$name" "$@"
  echo
done
