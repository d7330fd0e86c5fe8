#!/bin/sh
# renew.sh BUILD SECONDS [TARGET...]: makes tests/fuzz/corpus again: first inputs from seeds.py, fuzzing for so long, then the smallest
# set that reaches as much. For a target that was changed, or when the parser has new vectors.
set -eu
cd "$(dirname "$0")/../.."
build=${1:?build directory}
seconds=${2:?seconds}
shift 2
[ $# -gt 0 ] || set -- parser encoder service tokens settings ids model redis_envelope redis_reply redis_bridge

/usr/bin/python3 tests/fuzz/seeds.py "$build/seeds"
for target in "$@"; do
  mkdir -p "$build/found/$target" "tests/fuzz/corpus/$target"
  cp "$build/seeds/$target"/* "$build/found/$target"
done
sh tests/fuzz/run.sh "$build" "$seconds" "$@"
for target in "$@"; do
  rm -rf "$build/least/$target"
  mkdir -p "$build/least/$target"
  "$build/tests/fuzz/fuzz-$target" -set_cover_merge=1 -max_len=300 "$build/least/$target" "tests/fuzz/corpus/$target" \
    "$build/seeds/$target" "$build/found/$target" >"$build/$target.merge.log" 2>&1
  rm -rf "tests/fuzz/corpus/$target"
  cp -r "$build/least/$target" "tests/fuzz/corpus/$target"
  echo "$target: $(find "tests/fuzz/corpus/$target" -type f | wc -l) inputs"
done
