// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Says on a terminal what takes longer than a second, and for how long.

#ifndef QUANTC_TOOLS_QUANTC_PROGRESS_H
#define QUANTC_TOOLS_QUANTC_PROGRESS_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
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
  /// Shows how many of `unit` are done.
  void count(int64_t number, const char *unit) {
    counted = number;
    this->unit = unit;
  }

private:
  void show();

  std::string what;
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  std::atomic<int64_t> counted = 0;
  std::atomic<const char *> unit = nullptr;
  std::thread thread;
};

} // namespace quantc

#endif // QUANTC_TOOLS_QUANTC_PROGRESS_H
