#!/usr/bin/env bash
# The style rules that a machine can check, over all tracked files.  One check
# per rule, offending files are listed; `--fix` formats the C++ sources.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
. tools/versions.env
format=clang-format-$LLVM_MAJOR
# A file that a moment ago was there may be gone from the tree.
files() {
  git ls-files -z -- "$@" | while IFS= read -r -d '' file; do
    [ ! -f "$file" ] || printf '%s\0' "$file"
  done
}

if [ "${1:-}" = --fix ]; then
  files '*.cpp' '*.h' | xargs -0 -r "$format" -i
  exit
fi

passed=0 failed=0
# rule WHAT LIST: LIST holds one offending file per line.
rule() {
  if [ -z "$2" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'FAIL  %s:\n%s\n' "$1" "$2"
  fi
}

text=('*.cpp' '*.h' '*.td' '*.py' '*.sh' '*.cmake' '*.txt' '*.md' '*.mlir'
      '*.test' '*.in' .ci/run)
rule "clang-format (tools/lint.sh --fix)" "$(files '*.cpp' '*.h' |
  xargs -0 -r "$format" --dry-run -Werror 2>&1 |
  sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: error:.*/\1/p' | sort -u)"
rule "licence line" "$(files '*.cpp' '*.h' '*.td' '*.py' |
  xargs -0 -r grep -L 'SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception')"
rule "blank at the end of a line" "$(files "${text[@]}" |
  xargs -0 -r grep -lE '[[:blank:]]+$')"
rule "tab" "$(files '*.cpp' '*.h' '*.td' '*.py' '*.mlir' |
  xargs -0 -r grep -lP '\t')"
# A longer file says in its header why it is longer.
rule "over 800 lines" "$(files '*.cpp' '*.h' '*.td' '*.py' '*.mlir' |
  xargs -0 -r wc -l | awk '$2 != "total" && $1 > 800 {print $2}' |
  while read -r file; do
    head -20 "$file" | grep -qi longer || echo "$file"
  done)"
rule "over 20 MB" "$(files . | xargs -0 -r stat -c '%s %n' |
  awk '$1 > 20000000 {print $2}')"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
