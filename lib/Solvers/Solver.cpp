// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registry of solvers, and options as text.

#include "quantc/Solvers/Solver.h"
#include "Algebra.h"
#include "Draft.h"
#include "Solvers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quantc::solvers {

Solver::~Solver() = default;

namespace {
struct Entry {
  StringRef name;
  std::unique_ptr<Solver> (*create)();
};
} // namespace

static constexpr Entry kSolvers[] = {
    {"gptq", createGptq},
    {"rtn", createRoundToNearest},
    {"rtn-mse", createSearchedRoundToNearest},
};

std::vector<StringRef> Solver::getNames() {
  std::vector<StringRef> names;
  for (const Entry &entry : kSolvers)
    names.push_back(entry.name);
  return names;
}

static std::unique_ptr<Solver> refuseOption(EmitError emitError,
                                            const Solver &solver,
                                            StringRef name, StringRef value) {
  for (const OptionSpec &option : solver.getOptions())
    if (option.name == name) {
      emitError() << "expected option '" << name << "' of solver '"
                  << solver.getName() << "' to be " << option.values
                  << ", got '" << value << "'";
      return nullptr;
    }
  emitError() << "solver '" << solver.getName() << "' has no option '" << name
              << "'; it has: "
              << llvm::join(llvm::map_range(solver.getOptions(),
                                            [](const OptionSpec &option) {
                                              return option.name;
                                            }),
                            ", ");
  return nullptr;
}

std::unique_ptr<Solver> Solver::create(EmitError emitError, StringRef name,
                                       StringRef options) {
  const Entry *entry = llvm::find_if(
      kSolvers, [&](const Entry &entry) { return entry.name == name; });
  if (entry == std::end(kSolvers)) {
    emitError() << "there is no solver '" << name
                << "'; expected one of: " << llvm::join(getNames(), ", ");
    return nullptr;
  }
  std::unique_ptr<Solver> solver = entry->create();
  SmallVector<StringRef> pairs;
  options.split(pairs, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef pair : pairs) {
    auto [key, value] = pair.split('=');
    bool isKnown =
        llvm::any_of(solver->getOptions(), [&](const OptionSpec &option) {
          return option.name == key.trim();
        });
    if (!isKnown || !solver->setOption(key.trim(), value.trim()))
      return refuseOption(emitError, *solver, key.trim(), value.trim());
  }
  return solver;
}

FailureOr<double> outputEnergy(EmitError emitError, const HostTensor &matrix,
                               const LayerStatistics &statistics) {
  // Any format that holds floats of the shape will do for the checks.
  if (!statistics.secondMoment.getElementType())
    return emitError() << "expected a second moment to measure outputs with, "
                          "got none";
  Layer layer{
      "matrix",
      matrix,
      fmt::IntAttr::get(matrix.getElementType().getContext(), 8,
                        fmt::Granularity::Tensor, 0, {},
                        Float32Type::get(matrix.getElementType().getContext()),
                        fmt::OffsetKind::None, true),
      {statistics.count, statistics.secondMoment, {}, {}},
      {}};
  FailureOr<PreparedLayer> prepared = prepare(emitError, layer, {});
  if (failed(prepared))
    return failure();
  return quadraticForm(prepared->target.data(), prepared->rows,
                       prepared->moment.data(), prepared->columns);
}

} // namespace quantc::solvers
