#!/bin/sh
# renew.sh BUILD: writes the dumps of the ABI anew, from a gcc build with debug information. What it changes goes into CHANGELOG.md.
set -eu
cd "$(dirname "$0")/../.."
build=${1:?build directory}
sh tests/abi/abi.sh "$build/lib/core/libhermes-sse.so" tests/abi/core.abi --renew
sh tests/abi/abi.sh "$build/lib/service/libhermes-sse-service.so" tests/abi/service.abi --renew
sh tests/abi/abi.sh "$build/lib/redis/libhermes-sse-redis.so" tests/abi/redis.abi --renew
git diff --stat tests/abi
