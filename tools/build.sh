#!/usr/bin/env bash
# Configures (when this script is newer) and builds quantc: tools/build.sh [ninja targets].
# The tree goes to build/, or to QUANTC_BUILD_DIR.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/versions.env"
deps=${QUANTC_DEPS_DIR:-$root/.deps}
venv=${QUANTC_VENV_DIR:-$root/.venv}
build=${QUANTC_BUILD_DIR:-$root/build}
llvm=$(llvm-config-$LLVM_MAJOR --prefix)
# Objects are shared between trees at different places: paths relative to the
# tree, and the precompiled header known by what it is made from.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1
export CCACHE_PCH_EXTSUM=1
if [ ! "$build/build.ninja" -nt "$root/tools/build.sh" ]; then
  cmake --fresh -S "$root" -B "$build" -G Ninja \
    -DCMAKE_C_COMPILER=clang-$LLVM_MAJOR \
    -DCMAKE_CXX_COMPILER=clang++-$LLVM_MAJOR \
    -DCMAKE_C_COMPILER_LAUNCHER=ccache \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$root/tools/ccache-launcher.sh" \
    -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold \
    -DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=mold \
    -DCMAKE_MODULE_LINKER_FLAGS=-fuse-ld=mold \
    -DCMAKE_PREFIX_PATH="$llvm;$deps/onnx-$ONNX_VERSION;$deps/highs-$HIGHS_VERSION" \
    -DPython_EXECUTABLE="$venv/bin/python" -DPython_ROOT_DIR="$venv" \
    ${QUANTC_CMAKE_ARGS:-} > "$build.configure.log" 2>&1 ||
    { cat "$build.configure.log"; exit 1; }
  rm -f "$build.configure.log"
fi
pch=$build/lib/CMakeFiles/QuantcPch.dir
mkdir -p "$pch"
{ clang++-$LLVM_MAJOR --version; cat "$root/include/quantc/Support/Pch.h"; } |
  sha256sum > "$pch/cmake_pch.hxx.pch.sum"
exec ninja -C "$build" "$@"
