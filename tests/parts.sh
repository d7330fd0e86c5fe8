# shellcheck shell=sh
# What tests/run.sh and tests/nightly.sh share: installing, parts with their time, builds, the summary. Sourced in the source tree's
# root, with $build the directory for builds and logs, and $only the one part to run, or empty.

# install PACKAGE...: those of Debian 12 that are missing.
install() {
  missing=
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
  done
  command -v node >/dev/null || missing="$missing nodejs"
  command -v npm >/dev/null || missing="$missing npm"
  [ -n "$missing" ] || return 0
  sudo=
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  echo "installing:$missing"
  # shellcheck disable=SC2086
  if ! { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; }; then
    echo "could not install them; as root: apt-get install --no-install-recommends$missing" >&2
    exit 2
  fi
}

# begin: after it, time counts.
begin() {
  mkdir -p "${build:?}"
  passed=0
  failed=0
  names=
  waiting=
  started=$(date +%s)
}

# run_part NAME COMMAND...: quietly; leaves its status, the seconds it took and those of processors in NAME.status.
run_part() {
  part_name=$1
  shift
  part_from=$(date +%s)
  rm -f "$build/$part_name.status"
  "$@" >"$build/$part_name.log" 2>&1
  part_status=$?
  part_took=$(($(date +%s) - part_from))
  times >"$build/$part_name.times"
  awk -v status="$part_status" -v took="$part_took" 'NR == 2 { split($0, t, /[ms ]+/); printf "%d %d %d\n", status, took, 60 * (t[1] + t[3]) + t[2] + t[4] + 0.5 }' \
    "$build/$part_name.times" >"$build/$part_name.status"
}

# tell NAME: what became of it, with its output if it failed.
tell() {
  status=unknown took=0 processors=0
  [ ! -s "$build/$1.status" ] || read -r status took processors <"$build/$1.status"
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    printf '%-11s ok    %3d s   %3d s of processors\n' "$1" "$took" "$processors"
  else
    failed=$((failed + 1))
    names="$names $1"
    printf '%-11s FAIL  %3d s   %3d s of processors\n' "$1" "$took" "$processors"
    tail -n 60 "$build/$1.log"
  fi
}

# part NAME COMMAND...: runs it, unless another one alone was asked for.
part() {
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  (
    [ -z "$waiting" ] || renice -n 10 -p "$(exec sh -c 'echo $PPID')" >/dev/null
    run_part "$@"
  )
  tell "$1"
}

# beside NAME COMMAND...: as part, but what follows runs at the same time, and behind it, until `together`. For what mostly waits.
beside() {
  [ -z "$only" ] || [ "$only" = "$1" ] || return 0
  (run_part "$@") &
  waiting=$1
}

together() {
  [ -n "$waiting" ] || return 0
  wait
  tell "$waiting"
  waiting=
}

# configure DIR MESON_OPTIONS...: a build directory, once.
configure() {
  dir=$build/$1
  shift
  [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true "$@"
}

# run_tests DIR TEST_OPTIONS...: several for each processor, as many of them wait.
run_tests() {
  dir=$build/$1
  shift
  meson test -C "$dir" --print-errorlogs --num-processes $((3 * $(nproc))) "$@"
}

# end WORD [SECONDS]: the summary, with what was taken of those seconds; its status is the script's.
end() {
  [ -z "$names" ] || echo "failed:$names (logs in $build)"
  echo "$1: $(($(date +%s) - started))${2+ of $2} s"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
