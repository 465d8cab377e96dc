// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The first error of a context.

#include "quantc/Driver/FirstError.h"
#include "mlir/IR/Location.h"
#include "quantc/Driver/Compile.h"

using namespace mlir;

namespace quantc {

static std::string placeOf(Location location) {
  if (auto name = dyn_cast<NameLoc>(location))
    return "node '" + name.getName().str() + "': ";
  if (auto fused = dyn_cast<FusedLoc>(location))
    for (Location part : fused.getLocations())
      if (std::string place = placeOf(part); !place.empty())
        return place;
  if (auto call = dyn_cast<CallSiteLoc>(location))
    return placeOf(call.getCallee());
  if (auto file = dyn_cast<FileLineColLoc>(location))
    return "line " + std::to_string(file.getLine()) + ": ";
  return "";
}

FirstError::FirstError(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            message.empty())
          message = placeOf(diagnostic.getLocation()) + diagnostic.str();
        return success();
      }) {}

Error FirstError::get(StringRef input, Status status) const {
  return {status, "'" + oneLine(input) + "': " +
                      (message.empty() ? "refused without a reason"
                                       : oneLine(message))};
}

Error FirstError::explain(StringRef input, const Error &error) const {
  return message.empty() ? error : get(input, error.status);
}

} // namespace quantc
