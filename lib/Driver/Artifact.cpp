// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading and running compiled models through their C interface.

#include "quantc/Driver/Artifact.h"
#include "quantc/Runtime/Load.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <map>
#include <mutex>

using namespace llvm;

namespace quantc {

namespace {

constexpr size_t kMessageBytes = 1024;

Status statusOf(quantc_status status) {
  switch (status) {
  case QUANTC_OUT_OF_MEMORY:
  case QUANTC_SIZE_OVERFLOW:
    return Status::Limit;
  case QUANTC_UNSUPPORTED_CPU:
  case QUANTC_WEIGHTS_NOT_FOUND:
    return Status::IO;
  default:
    return Status::Refused;
  }
}

/// A name for dlopen that no other file had.  The dynamic loader takes a name
/// that it knows for the library that it has, although the file may have been
/// replaced; each new file under a name gets one more `/.` in it.
std::string loaderName(StringRef path, sys::fs::UniqueID id) {
  static std::mutex mutex;
  static std::map<std::string, std::vector<sys::fs::UniqueID>> known;
  SmallString<256> absolute(path);
  // Without a folder the loader would search the system's.
  (void)sys::fs::make_absolute(absolute);
  std::lock_guard<std::mutex> lock(mutex);
  std::vector<sys::fs::UniqueID> &ids = known[std::string(absolute)];
  auto it = find(ids, id);
  size_t number = it - ids.begin();
  if (it == ids.end())
    ids.push_back(id);
  std::string name = sys::path::parent_path(absolute).str();
  for (size_t i = 0; i < number; ++i)
    name += "/.";
  return name + "/" + sys::path::filename(absolute).str();
}

std::optional<Error> checkFile(StringRef path, sys::fs::file_status &status) {
  if (std::error_code code = sys::fs::status(path, status))
    return Error{Status::IO,
                 "cannot read '" + path.str() + "': " + code.message()};
  if (status.type() != sys::fs::file_type::regular_file)
    return Error{Status::IO, "cannot read '" + path.str() + "': not a file"};
  Expected<sys::fs::file_t> file = sys::fs::openNativeFileForRead(path);
  if (!file)
    return Error{Status::IO, "cannot read '" + path.str() +
                                 "': " + toString(file.takeError())};
  char magic[4] = {};
  Expected<size_t> got =
      sys::fs::readNativeFile(*file, MutableArrayRef(magic, 4));
  sys::fs::closeFile(*file);
  if (!got) {
    consumeError(got.takeError());
    return Error{Status::IO, "cannot read '" + path.str() + "'"};
  }
  if (StringRef(magic, *got) != "\x7f"
                                "ELF")
    return Error{Status::Refused,
                 "'" + path.str() + "' is not a library compiled by quantc"};
  return std::nullopt;
}

} // namespace

std::string specText(const TensorSpec &spec) {
  std::string text = typeName(spec.dtype) + "[";
  for (auto [i, dim] : enumerate(spec.dims))
    text += (i ? ", " : "") + dim;
  return text + "]";
}

Artifact::~Artifact() {
  quantc_model_destroy(model);
  if (handle)
    dlclose(handle);
}

std::optional<Error> Artifact::load(StringRef path,
                                    std::shared_ptr<Artifact> &artifact) {
  sys::fs::file_status status;
  if (auto error = checkFile(path, status))
    return error;
  std::shared_ptr<Artifact> loaded(new Artifact());
  loaded->path = path.str();
  char message[kMessageBytes] = "";
  std::string name = loaderName(path, status.getUniqueID());
  const quantc_api *api =
      quantc_load(name.c_str(), &loaded->handle, message, sizeof(message));
  if (!api)
    return Error{Status::Refused,
                 "cannot load '" + path.str() + "': " + message};
  quantc_model_options options = {};
  options.struct_size = sizeof(options);
  quantc_status result = quantc_model_create(api, &options, &loaded->model,
                                             message, sizeof(message));
  if (result != QUANTC_OK)
    return Error{statusOf(result), "'" + path.str() + "': " + message};
  loaded->readSpecs();
  artifact = std::move(loaded);
  return std::nullopt;
}

ValueSpec Artifact::readValue(size_t entry, int32_t side, size_t value) const {
  ValueSpec spec;
  quantc_value_info info = {};
  quantc_get_value_info(model, entry, side, value, &info);
  spec.name = info.name;
  spec.kind = info.kind;
  for (int32_t t = 0; t < info.tensor_count; ++t) {
    quantc_tensor_info tensor = {};
    quantc_get_tensor_info(model, entry, side, value, size_t(t), &tensor);
    TensorSpec described;
    described.dtype = tensor.dtype;
    for (int32_t axis = 0; axis < tensor.rank; ++axis) {
      char text[kMessageBytes];
      described.extents.push_back(quantc_dimension(model, entry, side, value,
                                                   size_t(t), size_t(axis),
                                                   text, sizeof(text)));
      described.dims.push_back(text);
    }
    spec.tensors.push_back(std::move(described));
  }
  return spec;
}

void Artifact::readSpecs() {
  const quantc_api *api = quantc_api_of(model);
  for (size_t i = 0; i < api->metadata_count(model); ++i)
    metadata.push_back(
        {api->metadata_key(model, i), api->metadata_value(model, i)});
  for (size_t e = 0; e < quantc_entry_count(model); ++e) {
    EntrySpec entry;
    entry.name = quantc_entry_name(model, e);
    for (size_t v = 0; v < quantc_value_count(model, e, QUANTC_INPUT); ++v)
      entry.inputs.push_back(readValue(e, QUANTC_INPUT, v));
    for (size_t v = 0; v < quantc_value_count(model, e, QUANTC_OUTPUT); ++v)
      entry.outputs.push_back(readValue(e, QUANTC_OUTPUT, v));
    entry.caches = readCaches(e, entry);
    entries.push_back(std::move(entry));
  }
}

std::vector<CacheSpec> Artifact::readCaches(size_t index,
                                            const EntrySpec &entry) const {
  std::vector<CacheSpec> caches;
  for (size_t v = 0; v < entry.outputs.size(); ++v) {
    quantc_tensor_info info = {};
    if (entry.outputs[v].kind != QUANTC_TENSOR ||
        quantc_get_tensor_info(model, index, QUANTC_OUTPUT, v, 0, &info) ||
        info.alias != QUANTC_ALIAS_IN_PLACE || info.alias_axis < 0)
      continue;
    const ValueSpec &input = entry.inputs[size_t(info.alias_value)];
    if (input.kind == QUANTC_TENSOR)
      caches.push_back(
          {input.name, entry.outputs[v].name, size_t(info.alias_axis)});
  }
  return caches;
}

CacheTensors::CacheTensors(const CacheSpec &spec, quantc_dtype dtype,
                           void *data, ArrayRef<int64_t> shape, int64_t rows)
    : spec(spec), capacity(shape[spec.axis]), strides(shape.size()),
      pastShape(shape.begin(), shape.end()), presentShape(shape.size()) {
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= shape[d];
  }
  pastShape[spec.axis] = rows;
  past = quantc_cpu_tensor(data, dtype.code, dtype.bits, int32_t(shape.size()),
                           pastShape.data());
  past.dtype = dtype;
  past.strides = strides.data();
  present = past;
  present.shape = presentShape.data();
}

