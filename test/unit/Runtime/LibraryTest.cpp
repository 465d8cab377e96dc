// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Real libraries: what they export and need, one pool for all of them, weights
// in a side file, and the C example.

#include "TestModel.h"
#include "quantc/Runtime/Load.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace quantc::runtime::test {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = QUANTC_TEST_MODELS;

/// The output of a command, line by line.
std::vector<std::string> linesOf(const std::string &command) {
  std::vector<std::string> lines;
  FILE *pipe = popen(command.c_str(), "r");
  std::array<char, 1024> line;
  while (pipe && fgets(line.data(), int(line.size()), pipe))
    lines.emplace_back(line.data()).pop_back();
  EXPECT_EQ(pipe ? pclose(pipe) : -1, 0) << command;
  return lines;
}

std::set<std::string> symbolsOf(const std::string &options,
                                const fs::path &file) {
  std::set<std::string> names;
  for (const std::string &line : linesOf(std::string(QUANTC_TEST_NM) + " " +
                                         options + " " + file.string())) {
    std::string name = line.substr(line.rfind(' ') + 1);
    if (!name.empty() && name.back() != ':')
      names.insert(name.substr(0, name.find('@')));
  }
  return names;
}

/// Threads of all pools; this test program links the runtime and so may have
/// one of its own.
size_t poolThreads() {
  size_t count = 0;
  for (const auto &task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    std::getline(file, name);
    count += name == "quantc-pool";
  }
  return count;
}

struct Library {
  explicit Library(const fs::path &path) {
    api = quantc_load(path.c_str(), &handle, message, sizeof(message));
  }
  ~Library() {
    if (handle)
      dlclose(handle);
  }
  quantc_status create(quantc_model_options options = {}) {
    options.struct_size = sizeof(options);
    return quantc_model_create(api, &options, &model, message, sizeof(message));
  }
  std::vector<float> run(int threads, int64_t rows = 1000) {
    Context context(model, threads);
    FloatTensor x({rows, 4}, std::vector<float>(size_t(rows) * 4, 1));
    std::vector<quantc_value> outputs = {libraryOutput("y")};
    EXPECT_EQ(context.run({x.value("x")}, outputs), QUANTC_OK)
        << context.error();
    std::vector<float> all = floatsOf(*outputs[0].tensors);
    return {all.end() - 4, all.end()};
  }
  void destroy() {
    quantc_model_destroy(model);
    model = nullptr;
  }

  void *handle = nullptr;
  const quantc_api *api = nullptr;
  quantc_model *model = nullptr;
  char message[512] = "";
};

TEST(Library, ExportsTheGetterAndThePool) {
  EXPECT_EQ(symbolsOf("-D --defined-only", kModels / "first.so"),
            (std::set<std::string>{"quantc_api_v1", "quantc_default_pool_v1"}));
}

TEST(Library, NeedsNothingButTheSystem) {
  const std::set<std::string> allowed = {"__errno_location",
                                         "aligned_alloc",
                                         "bcmp",
                                         "clock_gettime",
                                         "close",
                                         "dladdr",
                                         "free",
                                         "fstat",
                                         "getpid",
                                         "madvise",
                                         "memcmp",
                                         "memcpy",
                                         "memmove",
                                         "memset",
                                         "mmap",
                                         "mprotect",
                                         "munmap",
                                         "open",
                                         "pread",
                                         "pthread_attr_destroy",
                                         "pthread_attr_init",
                                         "pthread_attr_setdetachstate",
                                         "pthread_attr_setstacksize",
                                         "pthread_create",
                                         "pthread_setname_np",
                                         "pthread_sigmask",
                                         "sched_getaffinity",
                                         "sched_yield",
                                         "sigfillset",
                                         "strchr",
                                         "strcmp",
                                         "strerrordesc_np",
                                         "strlen",
                                         "strrchr",
                                         "syscall",
                                         "sysconf",
                                         "_GLOBAL_OFFSET_TABLE_"};
  std::set<std::string> own = symbolsOf("--defined-only", QUANTC_TEST_ARCHIVE);
  for (const std::string &name :
       symbolsOf("--undefined-only", QUANTC_TEST_ARCHIVE)) {
    bool generated = name == "quantc_program" || name == "quantc_kernels" ||
                     name == "quantc_weights";
    EXPECT_TRUE(allowed.count(name) || own.count(name) || generated) << name;
  }
}

TEST(Library, RunsAndIsQueried) {
  Library first(kModels / "first.so"), second(kModels / "second.so");
  ASSERT_TRUE(first.api) << first.message;
  ASSERT_TRUE(second.api) << second.message;
  ASSERT_EQ(first.create(), QUANTC_OK) << first.message;
  ASSERT_EQ(second.create(), QUANTC_OK) << second.message;
  EXPECT_STREQ(quantc_metadata(first.model, "recipe"), "fp32");
  EXPECT_EQ(first.run(1), (std::vector<float>{103, 203, 303, 403}));
  EXPECT_EQ(second.run(2), (std::vector<float>(4, 3)));
  first.destroy();
  second.destroy();
}

