#!/bin/sh
# The vectors against their schema, the naive reference, the broken references, eventsource-parser and Chromium.
set -eu
cd "$(dirname "$0")"

/usr/bin/python3 check.py
/usr/bin/python3 mutants.py
[ -d node_modules/eventsource-parser ] || npm ci --no-audit --no-fund --ignore-scripts
node eventsource_parser.mjs
/usr/bin/python3 browser.py
