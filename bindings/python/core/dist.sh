#!/bin/sh
# Puts the library's sources into a source distribution of the binding. Run by `meson dist`.
set -eu
cd "$MESON_SOURCE_ROOT/../.."
mkdir -p "$MESON_DIST_ROOT/core/source"
git ls-files -z lib/core include | xargs -0 cp --parents -t "$MESON_DIST_ROOT/core/source"
