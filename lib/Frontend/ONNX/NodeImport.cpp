// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What node handlers are written with: inputs, attributes, results, errors,
// ties between dimensions, and the operations that many of them build.

#include "Importer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;
using onnx::AttributeProto;

namespace quantc::onnx_frontend {

bool isFloat(Type type) { return isa<FloatType>(type) && !isSmallFloat(type); }
bool isSmallFloat(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() <= 8;
}
bool isBool(Type type) { return type.isInteger(1); }
bool isInt(Type type) {
  return isa<IntegerType>(type) && type.getIntOrFloatBitWidth() >= 8;
}
bool isSmallInt(Type type) {
  return isa<IntegerType>(type) && !isBool(type) && !isInt(type);
}

NodeImport::NodeImport(Importer &importer, const onnx::NodeProto &node,
                       Scope &scope, int64_t opset, std::string name)
    : importer(importer), node(node), scope(scope), opset(opset), name(name),
      loc(NameLoc::get(StringAttr::get(&importer.context, name))) {}

LogicalResult sameType(NodeImport &n, ArrayRef<Value> operands,
                       TypeClass allowed) {
  for (Value operand : operands)
    if (!operand)
      return failure();
  Type first = n.elementType(operands.front());
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (Value operand : operands.drop_front())
    if (n.elementType(operand) != first) {
      stream << "expected operands of one element type, got " << first
             << " and " << n.elementType(operand);
      return n.error(text);
    }
  if (allowed(first))
    return success();
  stream << "element type " << first << " is not allowed here";
  return n.error(text);
}

//===----------------------------------------------------------------------===//
// Errors
//===----------------------------------------------------------------------===//

LogicalResult NodeImport::error(const Twine &message, Status status) {
  std::string type = quote(node.op_type());
  return importer.fail("node " + quote(name) + " (" +
                           StringRef(type).trim('\'') + "): " + message,
                       status);
}

LogicalResult NodeImport::unsupported(StringRef reason) {
  isUnsupported = true;
  unsupportedReason = reason.str();
  return failure();
}

void NodeImport::reportDiagnostic() {
  // "'qnn.add' op expected ..." names our operation; the node is named already.
  StringRef text = importer.diagnostic;
  if (text.starts_with("'"))
    text = text.split(" op ").second;
  (void)error(text);
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

Entry *NodeImport::input(size_t index) {
  if (has(index))
    return inputs[index];
  (void)error("input " + Twine(index) + " is missing");
  return nullptr;
}

Value NodeImport::value(size_t index) {
  Entry *entry = input(index);
  return entry ? importer.materialize(*entry) : Value();
}

const ShapeData *NodeImport::table(size_t index) {
  if (!has(index) || !inputs[index]->data)
    return nullptr;
  return &*inputs[index]->data;
}

const ShapeData *NodeImport::data(size_t index) {
  return has(index) && inputs[index]->shape.size() <= 1 ? table(index)
                                                        : nullptr;
}

std::optional<SmallVector<int64_t>> NodeImport::constantInts(size_t index) {
  if (!has(index))
    return std::nullopt;
  const Entry &entry = *inputs[index];
  if (entry.data)
    return constantValues(*entry.data);
  if (entry.shape.size() == 1 && staticExtent(entry.shape[0]) == 0)
    return SmallVector<int64_t>();
  if (!entry.constant || isFloat(entry.elementType))
    return std::nullopt;
  SmallVector<int64_t> values;
  for (int64_t i = 0; i < entry.constant->count; ++i)
    values.push_back(entry.constant->getInt(i));
  return values;
}

std::optional<SmallVector<double>> NodeImport::constantFloats(size_t index) {
  if (!has(index))
    return std::nullopt;
  const Entry &entry = *inputs[index];
  SmallVector<double> values;
  if (entry.constant) {
    for (int64_t i = 0; i < entry.constant->count; ++i)
      values.push_back(entry.constant->getFloat(i));
    return values;
  }
  auto ints = constantInts(index);
  if (!ints)
    return std::nullopt;
  for (int64_t value : *ints)
    values.push_back(double(value));
  return values;
}

std::optional<double> NodeImport::constantScalar(size_t index) {
  auto values = constantFloats(index);
  if (!values || values->size() != 1)
    return std::nullopt;
  return values->front();
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

const AttributeProto *NodeImport::attribute(StringRef name) const {
  for (const AttributeProto &attribute : node.attribute()) {
    if (attribute.name() != name)
      continue;
    if (attribute.ref_attr_name().empty())
      return &attribute;
    return scope.attributes.lookup(attribute.ref_attr_name());
  }
  return nullptr;
}

const AttributeProto *
NodeImport::typedAttribute(StringRef name, AttributeProto::AttributeType type) {
  const AttributeProto *found = attribute(name);
  if (!found || found->type() == type)
    return found;
  (void)error("expected attribute " + quote(name) + " of type " +
              AttributeProto::AttributeType_Name(type) + ", got " +
              AttributeProto::AttributeType_Name(found->type()));
  return nullptr;
}

int64_t NodeImport::intAttr(StringRef name, int64_t fallback) {
  const auto *found = typedAttribute(name, AttributeProto::INT);
  return found ? found->i() : fallback;
}

float NodeImport::floatAttr(StringRef name, float fallback) {
  const auto *found = typedAttribute(name, AttributeProto::FLOAT);
  return found ? found->f() : fallback;
}

std::string NodeImport::stringAttr(StringRef name, StringRef fallback) {
  const auto *found = typedAttribute(name, AttributeProto::STRING);
  return found ? found->s() : fallback.str();
}

std::optional<SmallVector<int64_t>> NodeImport::intsAttr(StringRef name) {
  const auto *found = typedAttribute(name, AttributeProto::INTS);
  if (!found)
    return std::nullopt;
  return SmallVector<int64_t>(found->ints().begin(), found->ints().end());
}

FailureOr<std::optional<SmallVector<int64_t>>>
NodeImport::intsAttrOrInput(StringRef name, size_t index, int64_t sinceOpset) {
  if (opset < sinceOpset)
    return FailureOr<std::optional<SmallVector<int64_t>>>(intsAttr(name));
  if (!has(index))
    return std::optional<SmallVector<int64_t>>();
  auto values = constantInts(index);
  if (!values)
    return error("expected " + quote(name) + " (input " + Twine(index) +
                 ") to be constant, it depends on run-time data");
  return values;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

bool NodeImport::isOutputUsed(size_t index) const {
  return index < numOutputs() && !node.output(index).empty() &&
         scope.used.contains(node.output(index));
}

LogicalResult NodeImport::resultEntry(Entry *entry, size_t index) {
  if (!entry)
    return failure();
  if (index < outputs.size())
    outputs[index] = entry;
  return success();
}

LogicalResult NodeImport::result(Value value, size_t index) {
  if (!value)
    return failure();
  if (index >= outputs.size())
    return success();
  Entry *entry = importer.newEntry(node.output(index));
  entry->value = value;
  entry->elementType = elementType(value);
  entry->shape = SymbolicShape(shape(value));
  return resultEntry(entry, index);
}

LogicalResult NodeImport::floatResult(Value value, size_t index) {
  if (!value)
    return failure();
  if (index < outputs.size() && outputs[index])
    outputs[index]->floatValue = value;
  return success();
}

LogicalResult NodeImport::resultData(Type elementType, ShapeData data,
                                     size_t rank, size_t index) {
  if (index >= outputs.size())
    return success();
  Entry *entry = importer.newEntry(node.output(index));
  entry->elementType = elementType;
  for (AffineExpr &element : data)
    element = canonicalize(element);
  if (rank == 1)
    entry->shape.push_back(expr(data.size()));
  entry->data = std::move(data);
  return resultEntry(entry, index);
}

LogicalResult NodeImport::resultTable(Type elementType, ShapeData data,
                                      ArrayRef<AffineExpr> shape) {
  if (failed(resultData(elementType, std::move(data), shape.size())))
    return failure();
  outputs[0]->shape = SymbolicShape(shape);
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

SymbolicShape NodeImport::shape(Value value) const {
  if (!value)
    return {};
  return SymbolicShape(importer.shapes.getShape(value));
}

Type NodeImport::elementType(Value value) const {
  return value ? cast<ShapedType>(value.getType()).getElementType() : Type();
}

FailureOr<int64_t> NodeImport::axis(int64_t axis, size_t rank) {
  int64_t signedRank = rank;
  if (axis >= -signedRank && axis < signedRank)
    return axis < 0 ? axis + signedRank : axis;
  return error("expected an axis in [" + Twine(-signedRank) + ", " +
               Twine(signedRank) + "), got " + Twine(axis));
}

LogicalResult NodeImport::normalizeAxes(SmallVectorImpl<int64_t> &axes,
                                        size_t rank) {
  for (int64_t &value : axes) {
    FailureOr<int64_t> normal = axis(value, rank);
    if (failed(normal))
      return failure();
    value = *normal;
  }
  SmallVector<int64_t> sorted(axes.begin(), axes.end());
  llvm::sort(sorted);
  auto *twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    return error("axis " + Twine(*twice) + " is given twice");
  return success();
}

LogicalResult NodeImport::needNonNegative(AffineExpr expr,
                                          const Twine &message) {
  expr = canonicalize(expr);
  Interval bounds = boundsOf(expr);
  if (bounds.low.value_or(-1) >= 0)
    return success();
  if (bounds.high.value_or(0) < 0)
    return error("needs " + message);
  importer.addCheck(loc, expr, false,
                    "node " + quote(name) + " needs " + message);
  return success();
}

LogicalResult NodeImport::needAtMost(AffineExpr small, AffineExpr large) {
  // Every term on the side where it is positive: `sequence <= 512`.
  AffineExpr left = expr(0), right = expr(0);
  SmallVector<AffineExpr> terms{canonicalize(large - small)};
  while (!terms.empty()) {
    AffineExpr term = terms.pop_back_val();
    auto binary = dyn_cast<AffineBinaryOpExpr>(term);
    if (binary && binary.getKind() == AffineExprKind::Add) {
      terms.push_back(binary.getLHS());
      terms.push_back(binary.getRHS());
      continue;
    }
    AffineExpr factor = binary && binary.getKind() == AffineExprKind::Mul
                            ? binary.getRHS()
                            : term;
    auto constant = dyn_cast<AffineConstantExpr>(factor);
    if (constant && constant.getValue() < 0)
      left = left - term;
    else
      right = right + term;
  }
  return needNonNegative(large - small,
                         importer.text(canonicalize(left)) +
                             " <= " + importer.text(canonicalize(right)));
}

LogicalResult NodeImport::needEqual(AffineExpr a, AffineExpr b) {
  std::optional<bool> equal = isEqual(a, b);
  if (equal == true)
    return success();
  std::string message =
      importer.text(a) + " and " + importer.text(b) + " to be equal";
  if (equal == false)
    return error("needs " + message);
  importer.addCheck(loc, canonicalize(a - b), true,
                    "node " + quote(name) + " needs " + message);
  return success();
}

LogicalResult NodeImport::needSame(ArrayRef<AffineExpr> a,
                                   ArrayRef<AffineExpr> b) {
  for (auto [x, y] : llvm::zip_equal(a, b))
    if (failed(needEqual(x, y)))
      return failure();
  return success();
}

LogicalResult NodeImport::needZero(AffineExpr expr, const Twine &message) {
  expr = canonicalize(expr);
  Interval bounds = boundsOf(expr);
  if (bounds.low == 0 && bounds.high == 0)
    return success();
  if (bounds.low.value_or(0) > 0 || bounds.high.value_or(0) < 0)
    return error("needs " + message);
  importer.addCheck(loc, expr, true,
                    "node " + quote(name) + " needs " + message);
  return success();
}

LogicalResult NodeImport::tieBroadcast(ArrayRef<AffineExpr> a,
                                       ArrayRef<AffineExpr> b) {
  for (size_t i = 1; i <= std::min(a.size(), b.size()); ++i) {
    AffineExpr x = a[a.size() - i], y = b[b.size() - i];
    if (x == y || staticExtent(x) == 1 || staticExtent(y) == 1)
      continue;
    std::optional<bool> equal = isEqual(x, y);
    if (equal == false && isa<AffineConstantExpr>(x) &&
        isa<AffineConstantExpr>(y))
      return error("shapes do not broadcast: " + importer.text(x) + " and " +
                   importer.text(y) + " in dimension -" + Twine(i));
    if (equal != true && failed(needEqual(x, y)))
      return failure();
  }
  return success();
}

Value NodeImport::checkSize(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t bytes =
      std::max(1u, type.getElementType().getIntOrFloatBitWidth() / 8);
  for (int64_t extent : type.getShape()) {
    if (ShapedType::isDynamic(extent))
      continue;
    auto product = llvm::checkedMul(bytes, std::max<int64_t>(extent, 1));
    if (product && *product <= importer.options.maxTensorBytes) {
      bytes = *product;
      continue;
    }
    (void)error("the result is larger than the limit of " +
                    Twine(importer.options.maxTensorBytes) + " bytes",
                Status::Limit);
    return {};
  }
  if (type.getRank() > kMaxRank) {
    (void)error("the result has rank " + Twine(type.getRank()) +
                ", the limit is " + Twine(kMaxRank));
    return {};
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

Value NodeImport::scalar(Type elementType, double value) {
  auto type = RankedTensorType::get({}, elementType);
  ElementsAttr attribute;
  if (auto floating = dyn_cast<FloatType>(elementType)) {
    llvm::APFloat number(value);
    bool lost = false;
    number.convert(floating.getFloatSemantics(),
                   llvm::APFloat::rmNearestTiesToEven, &lost);
    // 16-bit floats are kept as words.
    if (floating.getWidth() == 16)
      attribute = DenseElementsAttr::get(
          RankedTensorType::get({}, builder().getI16Type()),
          number.bitcastToAPInt());
    else
      attribute = DenseElementsAttr::get(type, number);
  } else {
    unsigned width = elementType.getIntOrFloatBitWidth();
    attribute = DenseElementsAttr::get(
        type,
        llvm::APInt(64, uint64_t(int64_t(value)), true).sextOrTrunc(width));
  }
  auto op = qnn::ConstantOp::create(builder(), loc, type, attribute);
  importer.shapes.setShape(op, {});
  return op;
}

Value NodeImport::reshape(Value value, ArrayRef<AffineExpr> shape) {
  if (!value)
    return {};
  SymbolicShape canonical;
  for (AffineExpr dim : shape)
    canonical.push_back(canonicalize(dim));
  if (canonical == this->shape(value))
    return value;
  return create<qnn::ReshapeOp>(elementType(value), value,
                                importer.map(canonical));
}

Value NodeImport::broadcastTo(Value value, ArrayRef<AffineExpr> shape) {
  if (!value)
    return {};
  if (shape == ArrayRef<AffineExpr>(this->shape(value)))
    return value;
  return create<qnn::BroadcastToOp>(elementType(value), value,
                                    importer.map(shape));
}

Value NodeImport::transpose(Value value, ArrayRef<int64_t> permutation) {
  return create<qnn::TransposeOp>(elementType(value), value, permutation);
}

Value NodeImport::reduce(qnn::ReduceKind kind, Value value,
                         ArrayRef<int64_t> axes, bool keepDims) {
  if (!value)
    return {};
  // One order for equal reductions.
  SmallVector<int64_t> sorted(axes);
  llvm::sort(sorted);
  return create<qnn::ReduceOp>(elementType(value), kind, value,
                               ArrayRef<int64_t>(sorted), keepDims);
}

Value NodeImport::cast(Value value, Type type) {
  if (!value || elementType(value) == type)
    return value;
  return create<qnn::CastOp>(type, value);
}

Value NodeImport::range(Type elementType, AffineExpr start, AffineExpr size,
                        int64_t step) {
  return create<qnn::RangeOp>(elementType, importer.map({start}),
                              importer.map({size}), step);
}

Value NodeImport::slice(Value value, ArrayRef<AffineExpr> starts,
                        ArrayRef<AffineExpr> sizes, ArrayRef<int64_t> steps) {
  if (!value)
    return {};
  SymbolicShape canonical, dims = shape(value);
  // Of an empty dimension nothing else is left.
  for (auto [size, dim] : llvm::zip(sizes, dims))
    canonical.push_back(staticExtent(dim) == 0 ? expr(0) : canonicalize(size));
  bool whole = canonical == dims &&
               llvm::all_of(steps, [](int64_t step) { return step == 1; });
  if (whole)
    return value;
  return create<qnn::SliceOp>(elementType(value), value, importer.map(starts),
                              importer.map(canonical), steps);
}

} // namespace quantc::onnx_frontend
