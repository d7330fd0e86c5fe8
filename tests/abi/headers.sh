#!/bin/sh
# headers.sh INCLUDE_DIR: each public header alone, in C11 and C++17, without a warning.
set -eu
for header in "$1"/hermes_sse/*.h; do
  name=hermes_sse/$(basename "$header")
  for how in "${CC:-cc} -x c -std=c11" "${CXX:-c++} -x c++ -std=c++17"; do
    # shellcheck disable=SC2086
    printf '#include <%s>\nint unused;\n' "$name" |
      $how -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -I"$1" -fsyntax-only - ||
      { echo "$name does not stand alone: $how"; exit 1; }
  done
done