std::optional<Error> CacheTensors::getOutput(const quantc_tensor &wanted,
                                             quantc_value &output) {
  ArrayRef<int64_t> shape(wanted.shape, size_t(wanted.ndim));
  if (shape.size() != presentShape.size() || shape[spec.axis] > capacity)
    return Error{Status::Refused,
                 "output '" + spec.output + "' of shape " + shapeText(shape) +
                     " does not fit in a cache with room for " +
                     std::to_string(capacity) + " along dimension " +
                     std::to_string(spec.axis)};
  llvm::copy(shape, presentShape.begin());
  output = quantc_tensor_value(spec.output.c_str(), &present);
  return std::nullopt;
}

std::optional<Error> Artifact::findEntry(StringRef name, size_t &entry) const {
  if (entries.empty())
    return Error{Status::Refused, "'" + path + "' has no entry point"};
  std::string names;
  for (auto [i, candidate] : enumerate(entries)) {
    if (name.empty() || candidate.name == name) {
      entry = i;
      return std::nullopt;
    }
    names += (i ? ", '" : "'") + candidate.name + "'";
  }
  return Error{Status::Refused, "'" + path + "' has no entry point '" +
                                    name.str() + "'; it has " + names};
}

std::optional<Error> Session::create(std::shared_ptr<Artifact> artifact,
                                     const SessionOptions &options,
                                     std::unique_ptr<Session> &session) {
  quantc_context_options context = {};
  context.struct_size = sizeof(context);
  context.threads = options.threads;
  context.profile = options.profile;
  context.profile_user = options.profileUser;
  char message[kMessageBytes] = "";
  std::unique_ptr<Session> created(new Session());
  quantc_status status =
      quantc_context_create(artifact->getModel(), &context, &created->context,
                            message, sizeof(message));
  if (status != QUANTC_OK)
    return Error{statusOf(status), message};
  created->artifact = std::move(artifact);
  session = std::move(created);
  return std::nullopt;
}

