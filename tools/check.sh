#!/usr/bin/env bash
# Sets up, builds and runs all tests.  The last line is 'N passed, N failed';
# the status is 1 if anything failed.
#
#   tools/check.sh          everything that every change must pass
#   tools/check.sh --full   also the sanitizer build, longer fuzzing and the
#                           measured bars
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
export QUANTC_BUILD_DIR=${QUANTC_BUILD_DIR:-$root/build}
venv=${QUANTC_VENV_DIR:-$root/.venv}
python=$venv/bin/python
full=
case "${1:-}" in
  '') ;;
  --full) full=1 ;;
  *) echo "usage: tools/check.sh [--full]" >&2; exit 2 ;;
esac

passed=0 failed=0
say() { printf '[check] %s\n' "$*"; }
finish() {
  say "$((SECONDS / 60)) min $((SECONDS % 60)) s"
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" = 0 ]
  exit
}

# step NAME COMMAND...: without it the rest makes no sense.
step() {
  say "$1"
  "${@:2}" || { say "$1: status $?"; failed=$((failed + 1)); finish; }
}

# suite NAME COMMAND...: its last line says 'N passed, N failed'.
suite() {
  say "$1"
  local status=0 last log
  log=$(mktemp)
  "${@:2}" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  last=$(tail -n 1 "$log")
  rm -f "$log"
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    [ "$status" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] ||
      failed=$((failed + 1))
  else
    say "$1: status $status, and no counts"
    failed=$((failed + 1))
  fi
}

# run_lit BUILD: the lit files and the unit tests of one build tree.
run_lit() {
  rm -f "$1/lit.json"
  "$venv/bin/lit" -sv -o "$1/lit.json" "$1/test" "$1/test/unit"
  "$python" "$root/tools/lit_counts.py" "$1/lit.json"
}

# fuzz TARGET SECONDS [SEEDS' OPTIONS]: its last line is 'passed' if nothing was
# found.  What is found interesting is kept in that tree for the next run.
fuzz() {
  local target=$1 seconds=$2 tree=$QUANTC_BUILD_DIR-fuzz
  local corpus=$tree/corpus-$target-$seconds
  mkdir -p "$corpus"
  "$python" test/fuzz/seeds.py "${@:3}" "$tree/seeds-$target-$seconds" || return
  # MLIR is not instrumented and shares allocators that poison memory.
  if ASAN_OPTIONS=allow_user_poisoning=0 \
    "$tree/bin/$target" -max_total_time="$seconds" -timeout=20 \
    -rss_limit_mb=4096 -max_len=16384 -detect_leaks=0 -print_final_stats=1 \
    -verbosity=0 -print_funcs=0 -print_pcs=0 -artifact_prefix="$tree/" \
    "$corpus" "$tree/seeds-$target-$seconds"; then
    echo passed
  else
    echo "the input is in $tree"
  fi
}

# fuzz_both SECONDS CASES: bytes, and models of CASES cases of the backend suite,
# side by side in their instrumented build.
fuzz_both() {
  local logs passed
  QUANTC_BUILD_DIR=$QUANTC_BUILD_DIR-fuzz QUANTC_CMAKE_ARGS=-DQUANTC_FUZZ=ON \
    tools/build.sh --quiet ImportFuzzer ModelFuzzer || return
  logs=$(mktemp -d)
  fuzz ImportFuzzer "$1" >"$logs/bytes" 2>&1 &
  fuzz ModelFuzzer "$1" --backend "$2" >"$logs/models" 2>&1 &
  wait
  cat "$logs/bytes" "$logs/models"
  passed=$(tail -qn 1 "$logs/bytes" "$logs/models" | grep -cx passed)
  rm -r "$logs"
  echo "$passed passed, $((2 - passed)) failed"
}

cd "$root" || exit 1
step "setup" tools/setup.sh
step "build" tools/build.sh --quiet all QuantcUnitTests
suite "style" tools/lint.sh
suite "lit and unit tests" run_lit "$QUANTC_BUILD_DIR"
for script in test/end-to-end/*.py; do
  case "$(basename "$script")" in
    _*) ;; # shared by the others
    *) suite "$script" "$python" "$script" ;;
  esac
done

suite "ONNX backend suite" "$python" test/conformance/run.py ${full:+--full}
families=test/conformance/families/run_families.py
suite "committed exports of model families" "$python" "$families"

suite "fuzzing for 30 s" fuzz_both 30 150

if [ -n "$full" ]; then
  suite "fuzzing for 600 s" fuzz_both 600 2000
  asan=$QUANTC_BUILD_DIR-asan
  export QUANTC_CMAKE_ARGS=-DQUANTC_SANITIZE=ON
  QUANTC_BUILD_DIR=$asan step "sanitizer build" \
    tools/build.sh --quiet all QuantcUnitTests
  suite "lit and unit tests under ASan and UBSan" run_lit "$asan"
  suite "all exports of model families" "$python" "$families" --full
  suite "all quantized exports" "$python" \
    test/end-to-end/quantized_exports.py --full
  suite "a model of 6 GB" "$python" test/benchmark/large.py
  suite "measured bars" "$python" test/benchmark/bars.py
fi
finish
