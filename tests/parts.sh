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
  started=$(date +%s)
}

# part NAME COMMAND...: runs it quietly, prints its time, and its output if it fails.
part() {
  name=$1
  shift
  [ -z "$only" ] || [ "$only" = "$name" ] || return 0
  from=$(date +%s)
  if "$@" >"$build/$name.log" 2>&1; then
    passed=$((passed + 1))
    printf '%-11s ok    %3d s\n' "$name" $(($(date +%s) - from))
  else
    failed=$((failed + 1))
    names="$names $name"
    printf '%-11s FAIL  %3d s\n' "$name" $(($(date +%s) - from))
    tail -n 60 "$build/$name.log"
  fi
}

# configure_and_test DIR MESON_OPTIONS... -- TEST_OPTIONS...
configure_and_test() {
  dir=$build/$1
  shift
  options=
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    options="$options $1"
    shift
  done
  [ $# -eq 0 ] || shift
  # shellcheck disable=SC2086
  [ -f "$dir/build.ninja" ] || meson setup "$dir" -Dwerror=true $options || return 1
  ninja -C "$dir" || return 1
  meson test -C "$dir" --print-errorlogs "$@"
}

# end WORD [SECONDS]: the summary, with what was taken of those seconds; its status is the script's.
end() {
  [ -z "$names" ] || echo "failed:$names (logs in $build)"
  echo "$1: $(($(date +%s) - started))${2+ of $2} s"
  echo "$passed passed, $failed failed"
  [ "$failed" = 0 ]
}
