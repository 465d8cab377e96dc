// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Handlers for what would end the process otherwise.  A handler that runs after
// a crash only uses what is safe in a signal handler.

#include "Guard.h"
#include "quantc/Support/Error.h"
#include "llvm/Support/ErrorHandling.h"
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace quantc {

namespace {

void say(const char *text) {
  // Nothing can be done about a failure.
  [[maybe_unused]] ssize_t written = write(2, text, strlen(text));
}

[[noreturn]] void leave(Status status, const char *what, const char *why) {
  say("quantc: error: ");
  say(what);
  say(why);
  say("\n");
  _exit(static_cast<int>(status));
}

void onCrash(int signal) {
  const char *name = signal == SIGSEGV  ? "segmentation fault"
                     : signal == SIGFPE ? "arithmetic exception"
                     : signal == SIGBUS ? "bus error; was a file cut short?"
                     : signal == SIGILL ? "illegal instruction"
                                        : "abort";
  leave(Status::Internal,
        "this is a bug of quantc, please report it with the "
        "model and this command line: ",
        name);
}

void onFatalError(void *, const char *reason, bool) {
  leave(Status::Internal,
        "this is a bug of quantc, please report it with the "
        "model and this command line: ",
        reason);
}

void onBadAlloc(void *, const char *, bool) {
  leave(Status::Limit, "out of memory", "; use a machine with more");
}

/// An exception that met code without exceptions.
void onTerminate() {
  if (std::exception_ptr exception = std::current_exception()) {
    try {
      std::rethrow_exception(exception);
    } catch (const std::bad_alloc &) {
      onBadAlloc(nullptr, nullptr, false);
    } catch (...) {
    }
  }
  std::abort();
}

/// A standard stream that the caller closed would otherwise become the first
/// file that is opened.
void openStandardStreams() {
  for (int fd = 0; fd < 3; ++fd)
    if (fcntl(fd, F_GETFD) < 0)
      (void)!open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

} // namespace

void installGuards() {
  openStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);
  // A write over the file size limit then fails as on a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  std::set_terminate(onTerminate);
  llvm::install_fatal_error_handler(onFatalError);
  llvm::install_bad_alloc_error_handler(onBadAlloc);
  // A stack overflow needs another stack to be reported on.
  static char stack[64 * 1024];
  stack_t alternate = {};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof(stack);
  sigaltstack(&alternate, nullptr);
  struct sigaction action = {};
  action.sa_handler = onCrash;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (int signal : {SIGSEGV, SIGFPE, SIGBUS, SIGILL, SIGABRT})
    sigaction(signal, &action, nullptr);
}

} // namespace quantc
