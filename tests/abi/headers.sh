#!/bin/sh
# headers.sh INCLUDE_DIR: each public header alone, in C11 and C++17, without a warning; an adapter where its loop is there.
set -eu
for header in "$1"/hermes_sse/*.h "$1"/hermes_sse/adapters/*.h; do
  name=hermes_sse/${header##*/hermes_sse/}
  case $name in
  */libevent.h) pkg-config --exists libevent || continue ;;
  */libuv.h) pkg-config --exists libuv || continue ;;
  esac
  for how in "${CC:-cc} -x c -std=c11" "${CXX:-c++} -x c++ -std=c++17"; do
    # shellcheck disable=SC2086
    printf '#include <%s>\nint unused;\n' "$name" |
      $how -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -D_GNU_SOURCE -I"$1" -fsyntax-only - ||
      { echo "$name does not stand alone: $how"; exit 1; }
  done
done
