// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A line on the terminal that counts seconds.

#include "Progress.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"

namespace quantc {

Progress::Progress(std::string what) : what(std::move(what)) {
  if (llvm::sys::Process::StandardErrIsDisplayed())
    thread = std::thread([this] { show(); });
}

Progress::~Progress() {
  if (!thread.joinable())
    return;
  {
    std::lock_guard<std::mutex> lock(mutex);
    done = true;
  }
  wake.notify_one();
  thread.join();
}

void Progress::show() {
  std::unique_lock<std::mutex> lock(mutex);
  bool shown = false;
  for (int seconds = 1;; ++seconds) {
    if (wake.wait_for(lock, std::chrono::seconds(1), [this] { return done; }))
      break;
    llvm::errs() << "\r" << what << " ... " << seconds << " s";
    if (const char *name = unit)
      llvm::errs() << ", " << counted << " " << name;
    llvm::errs().flush();
    shown = true;
  }
  if (shown)
    llvm::errs() << "\r\x1b[K";
}

} // namespace quantc
