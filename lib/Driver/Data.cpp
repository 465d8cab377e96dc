// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding data files and cutting their arrays into samples.

#include "quantc/Driver/Data.h"
#include "quantc/Driver/LoadModule.h"
#include "quantc/Driver/NpyStream.h"
#include "quantc/Frontend/ONNX/TensorFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cmath>
#include <cstring>

using namespace llvm;

namespace quantc {

namespace {

bool isTestSet(StringRef path) {
  return sys::path::filename(path).starts_with("test_data_set_") &&
         sys::fs::is_directory(path);
}

std::optional<Error> listFolder(StringRef folder,
                                std::vector<std::string> &files) {
  if (isTestSet(folder)) {
    files.push_back(folder.str());
    return std::nullopt;
  }
  std::error_code code;
  for (sys::fs::directory_iterator it(folder, code), end; it != end && !code;
       it.increment(code)) {
    StringRef path = it->path();
    if (path.ends_with(".npy") || path.ends_with(".npz") || isTestSet(path))
      files.push_back(path.str());
  }
  if (code)
    return Error{Status::IO, "cannot read folder '" + folder.str() +
                                 "': " + code.message()};
  // By name, test_data_set_10 after test_data_set_9.
  llvm::sort(files,
             [](StringRef a, StringRef b) { return a.compare_numeric(b) < 0; });
  if (files.empty())
    return Error{Status::Refused,
                 "folder '" + folder.str() +
                     "' has no .npy or .npz file and no test_data_set_* "
                     "folder"};
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
                                    "' to be a .npz or .npy file, a folder of "
                                    "them or of test_data_set_* folders"};
  files.push_back(data.str());
  return std::nullopt;
}

/// The arrays of one file and how they are cut.
class DataFile {
public:
  DataFile(StringRef path, const EntrySpec &entry) : path(path), entry(entry) {}

  std::optional<Error> open();
  int64_t getCount() const { return count; }
  /// The next sample.
  std::optional<Error> next(std::vector<NamedArray> &sample);
  /// After the last sample: whether the file was undamaged.
  std::optional<Error> finish();

private:
  enum class Cut { Whole, Row, Slice };
  struct Input {
    NpyStream stream;
    Cut cut = Cut::Whole;
    /// The dimension that counts samples in a Slice.
    size_t axis = 0;
    /// The array, if samples are not read one after the other.
    std::optional<Array> whole;
    int64_t used = 0; // samples of it
  };

  std::optional<Error> refuse(const std::string &message) const {
    return Error{Status::Refused, "'" + path.str() + "': " + message};
  }
  std::optional<Error> find(std::vector<NpyStream> &found) const;
  std::optional<Error> findTestSet(std::vector<NpyStream> &found) const;
  std::optional<size_t> batchAxis(const TensorSpec &tensor) const;
  std::optional<Error> plan(const ValueSpec &spec, Input &input);
  std::optional<Error> readPart(Input &input, Array &part);

