// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding data files and cutting their arrays into samples.

#include "Data.h"
#include "quantc/Driver/Npy.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace llvm;

namespace quantc {

namespace {

std::optional<Error> listFolder(StringRef folder,
                                std::vector<std::string> &files) {
  std::error_code code;
  for (sys::fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code)) {
    StringRef path = it->path();
    if (path.ends_with(".npy") || path.ends_with(".npz"))
      files.push_back(path.str());
  }
  if (code)
    return Error{Status::IO, "cannot read folder '" + folder.str() +
                                 "': " + code.message()};
  llvm::sort(files);
  if (files.empty())
    return Error{Status::Refused,
                 "folder '" + folder.str() + "' has no .npy or .npz file"};
  return std::nullopt;
}

std::optional<Error> listFiles(StringRef data,
                               std::vector<std::string> &files) {
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(data, status))
    return Error{Status::IO,
                 "cannot read '" + data.str() + "': " + code.message()};
  if (sys::fs::is_directory(status))
    return listFolder(data, files);
  if (!data.ends_with(".npy") && !data.ends_with(".npz"))
    return Error{Status::Usage, "expected '" + data.str() +
                                    "' to be a .npz or .npy file or a folder "
                                    "of them"};
  files.push_back(data.str());
  return std::nullopt;
}

/// The arrays of one file and how they are cut.
class DataFile {
public:
  DataFile(StringRef path, const EntrySpec &entry) : path(path), entry(entry) {}

  std::optional<Error> load();
  int64_t getCount() const { return count; }
  std::optional<Error> cut(int64_t index, std::vector<NamedArray> &sample);

private:
  enum class Cut { Whole, Row, Slice };

  std::optional<Error> refuse(const std::string &message) const {
    return Error{Status::Refused, "'" + path.str() + "': " + message};
  }
  std::optional<Error> plan(const ValueSpec &spec);

  StringRef path;
  const EntrySpec &entry;
  std::vector<NamedArray> arrays;
  std::vector<Cut> cuts; // of `arrays`, which follow the inputs' order
  int64_t count = -1;
};

std::optional<Error> DataFile::load() {
  std::vector<NamedArray> found;
  if (path.ends_with(".npz")) {
    if (auto error = readNpz(path, found))
      return error;
  } else {
    if (entry.inputs.size() != 1)
      return refuse("the model has " + std::to_string(entry.inputs.size()) +
                    " inputs; save arrays by name in an .npz file");
    found.push_back({entry.inputs[0].name, Array()});
    if (auto error = readNpy(path, found[0].array))
      return error;
  }
  for (const NamedArray &array : found)
    if (none_of(entry.inputs,
                [&](const ValueSpec &spec) { return spec.name == array.name; }))
      return refuse("the model has no input '" + array.name + "'");
  for (const ValueSpec &spec : entry.inputs) {
    auto it = find_if(found, [&](const NamedArray &array) {
      return array.name == spec.name;
    });
    if (it == found.end())
      return refuse("input '" + spec.name + "' is missing");
    arrays.push_back(std::move(*it));
    if (auto error = plan(spec))
      return error;
  }
  if (count < 0)
    count = 1;
  return std::nullopt;
}

std::optional<Error> DataFile::plan(const ValueSpec &spec) {
  const Array &array = arrays.back().array;
  if (spec.kind != QUANTC_TENSOR)
    return refuse("input '" + spec.name + "' is not a tensor");
  const TensorSpec &tensor = spec.tensors[0];
  ArrayRef<int64_t> shape = array.getShape();
  size_t rank = tensor.extents.size();
  if (!(array.getType() == tensor.dtype))
    return refuse("expected input '" + spec.name + "' to be " +
                  typeName(tensor.dtype) + ", got " +
                  typeName(array.getType()));
  if (shape.size() != rank && shape.size() != rank + 1)
    return refuse("expected input '" + spec.name + "' to be samples of " +
                  specText(tensor) + ", got shape " + shapeText(shape));
  Cut cut = shape.size() > rank ? Cut::Row : Cut::Slice;
  bool fixedBatch = rank > 0 && tensor.extents[0] > 1;
  if (shape.size() == rank && (rank == 0 || fixedBatch))
    cut = Cut::Whole;
  cuts.push_back(cut);
  int64_t samples = cut == Cut::Whole ? 1 : shape[0];
  // A scalar serves every sample.
  if (cut == Cut::Whole && rank == 0)
    return std::nullopt;
  if (count >= 0 && samples != count)
    return refuse("expected input '" + spec.name + "' to have " +
                  std::to_string(count) + " samples, got " +
                  std::to_string(samples));
  count = samples;
  return std::nullopt;
}

std::optional<Error> DataFile::cut(int64_t index,
                                   std::vector<NamedArray> &sample) {
  sample.clear();
  for (auto [array, cut] : zip(arrays, cuts)) {
    SmallVector<int64_t, 4> shape(array.array.getShape());
    int64_t offset = 0;
    if (cut == Cut::Row)
      shape.erase(shape.begin());
    else if (cut == Cut::Slice)
      shape[0] = 1;
    std::optional<Array> part = Array::allocate(array.array.getType(), shape);
    if (!part)
      return Error{Status::Limit, "no memory for a sample"};
    if (cut != Cut::Whole)
      offset = index * part->getByteSize();
    std::memcpy(part->getData(), array.array.getData() + offset,
                part->getByteSize());
    sample.push_back({array.name, std::move(*part)});
  }
  return std::nullopt;
}

} // namespace

std::optional<Error> forEachSample(StringRef data, const EntrySpec &entry,
                                   SampleFn use) {
  std::vector<std::string> files;
  if (auto error = listFiles(data, files))
    return error;
  int64_t used = 0;
  std::vector<NamedArray> sample;
  for (const std::string &path : files) {
    DataFile file(path, entry);
    if (auto error = file.load())
      return error;
    for (int64_t i = 0; i < file.getCount(); ++i, ++used) {
      if (auto error = file.cut(i, sample))
        return error;
      if (auto error = use(sample)) {
        error->message = "'" + path + "' sample " + std::to_string(i) + ": " +
                         error->message;
        return error;
      }
    }
  }
  if (used == 0)
    return Error{Status::Refused, "'" + data.str() + "' has no sample"};
  return std::nullopt;
}

} // namespace quantc
