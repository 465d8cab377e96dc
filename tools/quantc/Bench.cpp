// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// quantc bench: how long one run of a compiled model takes.  Inputs that are
// not given are made up: numbers from a fixed generator in [-1, 1), ones for
// integers and booleans (valid as token ids, masks and positions).

#include "Commands.h"
#include "quantc/Driver/ProgramFile.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <chrono>
#include <map>
#include <tuple>

using namespace llvm;

namespace quantc {

namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

struct StepTime {
  std::string name, kernel;
  int64_t iterations = 0;
  double milliseconds = 0; // mean over the profiled runs
};

struct Timing {
  std::vector<double> sorted; // milliseconds
  double median() const {
    size_t middle = sorted.size() / 2;
    return sorted.size() % 2 ? sorted[middle]
                             : (sorted[middle - 1] + sorted[middle]) / 2;
  }
  double at(double part) const {
    return sorted[size_t(part * double(sorted.size() - 1))];
  }
};

std::optional<Error> readDims(const Arguments &arguments,
                              ArrayRef<std::string> symbols,
                              std::vector<int64_t> &values) {
  values.assign(symbols.size(), 1);
  for (StringRef text : arguments.all("--dim")) {
    auto [name, number] = text.rsplit('=');
    int64_t value = 0;
    if (number.getAsInteger(10, value) || value < 0)
      return Error{Status::Usage,
                   "expected --dim NAME=N, got '" + text.str() + "'"};
    const auto *it = find(symbols, name.str());
    if (it == symbols.end())
      return Error{Status::Usage, "the model has no dimension '" + name.str() +
                                      "'; it has " + join(symbols, ", ")};
    values[it - symbols.begin()] = value;
  }
  return std::nullopt;
}

void fill(Array &array) {
  if (!isNumeric(array.getType())) {
    std::fill_n(array.getData(), array.getByteSize(), 0);
    return;
  }
  bool real = array.getType().code == QUANTC_FLOAT ||
              array.getType().code == QUANTC_BFLOAT;
  uint64_t state = 1;
  for (int64_t i = 0; i < array.getNumElements(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    double unit = double(state >> 11) / double(uint64_t(1) << 53);
    array.setNumber(i, real ? 2 * unit - 1 : 1);
  }
}

/// Adds the inputs that were not given, of the shapes that the dimensions give.
std::optional<Error> makeInputs(const ProgramFile &file, size_t entry,
                                ArrayRef<int64_t> symbols,
                                std::vector<NamedArray> &inputs) {
  std::vector<std::vector<int64_t>> shapes;
  if (auto error = file.inputShapes(entry, symbols, shapes))
    return error;
  size_t tensor = 0;
  const EntrySpec spec = file.getEntries()[entry];
  for (const ValueSpec &value : spec.inputs) {
    size_t first = tensor;
    tensor += value.tensors.size();
    if (any_of(inputs, [&](const NamedArray &input) {
          return input.name == value.name;
        }))
      continue;
    if (value.kind == QUANTC_OPTIONAL)
      continue;
    if (value.kind == QUANTC_SEQUENCE)
      return Error{Status::Refused, "input '" + value.name +
                                        "' is a sequence, which quantc bench "
                                        "cannot make"};
    std::optional<Array> array =
        Array::allocate(value.tensors[0].dtype, shapes[first]);
    if (!array)
      return Error{Status::Limit, "no memory for input '" + value.name + "' " +
                                      shapeText(shapes[first])};
    fill(*array);
    inputs.push_back({value.name, std::move(*array)});
  }
  return std::nullopt;
}

class Benchmark {
public:
  Benchmark(const Arguments &arguments) : arguments(arguments) {}

  std::optional<Error> run();

private:
  std::optional<Error> readOptions();
  std::optional<Error> load();
  std::optional<Error> makeCaches(Session &session,
                                  std::vector<quantc_value> &values,
                                  std::vector<quantc_value> &outputs);
  std::optional<Error> measure(Session &session, int64_t count);
  std::optional<Error> profile();
  void print() const;
  void printJson() const;

  const Arguments &arguments;
  int64_t threads = 0, runs = 30, warmup = 5;
  int64_t capacity = 0; // of caches; 0: not in place
  size_t entry = 0;
  std::shared_ptr<Artifact> artifact;
  std::vector<NamedArray> inputs;
  std::vector<Array> buffers; // of caches
  std::vector<CacheTensors> caches;
  Timing timing;
  std::vector<StepTime> steps;
  quantc_context_info memory = {};
};

std::optional<Error> Benchmark::readOptions() {
  if (auto error = arguments.getNumber("--threads", 1, 4096, threads))
    return error;
  if (auto error = arguments.getNumber("--runs", 1, 1'000'000, runs))
    return error;
  if (auto error =
          arguments.getNumber("--capacity", 1, int64_t(1) << 40, capacity))
    return error;
  return arguments.getNumber("--warmup", 0, 1'000'000, warmup);
}

std::optional<Error> Benchmark::load() {
  StringRef path = arguments.operands()[0];
  if (auto error = Artifact::load(path, artifact))
    return error;
  if (auto error = artifact->findEntry(arguments.get("--entry"), entry))
    return error;
  std::unique_ptr<ProgramFile> file;
  if (auto error = ProgramFile::open(path, file))
    return error;
  if (auto error = readInputs(arguments.all("--input"),
                              artifact->getEntries()[entry], inputs))
    return error;
  std::vector<int64_t> dims;
  if (auto error = readDims(arguments, file->getSymbols(entry), dims))
    return error;
  return makeInputs(*file, entry, dims, inputs);
}

/// Puts both ends of each cache into one buffer.
std::optional<Error> Benchmark::makeCaches(Session &session,
                                           std::vector<quantc_value> &values,
                                           std::vector<quantc_value> &outputs) {
  const EntrySpec &spec = artifact->getEntries()[entry];
  if (spec.caches.empty())
    return Error{Status::Usage, "the model has no cache for --capacity"};
  buffers.clear();
  caches.clear();
  buffers.reserve(spec.caches.size());
  caches.reserve(spec.caches.size());
  for (const CacheSpec &cache : spec.caches) {
    size_t input = size_t(find_if(inputs,
                                  [&](const NamedArray &array) {
                                    return array.name == cache.input;
                                  }) -
                          inputs.begin());
    const Array &rows = inputs[input].array;
    SmallVector<int64_t> shape(rows.getShape());
    int64_t used = shape[cache.axis];
    shape[cache.axis] = capacity;
    std::optional<Array> buffer = Array::allocate(rows.getType(), shape);
    if (!buffer)
      return Error{Status::Limit,
                   "no memory for a cache of " + shapeText(shape)};
    if (used > capacity)
      return Error{Status::Usage, "expected --capacity of at least " +
                                      std::to_string(used) + ", got " +
                                      std::to_string(capacity)};
    fill(*buffer);
    buffers.push_back(std::move(*buffer));
    caches.emplace_back(cache, rows.getType(), buffers.back().getData(), shape,
                        used);
    values[input] = caches.back().getInput();
  }
  std::vector<quantc_value> wanted = outputs;
  if (auto error = session.prepare(entry, values, wanted))
    return error;
  for (auto [cache, pair] : zip(spec.caches, caches))
    for (auto [value, output] : zip(wanted, outputs))
      if (cache.output == output.name)
        if (auto error = pair.getOutput(value.tensors[0], output))
          return error;
  return std::nullopt;
}

std::optional<Error> Benchmark::measure(Session &session, int64_t count) {
  std::vector<quantc_tensor> tensors;
  for (NamedArray &input : inputs)
    tensors.push_back(input.array.getTensor());
  std::vector<quantc_value> values, outputs;
  for (auto [input, tensor] : zip(inputs, tensors))
    values.push_back(quantc_tensor_value(input.name.c_str(), &tensor));
  for (const ValueSpec &spec : artifact->getEntries()[entry].outputs) {
    quantc_value value = quantc_tensor_value(spec.name.c_str(), nullptr);
    value.kind = spec.kind;
    outputs.push_back(value);
  }
  if (capacity)
    if (auto error = makeCaches(session, values, outputs))
      return error;
  timing.sorted.clear();
  for (int64_t i = 0; i < warmup + count; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (auto error = session.run(entry, values, outputs))
      return error;
    Milliseconds taken = std::chrono::steady_clock::now() - start;
    if (i >= warmup)
      timing.sorted.push_back(taken.count());
  }
  llvm::sort(timing.sorted);
  return std::nullopt;
}

// Times of steps come from runs of their own, since reading the clock at every
// step costs time.
std::optional<Error> Benchmark::profile() {
  struct Collector {
    std::map<size_t, StepTime> steps;
    int64_t runs = 0;
  } collector;
  SessionOptions options;
  options.threads = int32_t(threads);
  options.profileUser = &collector;
  options.profile = [](void *user, const quantc_step_event *event) {
    StepTime &step = static_cast<Collector *>(user)->steps[event->step];
    step.name = event->name;
    step.kernel = event->kernel ? event->kernel : "";
    step.iterations = event->iterations;
    step.milliseconds += double(event->nanoseconds) / 1e6;
  };
  std::unique_ptr<Session> session;
  if (auto error = Session::create(artifact, options, session))
    return error;
  Timing unprofiled = timing;
  if (auto error = measure(*session, runs))
    return error;
  timing = unprofiled;
  for (auto &[index, step] : collector.steps) {
    step.milliseconds /= double(runs + warmup);
    steps.push_back(step);
  }
  llvm::sort(steps, [](const StepTime &a, const StepTime &b) {
    return std::tie(b.milliseconds, a.name) < std::tie(a.milliseconds, b.name);
  });
  return std::nullopt;
}

void Benchmark::print() const {
  for (const NamedArray &input : inputs)
    outs() << input.name << ": " << typeName(input.array.getType())
           << shapeText(input.array.getShape()) << "\n";
  outs() << format("median %.3f ms, lowest %.3f ms, 90th percentile %.3f ms",
                   timing.median(), timing.sorted.front(), timing.at(0.9))
         << " over " << timing.sorted.size() << " runs, " << memory.threads
         << (memory.threads == 1 ? " thread, " : " threads, ")
         << sizeText(memory.arena_bytes) << " of working memory\n";
  if (steps.empty())
    return;
  double total = 0;
  for (const StepTime &step : steps)
    total += step.milliseconds;
  outs() << "\n      ms      %  iterations  step\n";
  for (const StepTime &step : steps)
    outs() << format("%8.4f %6.2f %11lld  ", step.milliseconds,
                     total > 0 ? 100 * step.milliseconds / total : 0,
                     (long long)step.iterations)
           << step.name << " [" << step.kernel << "]\n";
}

void Benchmark::printJson() const {
  json::OStream os(outs(), 2);
  os.object([&] {
    os.attribute("file", json::fixUTF8(artifact->getPath()));
    os.attribute("threads", memory.threads);
    os.attribute("runs", int64_t(timing.sorted.size()));
    os.attribute("median_ms", timing.median());
    os.attribute("min_ms", timing.sorted.front());
    os.attribute("p90_ms", timing.at(0.9));
    os.attribute("arena_bytes", int64_t(memory.arena_bytes));
    os.attributeObject("inputs", [&] {
      for (const NamedArray &input : inputs)
        os.attribute(json::fixUTF8(input.name),
                     json::Array(input.array.getShape()));
    });
    if (steps.empty())
      return;
    os.attributeArray("steps", [&] {
      for (const StepTime &step : steps)
        os.object([&] {
          os.attribute("name", json::fixUTF8(step.name));
          os.attribute("kernel", json::fixUTF8(step.kernel));
          os.attribute("iterations", step.iterations);
          os.attribute("mean_ms", step.milliseconds);
        });
    });
  });
  outs() << "\n";
}

std::optional<Error> Benchmark::run() {
  if (auto error = readOptions())
    return error;
  if (auto error = load())
    return error;
  SessionOptions options;
  options.threads = int32_t(threads);
  std::unique_ptr<Session> session;
  if (auto error = Session::create(artifact, options, session))
    return error;
  if (auto error = measure(*session, runs))
    return error;
  quantc_get_context_info(session->getContext(), &memory);
  if (arguments.has("--profile"))
    if (auto error = profile())
      return error;
  if (arguments.has("--json"))
    printJson();
  else
    print();
  return finishOutput();
}

std::optional<Error> run(const Arguments &arguments) {
  return Benchmark(arguments).run();
}

} // namespace

const Command kBenchCommand = {
    "bench",
    "time runs of a compiled model",
    {"ARTIFACT"},
    {{"--dim", "NAME=N", "a named dimension of made-up inputs (default 1)",
      true},
     {"--input", "NAME=FILE.npy", "use this input; also FILE.npz", true},
     {"--entry", "NAME", "the entry point (default: the first)"},
     {"--threads", "N", "threads of a run (default: all CPUs)"},
     {"--runs", "N", "timed runs (default 30)"},
     {"--warmup", "N", "runs before (default 5)"},
     {"--capacity", "N",
      "append to caches in place, in buffers with room for N rows"},
     {"--profile", "", "also the time of each step"},
     {"--json", "", "for machines"}},
    {},
    "Inputs that are not given are made up: numbers in [-1, 1), integers 1.",
    "quantc bench minilm.so --dim batch=1 --dim sequence=128 --threads 1",
    run};

} // namespace quantc
