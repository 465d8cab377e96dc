// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The solvers for Python: arrays in and out, formats by their text.  Each call
// has a context of its own, so that layers can be solved in parallel threads.

#include "Core.h"
#include "mlir/AsmParser/AsmParser.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Solvers/Solver.h"
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

namespace nb = nanobind;
using namespace mlir;
using namespace quantc;
using namespace quantc::solvers;

namespace {

using InputArray = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using OptionalArray = std::optional<InputArray>;

/// A context that remembers its first error.
struct Session {
  Session() : context(MLIRContext::Threading::DISABLED), errors(context) {
    context.loadDialect<fmt::FmtDialect>();
  }

  InFlightDiagnostic emit() { return emitError(UnknownLoc::get(&context)); }

  [[noreturn]] void fail(Status status = Status::Refused) {
    check(errors.get("solve", status));
    llvm_unreachable("an error was reported");
  }

  MLIRContext context;
  FirstError errors;
};

HostTensor borrow(Session &session, const InputArray &array) {
  Type type = array.dtype() == nb::dtype<double>()
                  ? Type(Float64Type::get(&session.context))
                  : Type(Float32Type::get(&session.context));
  SmallVector<int64_t> shape;
  for (size_t axis = 0; axis < array.ndim(); ++axis)
    shape.push_back(int64_t(array.shape(axis)));
  return HostTensor::borrow(
      type, shape, {static_cast<const char *>(array.data()), array.nbytes()});
}

/// An array of NumPy's with memory of its own.
nb::object toNumpy(ArrayRef<char> bytes, nb::dlpack::dtype type,
                   ArrayRef<int64_t> shape) {
  auto *owned = new std::vector<char>(bytes.begin(), bytes.end());
  nb::capsule owner(owned, [](void *data) noexcept {
    delete static_cast<std::vector<char> *>(data);
  });
  SmallVector<size_t> extents(shape.begin(), shape.end());
  return nb::cast(nb::ndarray<nb::numpy>(owned->data(), extents.size(),
                                         extents.data(), owner, nullptr, type));
}

nb::object toNumpy(ArrayRef<float> values, ArrayRef<int64_t> shape) {
  return toNumpy({reinterpret_cast<const char *>(values.data()),
                  values.size() * sizeof(float)},
                 nb::dtype<float>(), shape);
}

nb::object toNumpy(const HostTensor &tensor) {
  Type type = tensor.getElementType();
  nb::dlpack::dtype_code code =
      isa<FloatType>(type)       ? nb::dlpack::dtype_code::Float
      : type.isUnsignedInteger() ? nb::dlpack::dtype_code::UInt
                                 : nb::dlpack::dtype_code::Int;
  return toNumpy(tensor.getBytes(),
                 {uint8_t(code), uint8_t(type.getIntOrFloatBitWidth()), 1},
                 tensor.getShape());
}

nb::dict describe(const Solution &solution, fmt::FormatInterface format) {
  nb::dict result, report;
  for (auto [array, tensor] : llvm::zip_equal(
           format.payload(solution.encoded.shape), solution.encoded.arrays))
    result[array.name.str().c_str()] = toNumpy(tensor);
  result["values"] = toNumpy(solution.decoded, solution.encoded.shape);
  if (!solution.biasCorrection.empty())
    result["bias_correction"] =
        toNumpy(solution.biasCorrection, solution.encoded.shape[0]);
  report["weight_error"] = solution.report.weightError;
  if (solution.report.outputError)
    report["output_error"] = *solution.report.outputError;
  report["damping"] = solution.report.damping;
  report["dead_inputs"] = solution.report.deadInputs;
  if (std::optional<int64_t> bits = format.storedBits(solution.encoded.shape))
    report["stored_bits"] = *bits;
  result["report"] = report;
  return result;
}

nb::dict solve(const InputArray &weight, const std::string &formatText,
               const std::string &name, const std::string &options,
               const OptionalArray &secondMoment, int64_t count,
               const OptionalArray &mean, const OptionalArray &crossMoment,
               const OptionalArray &importance) {
  Session session;
  auto emit = [&] { return session.emit(); };
  Attribute attribute = parseAttribute(formatText, &session.context);
  if (!attribute)
    session.fail(Status::Usage);
  auto format = dyn_cast<fmt::FormatInterface>(attribute);
  if (!format) {
    emit() << "expected a number format such as #fmt.int<4, per_row>, got "
           << attribute;
    session.fail(Status::Usage);
  }
  std::unique_ptr<Solver> solver = Solver::create(emit, name, options);
  if (!solver)
    session.fail(Status::Usage);
  Layer layer{"weight", borrow(session, weight), format, {}, {}};
  layer.statistics.count = count;
  if (secondMoment)
    layer.statistics.secondMoment = borrow(session, *secondMoment);
  if (mean)
    layer.statistics.mean = borrow(session, *mean);
  if (crossMoment)
    layer.statistics.crossMoment = borrow(session, *crossMoment);
  if (importance)
    layer.importance = borrow(session, *importance).as<float>();
  FailureOr<Solution> solution = failure();
  {
    nb::gil_scoped_release release;
    solution = solver->solve(emit, layer);
  }
  if (failed(solution))
    session.fail();
  return describe(*solution, format);
}

nb::list listSolvers() {
  Session session;
  nb::list solvers;
  for (StringRef name : Solver::getNames()) {
    std::unique_ptr<Solver> solver =
        Solver::create([&] { return session.emit(); }, name);
    nb::list options;
    for (const OptionSpec &option : solver->getOptions())
      options.append(nb::make_tuple(option.name.str(), option.values.str(),
                                    option.defaultValue.str(),
                                    option.summary.str()));
    solvers.append(nb::make_tuple(name.str(), solver->getSummary().str(),
                                  solver->needsSecondMoment(), options));
  }
  return solvers;
}

} // namespace

void quantc::bindSolvers(nb::module_ &m) {
  m.def("solve", solve, nb::arg("weight"), nb::arg("format"), nb::arg("solver"),
        nb::arg("options"), nb::arg("second_moment").none(), nb::arg("count"),
        nb::arg("mean").none(), nb::arg("cross_moment").none(),
        nb::arg("importance").none());
  m.def("solvers", listSolvers);
}
