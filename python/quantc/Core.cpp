// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc._core: the driver for Python.  Arrays are passed without a copy, the
// interpreter's lock is released while the compiler or a model works, and every
// error becomes quantc.Error with the one line that the command line shows.

#include "Core.h"
#include "quantc/Driver/Artifact.h"
#include "quantc/Driver/Calibrate.h"
#include "quantc/Driver/Compare.h"
#include "quantc/Driver/Compile.h"
#include <map>
#include <mutex>
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

namespace nb = nanobind;
using namespace quantc;

namespace {

using InputArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using OutputArray = nb::ndarray<nb::numpy>;
using BufferArray = nb::ndarray<nb::numpy, nb::c_contig, nb::device::cpu>;
using Pairs = std::vector<std::pair<std::string, std::string>>;
/// Inputs by name: one array, or those of a sequence.
using InputArrays =
    std::vector<std::pair<std::string, std::vector<InputArray>>>;
/// Caches by the name of their input: a buffer with room and the rows in use.
using CacheArrays = std::vector<std::tuple<std::string, BufferArray, int64_t>>;

void translate(const std::exception_ptr &pointer, void *type) {
  try {
    std::rethrow_exception(pointer);
  } catch (const Failure &failure) {
    nb::object instance = nb::handle(static_cast<PyObject *>(type))(
        nb::str(failure.error.message.c_str(), failure.error.message.size()));
    instance.attr("status") = failure.error.exitStatus();
    PyErr_SetObject(static_cast<PyObject *>(type), instance.ptr());
  }
}

/// An artifact and the sessions that are idle, by number of threads.  Several
/// Python threads may run one model; each takes a session of its own.
class Model {
public:
  explicit Model(const std::string &path) {
    nb::gil_scoped_release release;
    check(Artifact::load(path, artifact));
  }

  const Artifact &getArtifact() const { return *artifact; }

  nb::list run(const std::string &entry, const InputArrays &inputs,
               const CacheArrays &caches, int threads);

private:
  std::unique_ptr<Session> take(int threads);
  void giveBack(int threads, std::unique_ptr<Session> session) {
    std::lock_guard<std::mutex> lock(mutex);
    idle[threads].push_back(std::move(session));
  }

  std::shared_ptr<Artifact> artifact;
  std::mutex mutex;
  std::map<int, std::vector<std::unique_ptr<Session>>> idle;
};

std::unique_ptr<Session> Model::take(int threads) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    auto &sessions = idle[threads];
    if (!sessions.empty()) {
      std::unique_ptr<Session> session = std::move(sessions.back());
      sessions.pop_back();
      return session;
    }
  }
  SessionOptions options;
  options.threads = threads;
  std::unique_ptr<Session> session;
  check(Session::create(artifact, options, session));
  return session;
}

/// The tensors of one run, with the memory that they describe.
struct Call {
  std::vector<std::vector<int64_t>> shapes;
  std::vector<quantc_tensor> tensors;
  std::vector<quantc_value> inputs, outputs;
  std::vector<CacheTensors> caches; // with the outputs that they give
  std::vector<size_t> cacheOutputs;
  std::vector<Array> packed;  // inputs of elements under a byte
  std::vector<Array> results; // of the other outputs
  std::vector<quantc_tensor> outputTensors;
};

/// Types that NumPy has no DLPack export for come as unsigned words; of those
/// under a byte, which the C interface packs, each element is one.
bool isWord(quantc_dtype dtype) {
  return dtype.code == QUANTC_BFLOAT ||
         (dtype.code >= QUANTC_FLOAT8_E4M3FN &&
          dtype.code <= QUANTC_FLOAT4_E2M1FN) ||
         dtype.bits < 8;
}

/// The type of an array for a tensor of `spec`, if there is one.
quantc_dtype typeOf(const InputArray &array, const ValueSpec *spec,
                    size_t index) {
  nb::dlpack::dtype given = array.dtype();
  quantc_dtype dtype = {given.code, given.bits, given.lanes};
  if (!spec || index >= spec->tensors.size())
    return dtype;
  quantc_dtype wanted = spec->tensors[index].dtype;
  if (isWord(wanted) && dtype.code == QUANTC_UINT &&
      dtype.bits == std::max<unsigned>(wanted.bits, 8))
    return wanted;
  return dtype;
}

