#!/usr/bin/env bash
# Sets up, builds, and does the main job on a real model: see tools/demo.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export QUANTC_BUILD_DIR=${QUANTC_BUILD_DIR:-$root/build}
"$root/tools/setup.sh"
"$root/tools/build.sh" --quiet quantc quantc-python
exec "${QUANTC_VENV_DIR:-$root/.venv}/bin/python" "$root/tools/demo.py" "$@"