TEST(Library, TwoModelsShareOnePool) {
  Library first(kModels / "first.so"), second(kModels / "second.so");
  ASSERT_TRUE(first.api && second.api);
  const char *pool = program::symbols::kPool;
  EXPECT_EQ(dlsym(first.handle, pool), dlsym(second.handle, pool));
  ASSERT_EQ(first.create(), QUANTC_OK) << first.message;
  ASSERT_EQ(second.create(), QUANTC_OK) << second.message;
  const std::vector<float> one = {103, 203, 303, 403}, two(4, 3);
  EXPECT_EQ(first.run(3), one);
  size_t threads = poolThreads();
  EXPECT_GE(threads, 2u);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(second.run(3), two);
    EXPECT_EQ(first.run(3), one);
  }
  EXPECT_EQ(poolThreads(), threads);
  // The pool's code stays, also when its library is closed.
  first.destroy();
  dlclose(std::exchange(first.handle, nullptr));
  EXPECT_EQ(second.run(3), two);
  second.destroy();
  dlclose(std::exchange(second.handle, nullptr));
  Library again(kModels / "first.so");
  ASSERT_EQ(again.create(), QUANTC_OK);
  EXPECT_EQ(again.run(3), one);
  again.destroy();
  EXPECT_EQ(poolThreads(), threads);
}

TEST(Library, UnsupportedCpuIsRefused) {
  Library needy(kModels / "needy.so");
  ASSERT_TRUE(needy.api) << needy.message;
  EXPECT_EQ(needy.create(), QUANTC_UNSUPPORTED_CPU);
  EXPECT_EQ(needy.model, nullptr);
}

TEST(Library, NotALibrary) {
  Library missing(kModels / "missing.so");
  EXPECT_EQ(missing.api, nullptr);
  EXPECT_NE(std::string(missing.message).find("missing.so"), std::string::npos);
  Library other("libm.so.6");
  EXPECT_EQ(other.api, nullptr);
  EXPECT_STREQ(other.message, "not a library compiled by quantc: it has no "
                              "symbol quantc_api_v1");
}

struct SideFile : testing::Test {
  SideFile() {
    char name[] = "/tmp/quantc-runtime-XXXXXX";
    folder = mkdtemp(name);
    for (const fs::path &file : {kLibrary, kWeights})
      fs::copy_file(kModels / file, folder / file);
  }
  ~SideFile() override { fs::remove_all(folder); }

  void expect(quantc_status status, const std::string &part,
              quantc_model_options options = {}) {
    Library library(folder / kLibrary);
    ASSERT_TRUE(library.api) << library.message;
    ASSERT_EQ(library.create(options), status) << library.message;
    EXPECT_NE(std::string(library.message).find(part), std::string::npos)
        << library.message;
    if (status == QUANTC_OK) {
      EXPECT_EQ(library.run(1), (std::vector<float>{13, 23, 33, 43}));
    }
    library.destroy();
  }
  void overwrite(long offset, char byte) {
    std::fstream file(folder / kWeights,
                      std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset);
    file.put(byte);
  }

  const fs::path kLibrary = "sided.so", kWeights = "sided.0123.weights";
  fs::path folder;
};

TEST_F(SideFile, FoundBesideTheLibrary) {
  expect(QUANTC_OK, "");
  quantc_model_options options = {};
  options.weights_mode = QUANTC_WEIGHTS_PRIVATE;
  expect(QUANTC_OK, "", options);
  options.weights_mode = 7;
  expect(QUANTC_INVALID_ARGUMENT, "unknown weights_mode 7", options);
}

TEST_F(SideFile, MissingOrElsewhere) {
  fs::rename(folder / kWeights, folder / "moved");
  expect(QUANTC_WEIGHTS_NOT_FOUND,
         "cannot open weights file '" + (folder / kWeights).string() +
             "': No such file or directory; keep it beside the library or set "
             "weights_path");
  quantc_model_options options = {};
  std::string path = folder / "moved";
  options.weights_path = path.c_str();
  expect(QUANTC_OK, "", options);
  path = folder;
  options.weights_path = path.c_str();
  expect(QUANTC_WEIGHTS_MISMATCH, "are not a regular file", options);
}

TEST_F(SideFile, Damaged) {
  overwrite(offsetof(program::WeightsFileHeader, hash) + 3, 'x');
  expect(QUANTC_WEIGHTS_MISMATCH, "has another content hash than the library");
  overwrite(0, 'x');
  expect(QUANTC_WEIGHTS_MISMATCH, "is not a weights file of this version");
  fs::resize_file(folder / kWeights, 4096 + 15);
  expect(QUANTC_WEIGHTS_MISMATCH, "to have 4112 bytes, got 4111");
}

TEST(Example, RunsInC) {
  std::vector<std::string> lines =
      linesOf((kModels / "quantc_c_example").string());
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "input x [n, 4]", "output y [2, 4] first value 101"}));
}

} // namespace
} // namespace quantc::runtime::test