Session::~Session() { quantc_context_destroy(context); }

std::optional<Error> Session::toError(quantc_status status) const {
  if (status == QUANTC_OK)
    return std::nullopt;
  if (status == QUANTC_BUSY)
    return Error{Status::Refused, "another thread is using this context"};
  return Error{statusOf(status), quantc_last_error(context)};
}

std::optional<Error> Session::prepare(size_t entry,
                                      ArrayRef<quantc_value> inputs,
                                      MutableArrayRef<quantc_value> outputs) {
  return toError(quantc_prepare(context, entry, inputs.data(), inputs.size(),
                                outputs.data(), outputs.size()));
}

std::optional<Error> Session::run(size_t entry, ArrayRef<quantc_value> inputs,
                                  MutableArrayRef<quantc_value> outputs) {
  return toError(quantc_run(context, entry, inputs.data(), inputs.size(),
                            outputs.data(), outputs.size()));
}

std::optional<Error> Session::run(size_t entry,
                                  MutableArrayRef<NamedArray> inputs,
                                  std::vector<NamedArray> &outputs) {
  const EntrySpec &spec = artifact->getEntries()[entry];
  std::vector<quantc_tensor> tensors;
  tensors.reserve(inputs.size());
  std::vector<quantc_value> values, results;
  StringSet<> taken;
  for (const ValueSpec &value : spec.inputs) {
    if (value.kind != QUANTC_SEQUENCE)
      continue;
    // Its tensors have names of their own: x.0, x.1, ...
    quantc_value list = {value.name.c_str(), QUANTC_SEQUENCE, 0, 0,
                         tensors.data() + tensors.size()};
    for (size_t i = 0; i < value.tensors.size(); ++i) {
      std::string name = value.name + "." + std::to_string(i);
      auto *found = find_if(
          inputs, [&](const NamedArray &input) { return input.name == name; });
      if (found == inputs.end())
        return Error{Status::Refused, "input '" + name + "' is missing"};
      taken.insert(name);
      tensors.push_back(found->array.getTensor());
      ++list.count;
    }
    values.push_back(list);
  }
  for (NamedArray &input : inputs) {
    if (taken.contains(input.name))
      continue;
    tensors.push_back(input.array.getTensor());
    values.push_back(quantc_tensor_value(input.name.c_str(), &tensors.back()));
  }
  for (const ValueSpec &output : spec.outputs) {
    quantc_value value = quantc_tensor_value(output.name.c_str(), nullptr);
    value.kind = output.kind;
    results.push_back(value);
  }
  if (auto error = run(entry, values, results))
    return error;
  outputs.clear();
  for (auto [output, value] : zip(spec.outputs, results)) {
    for (int64_t i = 0; i < value.count; ++i) {
      std::optional<Array> array = Array::copy(value.tensors[i]);
      if (!array)
        return Error{Status::Limit,
                     "no memory for output '" + output.name + "'"};
      std::string name = output.name;
      if (output.kind == QUANTC_SEQUENCE)
        name += "." + std::to_string(i);
      outputs.push_back({std::move(name), std::move(*array)});
    }
  }
  return std::nullopt;
}

} // namespace quantc
