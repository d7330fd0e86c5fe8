#!/bin/sh
# target.sh BUILD SECONDS TARGET: one target, built by run.sh: what has crashed once and the corpus, then new inputs for so long; in
# runs of up to 10 seconds always the same ones, so that a change is judged and not a throw of dice.
# Leaves crashes in BUILD/crashes, what reached something new in BUILD/found/TARGET, all that was said in BUILD/TARGET.log.
set -eu
cd "$(dirname "$0")/../.."
build=$1
seconds=$2
target=$3
program=$build/tests/fuzz/fuzz-$target
log=$build/$target.log
dictionary=tests/fuzz/service.dict
case $target in
parser | encoder | ids) dictionary=tests/fuzz/stream.dict ;;
esac
export ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb=16
mkdir -p "$build/crashes" "$build/found/$target"

crash() {
  echo "$target: CRASH (all of it: $log)"
  grep -a -e 'not true' -e 'ERROR:' -e 'runtime error' -e 'Test unit written' -e 'Running: ' -e '    #[0-9]* .*/lib/' "$log" | tail -n 20
  exit 1
}

find "tests/fuzz/corpus/$target" "tests/fuzz/regressions/$target" -type f >"$build/$target.kept" 2>/dev/null || true
xargs -r "$program" -timeout=10 <"$build/$target.kept" >"$log" 2>&1 || crash
kept=$(wc -l <"$build/$target.kept")
if [ "$seconds" != 0 ]; then
  seed=0 # another for every run
  [ "$seconds" -gt 10 ] || seed=1
  "$program" -seed="$seed" -max_total_time="$seconds" -max_len=1000 -timeout=10 -rss_limit_mb=1500 -print_final_stats=1 -dict="$dictionary" \
    -artifact_prefix="$build/crashes/$target-" "$build/found/$target" "tests/fuzz/corpus/$target" >>"$log" 2>&1 || crash
fi
echo "$target: $kept kept inputs, $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1) tried"
