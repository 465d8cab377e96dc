// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lld as a library.  lld's driver has global state, so one link at a time.

#include "quantc/Target/Link.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <dlfcn.h>
#include <mutex>

LLD_HAS_DRIVER(elf)

namespace quantc {

// The file that this code was loaded from: a tool or the Python module.
static std::string ownFile() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&ownFile), &info) && info.dli_fname) {
    llvm::SmallString<256> path;
    if (!llvm::sys::fs::real_path(info.dli_fname, path))
      return std::string(path);
  }
  return llvm::sys::fs::getMainExecutable(nullptr,
                                          reinterpret_cast<void *>(&ownFile));
}

llvm::Expected<std::string> findRuntimeArchive() {
  llvm::SmallString<256> main(llvm::sys::fs::getMainExecutable(
      nullptr, reinterpret_cast<void *>(&ownFile)));
  std::string own = ownFile();
  for (llvm::StringRef file : {main.str(), llvm::StringRef(own)})
    for (const char *place :
         {"lib/quantc", "../lib/quantc", "../../lib/quantc", "."}) {
      llvm::SmallString<256> path(file);
      llvm::sys::path::remove_filename(path);
      llvm::sys::path::append(path, place, "libquantc_runtime.a");
      if (llvm::sys::fs::exists(path))
        return std::string(path);
    }
  return llvm::createStringError(
      "cannot find libquantc_runtime.a beside this installation; reinstall "
      "quantc");
}

static llvm::Expected<std::string> findLibc() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&free), &info) && info.dli_fname) {
    llvm::SmallString<256> path;
    if (!llvm::sys::fs::real_path(info.dli_fname, path) &&
        llvm::sys::path::filename(path).starts_with("libc.so"))
      return std::string(path);
  }
  for (const char *path : {"/lib/x86_64-linux-gnu/libc.so.6",
                           "/lib64/libc.so.6", "/usr/lib/libc.so.6"})
    if (llvm::sys::fs::exists(path))
      return std::string(path);
  return llvm::createStringError("cannot find libc.so.6 to link with");
}

llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects,
                              llvm::StringRef output, llvm::StringRef soname) {
  llvm::Expected<std::string> runtime = findRuntimeArchive();
  if (!runtime)
    return runtime.takeError();
  llvm::Expected<std::string> libc = findLibc();
  if (!libc)
    return libc.takeError();
  std::string out = output.str(), name = "-soname=" + soname.str();
  std::vector<const char *> args = {"ld.lld",
                                    "-shared",
                                    "-o",
                                    out.c_str(),
                                    name.c_str(),
                                    "--threads=1",
                                    "--build-id=none",
                                    "--hash-style=gnu",
                                    "-z",
                                    "relro",
                                    "-z",
                                    "now",
                                    "-z",
                                    "noexecstack",
                                    "--gc-sections",
                                    "-u",
                                    "quantc_api_v1"};
  // Not -Bsymbolic: all libraries of a process share one thread pool.
  for (const std::string &object : objects)
    args.push_back(object.c_str());
  args.push_back(runtime->c_str());
  args.push_back(libc->c_str());

  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  std::string text;
  llvm::raw_string_ostream os(text);
  lld::Result result =
      lld::lldMain(args, os, os, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode != 0)
    return llvm::createStringError("linking failed: " +
                                   llvm::StringRef(text).split('\n').first);
  return llvm::Error::success();
}

} // namespace quantc
