// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the qnn dialect and its one type, !qnn.encoded.

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "quantc/Dialect/QNN/Compute.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

#include "quantc/Dialect/QNN/QNNDialect.cpp.inc"
#include "quantc/Dialect/QNN/QNNEnums.cpp.inc"
#include "quantc/Dialect/QNN/QNNInterfaces.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "quantc/Dialect/QNN/QNNTypes.cpp.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNOps.cpp.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNComputeOps.cpp.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/QNN/QNNLoopOps.cpp.inc"

void QNNDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "quantc/Dialect/QNN/QNNTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "quantc/Dialect/QNN/QNNOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "quantc/Dialect/QNN/QNNComputeOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "quantc/Dialect/QNN/QNNLoopOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// EncodedType
//===----------------------------------------------------------------------===//

ShapedType EncodedType::cloneWith(std::optional<ArrayRef<int64_t>> shape,
                                  Type elementType) const {
  return EncodedType::get(getContext(), shape.value_or(getShape()), elementType,
                          getFormat());
}

bool EncodedType::hasRank() const { return true; }

// <4096x4096xf32, #fmt.int<...>>
Type EncodedType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  Attribute format;
  if (parser.parseLess() || parser.parseDimensionList(shape) ||
      parser.parseType(elementType) || parser.parseComma() ||
      parser.parseAttribute(format) || parser.parseGreater())
    return {};
  return parser.getChecked<EncodedType>(parser.getContext(), shape, elementType,
                                        format);
}

void EncodedType::print(AsmPrinter &printer) const {
  printer << "<";
  for (int64_t extent : getShape()) {
    if (ShapedType::isDynamic(extent))
      printer << "?";
    else
      printer << extent;
    printer << "x";
  }
  printer << getElementType() << ", " << getFormat() << ">";
}

LogicalResult
EncodedType::verify(llvm::function_ref<InFlightDiagnostic()> emitError,
                    ArrayRef<int64_t> shape, Type elementType,
                    Attribute format) {
  if (!elementType.isIntOrFloat())
    return emitError() << "expected an integer or float element type, got "
                       << elementType;
  auto scheme = dyn_cast_if_present<fmt::FormatInterface>(format);
  if (!scheme)
    return emitError() << "expected a number format, got " << format;
  return scheme.verifyShape(emitError, shape);
}

//===----------------------------------------------------------------------===//
// Locations
//===----------------------------------------------------------------------===//

void qnn::collectNodeNames(Location loc, SmallVectorImpl<StringRef> &names) {
  if (auto name = dyn_cast<NameLoc>(loc)) {
    names.push_back(name.getName());
  } else if (auto fused = dyn_cast<FusedLoc>(loc)) {
    for (Location part : fused.getLocations())
      collectNodeNames(part, names);
  }
}

std::string qnn::firstNodeName(Location loc, StringRef otherwise) {
  SmallVector<StringRef> names;
  collectNodeNames(loc, names);
  return names.empty() ? otherwise.str() : names.front().str();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValueAttr(); }

bool ConvOp::isDepthwise() {
  ArrayRef<int64_t> shape = getPackedFrom().value_or(
      cast<ShapedType>(getWeight().getType()).getShape());
  return int64_t(getGroups()) == shape.front() &&
         (getChannelsLast() ? shape.back() : shape[1]) == 1;
}

LogicalResult ConstantOp::verify() {
  auto type = cast<ShapedType>(getType());
  auto valueType = cast<ShapedType>(getValue().getType());
  if (!type.hasRank() || type.getShape() != valueType.getShape())
    return emitOpError("expected a value of shape ")
           << type << ", got " << valueType;
  Type element = type.getElementType(), stored = valueType.getElementType();
  auto bitsOf = [](Type type) {
    unsigned bits = type.getIntOrFloatBitWidth();
    return bits > 1 ? std::max(bits, 8u) : bits;
  };
  bool sameBits = element.isIntOrFloat() && stored.isIntOrFloat() &&
                  bitsOf(element) == bitsOf(stored);
  if (!sameBits)
    return emitOpError("expected a value of element type ")
           << element << " or integer words of the same width, got " << stored;
  return success();
}

LogicalResult ObserveOp::verify() {
  auto type = dyn_cast<RankedTensorType>(getInput().getType());
  if (getPoint().empty())
    return emitOpError("expected a point with a name");
  if (getObservers().empty())
    return emitOpError("expected at least one observer");
  if (bool(getRowMask()) != bool(getRowMaskAxes()))
    return emitOpError("expected 'row_mask' and 'row_mask_axes' together");
  if (!type)
    return success();
  int64_t rank = type.getRank(), axis = getChannelAxis();
  if (axis < 0 || axis >= rank)
    return emitOpError("expected a channel axis below ")
           << rank << ", got " << axis;
  int64_t next = 0;
  for (int64_t masked : getRowMaskAxes().value_or(ArrayRef<int64_t>())) {
    if (masked < next || masked >= rank || masked == axis)
      return emitOpError("expected ascending row mask axes below ")
             << rank << " other than the channel axis, got " << masked;
    next = masked + 1;
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel =
      symbolTable.lookupNearestSymbolFrom<func::FuncOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError("expected a kernel function named '")
           << getKernel() << "'";
  FunctionType type = kernel.getFunctionType();
  // Once lowered, results are arguments; the shape functions count them.
  if (kernel->hasAttr(kNumInputsAttr))
    return success();
  if (type.getNumInputs() != getNumOperands() ||
      type.getNumResults() != getNumResults())
    return emitOpError("expected ")
           << type.getNumInputs() << " inputs and " << type.getNumResults()
           << " results as '" << getKernel() << "' has";
  return success();
}
