#!/bin/sh
# sizes.sh PROGRAM LIST: struct sizes and offsets are what the committed list says.
set -eu
"$1" | diff "$2" -
