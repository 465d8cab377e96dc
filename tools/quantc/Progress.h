// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Says on a terminal what takes longer than a second, and for how long.

#ifndef QUANTC_TOOLS_QUANTC_PROGRESS_H
#define QUANTC_TOOLS_QUANTC_PROGRESS_H

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace quantc {

class Progress {
public:
  /// Does nothing unless standard error is a terminal.
  explicit Progress(std::string what);
  /// Removes the line.
  ~Progress();

private:
  void show();

  std::string what;
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  std::thread thread;
};

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_PROGRESS_H
