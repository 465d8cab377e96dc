// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Makes sure that the answer of the process is one of its exit statuses, never
// a signal: crashes become status 70, exhausted memory status 3, and a closed
// pipe an ordinary write error.

#ifndef QUANTC_TOOLS_QUANTC_GUARD_H
#define QUANTC_TOOLS_QUANTC_GUARD_H

namespace quantc {

void installGuards();

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_GUARD_H
