// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled model in this process: the C interface of Runtime/quantc.h with
// owners, and with errors as the tools report them.
//
// In: the path of a library that `quantc compile` wrote; its code runs, so the
// file must be trusted.  Out: what it takes and gives, and runs of it.

#ifndef QUANTC_DRIVER_ARTIFACT_H
#define QUANTC_DRIVER_ARTIFACT_H

#include "quantc/Driver/Array.h"
#include "quantc/Support/Error.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace quantc {

struct TensorSpec {
  quantc_dtype dtype = {};
  /// `4`, `batch`, `past + seq`.
  std::vector<std::string> dims;
  /// -1 where the extent is not fixed.
  std::vector<int64_t> extents;
};

struct ValueSpec {
  std::string name;
  int32_t kind = QUANTC_TENSOR;
  std::vector<TensorSpec> tensors; // one unless a sequence
};

/// A cache: the output is the input with more rows along an axis, and both may
/// be the first rows of one buffer.
struct CacheSpec {
  std::string input, output;
  size_t axis = 0;
};

struct EntrySpec {
  std::string name;
  std::vector<ValueSpec> inputs, outputs;
  std::vector<CacheSpec> caches;
};

/// `float32[batch, 128]`.
std::string specText(const TensorSpec &spec);

class Artifact {
public:
  /// Loads and checks the library at `path`.  A file that was replaced since
  /// an earlier load under the same name is loaded anew.
  static std::optional<Error> load(llvm::StringRef path,
                                   std::shared_ptr<Artifact> &artifact);
  ~Artifact();
  Artifact(const Artifact &) = delete;
  Artifact &operator=(const Artifact &) = delete;

  const std::string &getPath() const { return path; }
  llvm::ArrayRef<EntrySpec> getEntries() const { return entries; }
  llvm::ArrayRef<std::pair<std::string, std::string>> getMetadata() const {
    return metadata;
  }
  /// The entry point of that name, or the only or first one if it is empty.
  std::optional<Error> findEntry(llvm::StringRef name, size_t &entry) const;
  quantc_model *getModel() const { return model; }

private:
  Artifact() = default;
  void readSpecs();
  ValueSpec readValue(size_t entry, int32_t side, size_t value) const;
  std::vector<CacheSpec> readCaches(size_t index, const EntrySpec &entry) const;

  std::string path;
  void *handle = nullptr;
  quantc_model *model = nullptr;
  std::vector<EntrySpec> entries;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The two ends of a cache in a buffer with room, for the C interface.
class CacheTensors {
public:
  /// `data` is a compact buffer of `shape`, of which `rows` rows are in use.
  /// `spec` must outlive this object.
  CacheTensors(const CacheSpec &spec, quantc_dtype dtype, void *data,
               llvm::ArrayRef<int64_t> shape, int64_t rows);
  CacheTensors(const CacheTensors &) = delete;
  CacheTensors(CacheTensors &&) = default;

  quantc_value getInput() {
    return quantc_tensor_value(spec.input.c_str(), &past);
  }
  /// The output once its shape is known; an error if there is no room for it.
  std::optional<Error> getOutput(const quantc_tensor &wanted,
                                 quantc_value &output);
  /// The rows of the output.
  int64_t getRows() const { return presentShape[spec.axis]; }

private:
  const CacheSpec &spec;
  int64_t capacity;
  std::vector<int64_t> strides, pastShape, presentShape;
  quantc_tensor past, present;
};

struct SessionOptions {
  /// 0: as many as the process may use.
  int32_t threads = 0;
  quantc_profile_fn profile = nullptr;
  void *profileUser = nullptr;
};

/// One run at a time: working memory and planned shapes.
class Session {
public:
  static std::optional<Error> create(std::shared_ptr<Artifact> artifact,
                                     const SessionOptions &options,
                                     std::unique_ptr<Session> &session);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  /// As quantc_run: outputs without tensors are provided by the library and
  /// stay valid until the next run.
  std::optional<Error> run(size_t entry, llvm::ArrayRef<quantc_value> inputs,
                           llvm::MutableArrayRef<quantc_value> outputs);

  /// As quantc_prepare: checks the inputs and describes the outputs.
  std::optional<Error> prepare(size_t entry,
                               llvm::ArrayRef<quantc_value> inputs,
                               llvm::MutableArrayRef<quantc_value> outputs);

  /// Runs on arrays and copies all outputs.
  std::optional<Error> run(size_t entry,
                           llvm::MutableArrayRef<NamedArray> inputs,
                           std::vector<NamedArray> &outputs);

  const Artifact &getArtifact() const { return *artifact; }
  quantc_context *getContext() const { return context; }

private:
  Session() = default;
  std::optional<Error> toError(quantc_status status) const;

  std::shared_ptr<Artifact> artifact;
  quantc_context *context = nullptr;
};

} // namespace quantc

#endif // QUANTC_DRIVER_ARTIFACT_H