void addInput(const std::string &name, const InputArray &array,
              const ValueSpec *spec, size_t index, Call &call) {
  std::vector<int64_t> shape(array.ndim());
  for (size_t axis = 0; axis < array.ndim(); ++axis)
    shape[axis] = int64_t(array.shape(axis));
  call.shapes.push_back(std::move(shape));
  quantc_tensor tensor =
      quantc_cpu_tensor(const_cast<void *>(array.data()), 0, 0,
                        int32_t(array.ndim()), call.shapes.back().data());
  tensor.dtype = typeOf(array, spec, index);
  if (tensor.dtype.bits < 8) {
    auto packed = Array::pack(tensor.dtype, call.shapes.back(),
                              static_cast<const char *>(array.data()));
    if (!packed)
      throw Failure{{Status::Limit, "no memory for input '" + name + "'"}};
    call.packed.push_back(std::move(*packed));
    tensor.data = call.packed.back().getData();
  }
  call.tensors.push_back(tensor);
}

void addInputs(const InputArrays &inputs, const EntrySpec &entry, Call &call) {
  size_t count = 0;
  for (const auto &[name, arrays] : inputs)
    count += arrays.size();
  call.shapes.reserve(count);
  call.tensors.reserve(count);
  call.packed.reserve(count);
  for (const auto &[name, arrays] : inputs) {
    auto found =
        llvm::find_if(entry.inputs, [&, &name = name](const ValueSpec &spec) {
          return spec.name == name;
        });
    const ValueSpec *spec = found == entry.inputs.end() ? nullptr : &*found;
    call.inputs.push_back({name.c_str(), spec ? spec->kind : QUANTC_TENSOR, 0,
                           int64_t(arrays.size()),
                           call.tensors.data() + call.tensors.size()});
    for (auto [i, array] : llvm::enumerate(arrays))
      addInput(name, array, spec, i, call);
  }
}

/// Both ends of each cache: the input now, the output once its shape is known.
void addCaches(const CacheArrays &arrays, const EntrySpec &entry, Call &call) {
  call.caches.reserve(arrays.size());
  for (const auto &[name, array, rows] : arrays) {
    auto cache =
        llvm::find_if(entry.caches, [&, &name = name](const CacheSpec &spec) {
          return spec.input == name;
        });
    if (cache == entry.caches.end())
      throw Failure{{Status::Refused, "input '" + name + "' is no cache"}};
    auto output = llvm::find_if(entry.outputs, [&](const ValueSpec &spec) {
      return spec.name == cache->output;
    });
    const TensorSpec &spec = output->tensors[0];
    llvm::SmallVector<int64_t> shape;
    for (size_t axis = 0; axis < array.ndim(); ++axis)
      shape.push_back(int64_t(array.shape(axis)));
    if (shape.size() != spec.dims.size() || rows < 0 ||
        rows > shape[cache->axis] || array.itemsize() * 8 != spec.dtype.bits)
      throw Failure{{Status::Refused,
                     "the buffer of cache '" + name + "' does not fit it"}};
    call.caches.emplace_back(*cache, spec.dtype, array.data(), shape, rows);
    call.cacheOutputs.push_back(size_t(output - entry.outputs.begin()));
    call.inputs.push_back(call.caches.back().getInput());
  }
}

bool hasUnknownExtent(const quantc_tensor &tensor) {
  return llvm::any_of(
      llvm::ArrayRef<int64_t>(tensor.shape, size_t(tensor.ndim)),
      [](int64_t extent) { return extent < 0; });
}

