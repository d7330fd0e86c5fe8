#!/bin/sh
# abi.sh LIBRARY DUMP [--renew]: the ABI of the built library (gcc, with debug information) beside the committed dump of it;
# any difference is a decision: `sh tests/abi/renew.sh BUILD`, and a line in CHANGELOG.md.
set -eu
library=$1
dump=$2

# What the public headers say; without paths of this machine.
describe() {
  abidw --suppressions "$(dirname "$0")/private.suppressions" --exported-interfaces-only --no-corpus-path --no-comp-dir-path --no-show-locs \
    --no-elf-needed --type-id-style hash "$library" | sed "s#path='[^']*/\(lib\|include\)/#path='\1/#"
}

if [ "${3-}" = --renew ]; then
  describe >"$dump"
  exit
fi
now=$(mktemp)
trap 'rm -f "$now"' EXIT
describe >"$now"
abidiff "$dump" "$now" || {
  echo "the ABI differs from $dump; if that is meant: sh tests/abi/renew.sh BUILD, and write it in CHANGELOG.md"
  exit 1
}
