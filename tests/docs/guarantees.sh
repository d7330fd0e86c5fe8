#!/bin/sh
# shellcheck disable=SC2016
# guarantees.sh: every test that docs/guarantees.md names exists, and each pain's test carries its number.
set -eu
cd "$(dirname "$0")/../.."
page=docs/guarantees.md
wrong=0
for name in $(sed -n '/^|/s/`hermes_sse[^`]*`//g; /^|/p' "$page" | grep -o '`[A-Za-z_0-9-]*`' | tr -d '`' | sort -u); do
  case $name in
  expired | restarted | unknown | slow | bridge) continue ;;
  stress-*) grep -q "'${name#stress-}'\|'$name'" tests/stress/meson.build ;;
  test_*) grep -q "^def $name(" tests/integration/*.py ;;
  *) grep -q "START_TEST($name)" tests/unit/*.c tests/redis/*.c ;;
  esac || { echo "$page names $name, which is no test"; wrong=1; }
done
sed -n 's/^| \(P[0-9]*\) | .* | `\([A-Za-z_0-9]*\)` |$/\1 \2/p' "$page" | {
  while read -r pain name; do
    case $name in
    *"${pain}_"*) ;;
    *) echo "the test of $pain, $name, does not carry its number"; exit 1 ;;
    esac
  done
} || wrong=1
exit $wrong