/// Learns the outputs' shapes and gives each memory of its own, so that the
/// model writes where Python keeps it.  An optional that is absent keeps a
/// count of 0.  An output whose shape depends on data is copied from the
/// model's memory.
void runCall(Session &session, size_t index, const EntrySpec &entry,
             Call &call) {
  for (const ValueSpec &spec : entry.outputs) {
    call.outputs.push_back(quantc_tensor_value(spec.name.c_str(), nullptr));
    call.outputs.back().kind = spec.kind;
  }
  check(session.prepare(index, call.inputs, call.outputs));
  std::vector<std::pair<size_t, size_t>> unknown; // first result, output
  for (auto [cache, output] : llvm::zip(call.caches, call.cacheOutputs)) {
    quantc_value &value = call.outputs[output];
    check(cache.getOutput(value.tensors[0], value));
  }
  size_t count = 0;
  for (const quantc_value &value : call.outputs)
    count += size_t(value.count);
  // Tensors point at the shapes of their results.
  call.outputTensors.reserve(count);
  call.results.reserve(count);
  for (auto [i, value] : llvm::enumerate(call.outputs)) {
    if (llvm::is_contained(call.cacheOutputs, i))
      continue;
    llvm::ArrayRef<quantc_tensor> wantedTensors(value.tensors,
                                                size_t(value.count));
    if (llvm::any_of(wantedTensors, hasUnknownExtent)) {
      unknown.push_back({call.results.size(), i});
      call.results.resize(call.results.size() + size_t(value.count));
      continue;
    }
    quantc_tensor *first =
        call.outputTensors.data() + call.outputTensors.size();
    for (int64_t t = 0; t < value.count; ++t) {
      const quantc_tensor &wanted = value.tensors[t];
      std::optional<Array> result =
          Array::allocate(wanted.dtype, {wanted.shape, size_t(wanted.ndim)});
      if (!result)
        throw Failure{{Status::Limit, std::string("no memory for output '") +
                                          value.name + "'"}};
      call.results.push_back(std::move(*result));
      call.outputTensors.push_back(call.results.back().getTensor());
    }
    if (value.count)
      value.tensors = first;
  }
  check(session.run(index, call.inputs, call.outputs));
  for (auto [first, output] : unknown) {
    const quantc_value &value = call.outputs[output];
    for (int64_t t = 0; t < value.count; ++t) {
      std::optional<Array> copy = Array::copy(value.tensors[t]);
      if (!copy)
        throw Failure{{Status::Limit, std::string("no memory for output '") +
                                          value.name + "'"}};
      call.results[first + size_t(t)] = std::move(*copy);
    }
  }
}

OutputArray toPython(Array result) {
  if (result.getType().bits < 8) {
    std::optional<Array> bytes = result.unpack();
    if (!bytes)
      throw Failure{{Status::Limit, "no memory for an output"}};
    result = std::move(*bytes);
  }
  auto *owned = new Array(std::move(result));
  nb::capsule owner(
      owned, [](void *array) noexcept { delete static_cast<Array *>(array); });
  std::vector<size_t> shape(owned->getShape().begin(), owned->getShape().end());
  quantc_dtype dtype = owned->getType();
  nb::dlpack::dtype given = {dtype.code, dtype.bits, dtype.lanes};
  if (isWord(dtype))
    given.code = QUANTC_UINT;
  return OutputArray(owned->getData(), shape.size(), shape.data(), owner,
                     nullptr, given);
}

nb::list Model::run(const std::string &entryName, const InputArrays &inputs,
                    const CacheArrays &caches, int threads) {
  size_t index = 0;
  check(artifact->findEntry(entryName, index));
  const EntrySpec &entry = artifact->getEntries()[index];
  Call call;
  addInputs(inputs, entry, call);
  addCaches(caches, entry, call);
  {
    nb::gil_scoped_release release;
    std::unique_ptr<Session> session = take(threads);
    runCall(*session, index, entry, call);
    giveBack(threads, std::move(session));
  }
  // An array for each output, a list for a sequence, None for an optional that
  // is absent; for a cache the rows that are in use now.
  nb::list results;
  auto next = call.results.begin();
  for (auto [i, value] : llvm::enumerate(call.outputs)) {
    auto cache = llvm::find(call.cacheOutputs, i);
    if (cache != call.cacheOutputs.end()) {
      results.append(
          call.caches[size_t(cache - call.cacheOutputs.begin())].getRows());
      continue;
    }
    nb::list parts;
    for (int64_t t = 0; t < value.count; ++t)
      parts.append(nb::cast(toPython(std::move(*next++))));
    if (value.kind == QUANTC_SEQUENCE)
      results.append(parts);
    else
      results.append(value.count ? nb::object(parts[0]) : nb::none());
  }
  return results;
}

nb::tuple shapeOf(const TensorSpec &tensor) {
  nb::list shape;
  for (auto [dim, extent] : llvm::zip(tensor.dims, tensor.extents))
    shape.append(extent >= 0 ? nb::object(nb::int_(extent))
                             : nb::object(nb::str(dim.c_str())));
  return nb::tuple(shape);
}

/// (name, element type, shape with numbers and names, kind) of each value; the
/// shape of a sequence is those of its tensors.
nb::list describe(const std::vector<ValueSpec> &values) {
  nb::list list;
  for (const ValueSpec &value : values) {
    std::string type =
        value.tensors.empty() ? "none" : typeName(value.tensors[0].dtype);
    nb::list shapes;
    for (const TensorSpec &tensor : value.tensors)
      shapes.append(shapeOf(tensor));
    if (value.kind == QUANTC_SEQUENCE)
      list.append(
          nb::make_tuple(value.name, type, nb::tuple(shapes), "sequence"));
    else
      list.append(nb::make_tuple(value.name, type, shapes[0],
                                 value.kind == QUANTC_OPTIONAL ? "optional"
                                                               : "tensor"));
  }
  return list;
}

