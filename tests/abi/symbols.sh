#!/bin/sh
# symbols.sh LIBRARY LIST CALLS NEEDED: what the library exports is what the committed list says, all of it is in docs/calls.md, and
# beside libc it needs NEEDED alone.
set -eu
found=$(nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort)
if [ "$found" != "$(cat "$2")" ]; then
  echo "exported symbols differ from $2:"
  echo "$found" | diff "$2" - || true
  exit 1
fi
for symbol in $found; do
  grep -q "\`$symbol\`" "$3" || { echo "$symbol is not in $3"; exit 1; }
done
needed=$(objdump -p "$1" | awk '$1 == "NEEDED" { print $2 }' | grep -v -e '^libc\.so' -e '^ld-linux' || true)
[ "$needed" = "$4" ] || { echo "$1 needs '$needed' beside libc, not '$4'"; exit 1; }
