#!/bin/sh
# install.sh BUILD_DIR SOURCE_DIR: installs into a scratch prefix, builds the first host with pkg-config against it, shared and
# static, and reads an event from it; a tool of the encoder alone needs libc and the core, nothing else.
set -eu
scratch=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$scratch"' EXIT
DESTDIR=$scratch meson install -C "$1" --no-rebuild --quiet >/dev/null
pc=$(find "$scratch" -name hermes-sse.pc)
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$scratch"
lib=$(cd "${pc%/*}/.." && pwd)
[ "$(pkg-config --modversion hermes-sse)" = "$(sed -n "s/^  version: '\(.*\)',/\1/p" "$2/meson.build")" ]
# shellcheck disable=SC2046
cc "$2/examples/hosts/first.c" -o "$scratch/first" $(pkg-config --cflags --libs hermes-sse)
# shellcheck disable=SC2046
cc "$2/examples/hosts/encode.c" -o "$scratch/encode" $(pkg-config --cflags --libs hermes-sse)
# shellcheck disable=SC2046
cc "$2/examples/hosts/encode.c" -o "$scratch/encode-static" $(pkg-config --cflags hermes-sse) "$lib/libhermes-sse.a" -pthread
export LD_LIBRARY_PATH="$lib"
[ "$(printf 'a\n' | "$scratch/encode")" = "data: a" ]
[ "$(printf 'a\n' | "$scratch/encode-static")" = "data: a" ]
foreign=$(ldd "$scratch/encode" | grep -v -e linux-vdso -e libhermes-sse -e 'libc\.so' -e ld-linux || true)
[ -z "$foreign" ] || { echo "the encoder drags in: $foreign"; exit 1; }
if [ -f "${pc%/*}/hermes-sse-redis.pc" ]; then
  # shellcheck disable=SC2046
  cc "$2/examples/hosts/bridge.c" -o "$scratch/bridge" $(pkg-config --cflags --libs hermes-sse-redis)
  [ "$(echo '[1]' | "$scratch/bridge" redis://127.0.0.1:1 2>/dev/null | sed -n 2p)" = "data: [1]" ]
fi
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$scratch/first" "$port" &
pid=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
  first=$(curl -sN -m 3 "http://127.0.0.1:$port/" 2>/dev/null | head -n 1) || true
  [ -z "$first" ] || break
  sleep 0.1
done
[ "$first" = "data: tick" ] || { echo "the first host said: $first"; exit 1; }