  StringRef path;
  const EntrySpec &entry;
  std::vector<Input> inputs; // in the entry's order
  int64_t count = -1;
};

// input_I.pb is input I, unless the tensor has the name of an input.
std::optional<Error>
DataFile::findTestSet(std::vector<NpyStream> &found) const {
  for (size_t i = 0;; ++i) {
    SmallString<256> file(path);
    sys::path::append(file, "input_" + std::to_string(i) + ".pb");
    if (!sys::fs::exists(file)) {
      if (i == 0)
        return refuse("it has no input_0.pb");
      return std::nullopt;
    }
    std::string name;
    Array array;
    if (auto error = readTensorProto(file, name, array))
      return error;
    bool named = any_of(
        entry.inputs, [&](const ValueSpec &spec) { return spec.name == name; });
    if (!named && i >= entry.inputs.size())
      return refuse("the model has only " +
                    std::to_string(entry.inputs.size()) + " inputs");
    if (!named)
      name = entry.inputs[i].name;
    if (any_of(found,
               [&](const NpyStream &other) { return other.getName() == name; }))
      return refuse("input '" + name + "' is given twice");
    found.emplace_back(name, std::move(array));
  }
}

std::optional<Error> DataFile::find(std::vector<NpyStream> &found) const {
  if (isTestSet(path))
    return findTestSet(found);
  if (path.ends_with(".npz"))
    return NpyStream::openNpz(path, found);
  if (entry.inputs.size() != 1)
    return refuse("the model has " + std::to_string(entry.inputs.size()) +
                  " inputs; save arrays by name in an .npz file");
  NpyStream &stream = found.emplace_back();
  stream.setName(entry.inputs[0].name);
  return NpyStream::openNpy(path, stream);
}

std::optional<Error> DataFile::open() {
  std::vector<NpyStream> found;
  if (auto error = find(found))
    return error;
  for (const NpyStream &stream : found)
    if (none_of(entry.inputs, [&](const ValueSpec &spec) {
          return spec.name == stream.getName();
        }))
      return refuse("the model has no input '" + stream.getName() + "'");
  for (const ValueSpec &spec : entry.inputs) {
    auto it = find_if(found, [&](const NpyStream &stream) {
      return stream.getName() == spec.name;
    });
    if (it == found.end())
      return refuse("input '" + spec.name + "' is missing");
    Input &input = inputs.emplace_back();
    input.stream = std::move(*it);
    if (auto error = plan(spec, input))
      return error;
  }
  if (count < 0)
    count = 1;
  return std::nullopt;
}

/// Where the batch stands in a tensor of the model: the open leading dimension
/// of the first input that has one, by name.  A recurrent state has it second.
std::optional<size_t> DataFile::batchAxis(const TensorSpec &tensor) const {
  for (const ValueSpec &spec : entry.inputs) {
    if (spec.kind != QUANTC_TENSOR || spec.tensors[0].extents.empty() ||
        spec.tensors[0].extents[0] >= 0)
      continue;
    auto it = llvm::find(tensor.dims, spec.tensors[0].dims[0]);
    if (it != tensor.dims.end())
      return it - tensor.dims.begin();
    break;
  }
  return std::nullopt;
}

std::optional<Error> DataFile::plan(const ValueSpec &spec, Input &input) {
  if (spec.kind != QUANTC_TENSOR)
    return refuse("input '" + spec.name + "' is not a tensor");
  const TensorSpec &tensor = spec.tensors[0];
  ArrayRef<int64_t> shape = input.stream.getShape();
  size_t rank = tensor.extents.size();
  if (!(input.stream.getType() == tensor.dtype))
    return refuse("expected input '" + spec.name + "' to be " +
                  typeName(tensor.dtype) + ", got " +
                  typeName(input.stream.getType()));
  if (shape.size() != rank && shape.size() != rank + 1)
    return refuse("expected input '" + spec.name + "' to be samples of " +
                  specText(tensor) + ", got shape " + shapeText(shape));
  std::optional<size_t> batch = batchAxis(tensor);
  if (shape.size() > rank)
    input.cut = Cut::Row;
  else if (rank > 0 && !isTestSet(path) &&
           (batch || tensor.extents[0] < 0 || tensor.extents[0] == 1))
    input.cut = Cut::Slice;
  int64_t leading = rank == 0 ? 1 : tensor.extents[0];
  if (input.cut == Cut::Slice && (leading > 1 || leading == shape[0]))
    input.axis = batch.value_or(0);
  // A scalar serves every sample.
  if (input.cut == Cut::Whole && rank == 0)
    return std::nullopt;
  int64_t samples = input.cut == Cut::Whole ? 1 : shape[input.axis];
  if (count >= 0 && samples != count)
    return refuse("expected input '" + spec.name + "' to have " +
                  std::to_string(count) + " samples, got " +
                  std::to_string(samples));
  count = samples;
  return std::nullopt;
}

/// Row `index` of dimension `axis`, where `part` has one row.
void copySlice(const Array &array, size_t axis, int64_t index, Array &part) {
  ArrayRef<int64_t> shape = array.getShape();
  int64_t width = array.getType().bits / 8, outer = 1;
  for (int64_t extent : shape.drop_front(axis + 1))
    width *= extent;
  for (int64_t extent : shape.take_front(axis))
    outer *= extent;
  for (int64_t i = 0; i < outer; ++i)
    std::memcpy(part.getData() + i * width,
                array.getData() + (i * shape[axis] + index) * width, width);
}

std::optional<Error> DataFile::readPart(Input &input, Array &part) {
  quantc_dtype type = input.stream.getType();
  SmallVector<int64_t, 4> shape(input.stream.getShape());
  bool inOrder =
      input.cut == Cut::Row || (input.cut == Cut::Slice && input.axis == 0);
  if (!inOrder && !input.whole) {
    input.whole = Array::allocate(type, shape);
    if (!input.whole)
      return Error{Status::Limit, "no memory for an array of samples"};
    if (auto error = input.stream.next(*input.whole))
      return error;
  }
  if (input.cut == Cut::Row)
    shape.erase(shape.begin());
  else if (input.cut == Cut::Slice)
    shape[input.axis] = 1;
  std::optional<Array> read = Array::allocate(type, shape);
  if (!read)
    return Error{Status::Limit, "no memory for a sample"};
  part = std::move(*read);
  if (inOrder)
    return input.stream.next(part);
  if (input.cut == Cut::Whole)
    std::memcpy(part.getData(), input.whole->getData(), part.getByteSize());
  else
    copySlice(*input.whole, input.axis, input.used++, part);
  return std::nullopt;
}

std::optional<Error> DataFile::next(std::vector<NamedArray> &sample) {
  sample.clear();
  for (Input &input : inputs) {
    sample.push_back({input.stream.getName(), Array()});
    if (auto error = readPart(input, sample.back().array))
      return error;
  }
  return std::nullopt;
}

std::optional<Error> DataFile::finish() {
  for (Input &input : inputs)
    if (auto error = input.stream.finish())
      return error;
  return std::nullopt;
}

} // namespace

