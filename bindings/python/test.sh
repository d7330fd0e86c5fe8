#!/bin/sh
# Builds the source distribution, the wheel from that, and an instrumented extension, offline; then runs pytest, mypy, stubtest.
#   sh bindings/python/test.sh [SCRATCH]     SCRATCH: where builds go, build/tests/python by default
# Needs Debian's gcc libc6-dev binutils git meson ninja-build python3-dev python3-pip python3-build python3-mesonpy
# python3-pytest python3-hypothesis mypy
set -eu
cd "$(dirname "$0")"
PATH=/usr/bin:/bin:$PATH # the system's Python and its tools, whatever comes first elsewhere
here=$PWD
scratch=${1-../../build/tests/python}
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)
export PYTHONDONTWRITEBYTECODE=1 PIP_NO_INDEX=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
  HYPOTHESIS_STORAGE_DIRECTORY="$scratch/hypothesis"

# An extension built with AddressSanitizer and UndefinedBehaviorSanitizer, beside the other half: there are two cores.
sanitized() {
  instrumented=$scratch/address
  printf "[binaries]\npython = '/usr/bin/python3'\n" >"$scratch/native.ini"
  [ -f "$instrumented/build.ninja" ] || meson setup "$instrumented" --native-file "$scratch/native.ini" -Dwerror=true -Dbuildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false -Dpython.platlibdir="$scratch/address-site" >"$scratch/setup.log" || { cat "$scratch/setup.log"; exit 1; }
  ninja -C "$instrumented" >"$scratch/ninja.log" || { cat "$scratch/ninja.log"; exit 1; }
  meson install -C "$instrumented" --quiet >"$scratch/install.log"
  # malloc for Python's own objects, so that a byte too far in one of them is seen; what Python keeps to its end is no leak of ours
  LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
    UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 PYTHONMALLOC=malloc HERMES_SSE_SANITIZED=1 PYTHONPATH="$scratch/address-site" \
    python3 -m pytest -q
}
sanitized >"$scratch/sanitized.log" 2>&1 &
other_half=$!
trap 'kill "$other_half" 2>/dev/null || true' EXIT

# A source distribution holds what is committed. The wheel is built from it, with nothing of the source tree around.
rm -rf "${scratch:?}/dist" "$scratch/site"
mkdir -p "$scratch/dist"
echo "== source distribution and wheel"
{
  python3 -m build --no-isolation --sdist --outdir "$scratch/dist" .
  cd "$scratch/dist"
  python3 -m pip wheel --no-build-isolation --no-deps --wheel-dir . hermes_sse-*.tar.gz
  python3 -m pip install --no-deps --target "$scratch/site" hermes_sse-*.whl
} >"$scratch/dist.log" 2>&1 || { tail -n 40 "$scratch/dist.log"; exit 1; }
cd "$here"
ls "$scratch/dist"

echo "== the wheel: pytest, mypy, stubtest, benchmark"
export PYTHONPATH="$scratch/site" MYPYPATH="$scratch/site"
python3 -m pytest -q
mypy --cache-dir "$scratch/mypy" tests/typed.py
(cd "$scratch" && stubtest --mypy-config-file "$here/pyproject.toml" hermes_sse)
python3 benchmarks/encode.py --short || true # its figures are for a quiet machine

echo "== AddressSanitizer and UndefinedBehaviorSanitizer"
wait "$other_half" || { cat "$scratch/sanitized.log"; exit 1; }
trap - EXIT
tail -n 1 "$scratch/sanitized.log"