nb::list describe(const std::vector<CacheSpec> &caches) {
  nb::list list;
  for (const CacheSpec &cache : caches)
    list.append(nb::make_tuple(cache.input, cache.output, cache.axis));
  return list;
}

void compileModel(const std::string &path, nb::bytes model,
                  const std::string &output, const std::string &recipe,
                  const std::string &mcpu, const std::string &mattr,
                  const std::string &weights, unsigned threads,
                  const std::string &data, const std::string &statistics,
                  const std::string &budget, const Pairs &bind,
                  const std::vector<std::pair<std::string, int64_t>> &dims) {
  CompileOptions options;
  for (const auto &[name, value] : bind)
    options.import.bind[name] = value;
  for (const auto &[name, size] : dims)
    options.import.dims[name] = size;
  options.input = path;
  options.model = std::string(model.c_str(), model.size());
  options.output = output;
  options.recipe = recipe;
  options.cpu = mcpu;
  options.attributes = mattr;
  options.weights = weights;
  options.threads = threads;
  options.data = data;
  options.statistics = statistics;
  options.budget = budget;
  nb::gil_scoped_release release;
  check(compile(options));
}

int64_t calibrateModel(const std::string &path, nb::bytes model,
                       const std::string &data, const std::string &output,
                       const std::string &recipe, const std::string &entry,
                       const std::vector<std::string> &observers,
                       int64_t samples, unsigned threads) {
  CalibrateOptions options;
  options.input = path;
  options.model = std::string(model.c_str(), model.size());
  options.data = data;
  options.recipe = recipe;
  options.entry = entry;
  options.observers = observers;
  options.samples = samples;
  options.threads = threads;
  nb::gil_scoped_release release;
  Statistics statistics;
  check(calibrate(options, statistics));
  check(statistics.save(output));
  return statistics.samples;
}

std::string compareModels(const std::string &reference,
                          const std::string &candidate, const std::string &data,
                          bool perLayer, const std::string &recipe,
                          const std::string &calibration,
                          const std::string &statistics,
                          const std::string &budget, const std::string &entry,
                          unsigned threads) {
  CompareOptions options;
  options.reference = reference;
  options.candidate = candidate;
  options.data = data;
  options.entry = entry;
  options.threads = threads;
  options.perLayer = perLayer;
  options.setRecipe(recipe, calibration, statistics, budget);
  nb::gil_scoped_release release;
  ComparisonReport report;
  check(compare(options, report));
  return toJson(options, report);
}

void mergeFiles(const std::vector<std::string> &files,
                const std::string &output) {
  nb::gil_scoped_release release;
  Statistics statistics;
  check(mergeStatistics(files, statistics));
  check(statistics.save(output));
}

} // namespace

NB_MODULE(_core, m) {
  PyObject *error = PyErr_NewExceptionWithDoc(
      "quantc.Error",
      "One line that says what is wrong; `status` is the exit status of the\n"
      "command line: 1 input refused, 2 usage, 3 resource limit, 4 I/O or\n"
      "environment, 70 a bug of quantc.",
      PyExc_RuntimeError, nullptr);
  m.attr("Error") = nb::borrow(error);
  nb::register_exception_translator(translate, error);

  bindSolvers(m);
  bindAllocation(m);
  m.def("compile", compileModel);
  m.def("calibrate", calibrateModel);
  m.def("merge_statistics", mergeFiles);
  m.def("compare", compareModels);
  nb::class_<Model>(m, "Model")
      .def(nb::init<const std::string &>())
      .def("run", &Model::run)
      .def("entries",
           [](const Model &model) {
             nb::list list;
             for (const EntrySpec &entry : model.getArtifact().getEntries())
               list.append(nb::make_tuple(entry.name, describe(entry.inputs),
                                          describe(entry.outputs),
                                          describe(entry.caches)));
             return list;
           })
      .def("metadata", [](const Model &model) {
        nb::dict pairs;
        for (const auto &[key, value] : model.getArtifact().getMetadata())
          pairs[key.c_str()] = value;
        return pairs;
      });
}
