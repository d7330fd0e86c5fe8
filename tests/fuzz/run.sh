#!/bin/sh
# run.sh BUILD SECONDS [TARGET...]: builds the fuzz targets in BUILD, a directory of their own, and runs each for so long, as many at
# a time as there are processors; 0 seconds: what has crashed once, and the corpus. Needs clang 14 and meson.
set -eu
cd "$(dirname "$0")/../.."
build=${1:?build directory}
seconds=${2:?seconds}
shift 2
[ $# -gt 0 ] || set -- parser encoder service tokens settings ids model redis_envelope redis_reply redis_bridge

mkdir -p "$build"
[ -f "$build/build.ninja" ] ||
  CC=clang-14 meson setup "$build" -Dfuzz=true -Dwerror=true -Dtests=disabled -Dexamples=disabled -Ddefault_library=static \
    -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=custom -Doptimization=1 -Ddebug=false -Dc_args=-g1 >"$build/setup.log" 2>&1 ||
  { cat "$build/setup.log"; exit 1; }
ninja -C "$build" fuzz >"$build/ninja.log" || { cat "$build/ninja.log"; exit 1; }
printf '%s\n' "$@" | xargs -P "$(nproc)" -I '{}' sh tests/fuzz/target.sh "$build" "$seconds" '{}' ||
  { echo "tests/fuzz/README.md says what to do with a crash"; exit 1; }