std::optional<Error> forEachSample(StringRef data, const EntrySpec &entry,
                                   SampleFn use, int64_t limit) {
  std::vector<std::string> files;
  if (auto error = listFiles(data, files))
    return error;
  int64_t used = 0;
  std::vector<NamedArray> sample;
  for (const std::string &path : files) {
    if (used >= limit)
      break;
    DataFile file(path, entry);
    if (auto error = file.open())
      return error;
    int64_t count = std::min(file.getCount(), limit - used);
    for (int64_t i = 0; i < count; ++i, ++used) {
      if (auto error = file.next(sample))
        return error;
      if (auto error = use(sample)) {
        error->message = "'" + path + "' sample " + std::to_string(i) + ": " +
                         error->message;
        return error;
      }
    }
    if (count == file.getCount())
      if (auto error = file.finish())
        return error;
  }
  if (used == 0)
    return Error{Status::Refused, "'" + data.str() + "' has no sample"};
  return std::nullopt;
}

static std::string indexText(int64_t index, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = index % shape[axis];
    index /= shape[axis];
  }
  return shapeText(place);
}

std::optional<Error> checkNumbers(ArrayRef<NamedArray> sample, double limit) {
  for (const NamedArray &input : sample) {
    const Array &array = input.array;
    quantc_dtype type = array.getType();
    if (type.code != QUANTC_FLOAT && type.code != QUANTC_BFLOAT)
      continue;
    int64_t bad = -1, count = 0;
    for (int64_t i = 0; i < array.getNumElements(); ++i) {
      if (std::fabs(array.getNumber(i)) <= limit)
        continue;
      bad = bad < 0 ? i : bad;
      ++count;
    }
    if (bad < 0)
      continue;
    double value = array.getNumber(bad);
    std::string text = std::isnan(value)   ? "NaN"
                       : std::isinf(value) ? "infinite"
                                           : "beyond 1e30";
    return Error{
        Status::Refused,
        "input '" + input.name + "' is " + text + " at " +
            indexText(bad, array.getShape()) +
            (count > 1 ? " and at " + std::to_string(count - 1) + " more places"
                       : std::string()) +
            "; leave the sample out or mend it"};
  }
  return std::nullopt;
}

std::optional<Error> readTensorProto(StringRef path, std::string &name,
                                     Array &array) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  Error error;
  auto tensor = readOnnxTensor(path, context, name, error);
  if (failed(tensor))
    return error;
  quantc_dtype dtype = toDType(tensor->getElementType());
  std::optional<Array> read = Array::allocate(dtype, tensor->getShape());
  if (!read || read->getByteSize() != tensor->getByteSize())
    return Error{Status::Limit, "'" + path.str() + "': no memory for it"};
  llvm::copy(tensor->getBytes(), read->getData());
  array = std::move(*read);
  return std::nullopt;
}

} // namespace quantc
