// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the lowbit dialect and verification of its contraction.

#include "Slices.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "quantc/Dialect/LowBit/LowBit.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::lowbit;

#include "quantc/Dialect/LowBit/LowBitDialect.cpp.inc"
#include "quantc/Dialect/LowBit/LowBitEnums.cpp.inc"

static ParseResult parseLayout(OpAsmParser &parser, BLayoutAttr &layout) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<BLayout> value = symbolizeBLayout(keyword);
  if (!value)
    return parser.emitError(loc, "expected 'packed', 'row_major' or "
                                 "'transposed', got '")
           << keyword << "'";
  layout = BLayoutAttr::get(parser.getContext(), *value);
  return success();
}

static void printLayout(OpAsmPrinter &printer, Operation *,
                        BLayoutAttr layout) {
  printer << stringifyBLayout(layout.getValue());
}

#define GET_ATTRDEF_CLASSES
#include "quantc/Dialect/LowBit/LowBitAttributes.cpp.inc"

#define GET_OP_CLASSES
#include "quantc/Dialect/LowBit/LowBitOps.cpp.inc"

void LowBitDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "quantc/Dialect/LowBit/LowBitAttributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "quantc/Dialect/LowBit/LowBitOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// MatmulOp
//===----------------------------------------------------------------------===//

int64_t MatmulOp::getNumBMatrixDims() {
  if (getBLayout() != BLayout::Packed)
    return 2;
  return isInteger() ? 4 : 3;
}

/// A dimension agrees with an expectation unless both are known and differ.
static bool agree(int64_t extent, int64_t expected) {
  return ShapedType::isDynamic(extent) || ShapedType::isDynamic(expected) ||
         extent == expected;
}

static int64_t roundedUp(int64_t extent, int64_t unit) {
  return ShapedType::isDynamic(extent) ? extent : (extent + unit - 1) / unit;
}

static LogicalResult verifyElementTypes(MatmulOp op) {
  Type a = op.getAType().getElementType(), b = op.getBType().getElementType();
  Type c = op.getCType().getElementType();
  if (a.isF32() && b.isF32() && c.isF32())
    return success();
  bool isPacked = op.getBLayout() == BLayout::Packed;
  if (a.isInteger(8) && b.isInteger(8) && c.isInteger(32) && isPacked)
    return success();
  return op.emitOpError("expected f32 x f32 -> f32, or i8 x packed i8 -> i32, "
                        "got ")
         << a << " x " << stringifyBLayout(op.getBLayout()) << " " << b
         << " -> " << c;
}

/// The trailing dimensions that B must have for `depth` = K and `columns` = N.
static SmallVector<int64_t> expectedBMatrix(MatmulOp op, int64_t depth,
                                            int64_t columns) {
  switch (op.getBLayout()) {
  case BLayout::RowMajor:
    return {depth, columns};
  case BLayout::Transposed:
    return {columns, depth};
  case BLayout::Packed:
    break;
  }
  int64_t lines = roundedUp(columns, kLineColumns);
  if (op.isInteger())
    return {lines, roundedUp(depth, kLineDepth), kLineColumns, kLineDepth};
  return {lines, depth, kLineColumns};
}

static LogicalResult verifyShapes(MatmulOp op) {
  ArrayRef<int64_t> a = op.getAType().getShape(), c = op.getCType().getShape();
  ArrayRef<int64_t> b = op.getBType().getShape();
  if (c.size() < 2 || a.size() != c.size())
    return op.emitOpError("expected A and C of equal rank of at least 2, got ")
           << a.size() << " and " << c.size();
  for (size_t i = 0; i + 1 < c.size(); ++i)
    if (!agree(a[i], c[i]))
      return op.emitOpError("expected dimension ")
             << i << " of A to be " << c[i] << " as in C, got " << a[i];

  int64_t batch = op.getNumBBatchDims();
  if (batch != 0 && batch != op.getNumBatchDims())
    return op.emitOpError("expected B of rank ")
           << op.getNumBMatrixDims() << " or "
           << op.getNumBMatrixDims() + op.getNumBatchDims() << ", got "
           << b.size();
  for (int64_t i = 0; i < batch; ++i)
    if (b[i] != 1 && !agree(b[i], c[i]))
      return op.emitOpError("expected dimension ")
             << i << " of B to be 1 or " << c[i] << " as in C, got " << b[i];

  SmallVector<int64_t> expected = expectedBMatrix(op, a.back(), c.back());
  for (auto [i, extent] : llvm::enumerate(expected)) {
    int64_t got = b[batch + i];
    bool isLine = op.getBLayout() == BLayout::Packed && i >= 2;
    if (isLine ? got != extent : !agree(got, extent))
      return op.emitOpError("expected dimension ")
             << batch + i << " of B to be " << extent << ", got " << got;
  }
  return success();
}

LogicalResult MatmulOp::verify() {
  if (failed(verifyElementTypes(*this)) || failed(verifyShapes(*this)))
    return failure();
  return verifyDestinationStyle(*this);
}
