// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Contractions, convolutions and pooling.  Windows are read into explicit
// padding: auto_pad and ceil_mode are resolved here, where the spatial extents
// are known.

#include "Program.h"
#include "Window.h"
#include <cmath>

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

static LogicalResult sameFloat(NodeImport &n, ArrayRef<Value> operands) {
  for (Value operand : operands) {
    if (!operand)
      return failure();
    if (n.elementType(operand) != n.elementType(operands.front()))
      return n.error("expected operands of one element type");
  }
  if (!isFloat(n.elementType(operands.front())))
    return n.unsupported("of integers");
  return success();
}

/// The operands of a convolution, which accumulates in f32.
static LogicalResult sameFactors(NodeImport &n, ArrayRef<Value> operands) {
  if (failed(sameFloat(n, operands)))
    return failure();
  if (n.elementType(operands.front()).isF64())
    return n.unsupported("of float64");
  return success();
}

/// lhs[..., m, k] * rhs[..., k, n] in the element types that qnn.matmul does
/// not take: a chain of products and additions.
static Value sumOfProducts(NodeImport &n, Value a, Value b) {
  SymbolicShape x = n.shape(a), y = n.shape(b);
  Type type = n.elementType(a);
  size_t rank = std::max(x.size(), y.size());
  SymbolicShape shape(rank, n.expr(1));
  for (const SymbolicShape &dims : {x, y})
    for (size_t i = 0; i + 2 < dims.size(); ++i) {
      AffineExpr &dim = shape[rank - dims.size() + i];
      dim = staticExtent(dim) == 1 ? dims[i] : dim;
    }
  shape[rank - 2] = x[x.size() - 2];
  shape[rank - 1] = y.back();
  return compute(n, type, shape, {a, b}, [&](Program &p) {
    Value row = p.at(rank - 2), column = p.at(rank - 1);
    return p.loop(p.index(0), p.extent(x.back()),
                  p.constant(scalarType(type), 0),
                  [&](Value k, ValueRange sum) {
                    Value left = p.read(0, p.matrixPosition(x, row, k));
                    Value right = p.read(1, p.matrixPosition(y, k, column));
                    return Values{p.add(sum[0], p.mul(left, right))};
                  })[0];
  });
}

/// `value`, whose dimension `axis` was checked to be `other`, with an extent
/// that the other operand knows and a reshape with -1 or an input does not.
static Value takeExtent(NodeImport &n, Value value, size_t axis,
                        AffineExpr other) {
  SymbolicShape dims = n.shape(value);
  if (isa<AffineConstantExpr>(dims[axis]) || !isa<AffineConstantExpr>(other))
    return value;
  dims[axis] = other;
  return n.reshape(value, dims);
}

Value matmul(NodeImport &n, Value a, Value b) {
  if (!a || !b)
    return {};
  SymbolicShape x = n.shape(a), y = n.shape(b);
  if (x.empty() || y.empty()) {
    (void)n.error("expected operands of rank 1 or more");
    return {};
  }
  AffineExpr rows = y.size() == 1 ? y[0] : y[y.size() - 2];
  if (failed(n.needEqual(x.back(), rows)))
    return {};
  a = takeExtent(n, a, x.size() - 1, rows);
  b = takeExtent(n, b, y.size() == 1 ? 0 : y.size() - 2, x.back());
  x = n.shape(a);
  y = n.shape(b);
  if (x.size() > 2 && y.size() > 2 &&
      failed(
          n.tieBroadcast(ArrayRef(x).drop_back(2), ArrayRef(y).drop_back(2))))
    return {};
  Type type = n.elementType(a);
  bool isNative = isFloat(type) && !type.isF64();
  if (isNative &&
      (std::max(x.size(), y.size()) <= 2 || std::min(x.size(), y.size()) >= 2))
    return n.create<qnn::MatmulOp>(type, a, b);
  // A vector is a row on the left and a column on the right.
  if (x.size() == 1)
    a = n.reshape(a, {n.expr(1), x[0]});
  if (y.size() == 1)
    b = n.reshape(b, {y[0], n.expr(1)});
  Value product =
      isNative ? n.create<qnn::MatmulOp>(type, a, b) : sumOfProducts(n, a, b);
  SymbolicShape shape = n.shape(product);
  if (product && y.size() == 1)
    shape.pop_back();
  if (product && x.size() == 1)
    shape.erase(shape.end() - (y.size() == 1 ? 1 : 2));
  return n.reshape(product, shape);
}

static LogicalResult importMatMul(NodeImport &n) {
  Value a = n.value(0), b = n.value(1);
  if (failed(sameType(n, {a, b}, isNumber)))
    return failure();
  return n.result(matmul(n, a, b));
}

/// alpha * a' * b' + beta * c.  The common form with a constant weight [out,
/// in] is qnn.linear.
static LogicalResult importGemm(NodeImport &n) {
  Value a = n.value(0), b = n.value(1), c;
  if (n.has(2))
    c = n.value(2);
  if (failed(sameType(n, {a, b}, isNumber)) ||
      (c && failed(sameType(n, {a, c}, isNumber))))
    return failure();
  if (n.rank(a) != 2 || n.rank(b) != 2)
    return n.error("expected operands of rank 2, got ranks " +
                   Twine(n.rank(a)) + " and " + Twine(n.rank(b)));
  float alpha = n.floatAttr("alpha", 1), beta = n.floatAttr("beta", 1);
  bool flipA = n.intAttr("transA", 0) != 0, flipB = n.intAttr("transB", 0) != 0;
  Type type = n.elementType(a);
  if (isInt(type) && (alpha != std::floor(alpha) || beta != std::floor(beta)))
    return n.unsupported("of integers with factors that are none");
  if (flipA)
    a = n.transpose(a, {1, 0});
  bool isNative = isFloat(type) && !type.isF64();
  bool constant = isNative && b.getDefiningOp<qnn::ConstantOp>() != nullptr;
  if (flipB && constant && alpha == 1.0f) {
    AffineExpr width = n.shape(b)[0];
    if (failed(n.needEqual(n.shape(a)[1], n.shape(b)[1])))
      return failure();
    a = takeExtent(n, a, 1, n.shape(b)[1]);
    bool bias = c && beta == 1.0f && n.rank(c) == 1 && n.shape(c)[0] == width;
    Value y = n.create<qnn::LinearOp>(
        type, a, b, OptionalValue{bias ? c : Value()}, DenseI64ArrayAttr());
    if (bias || !c)
      return n.result(y);
    if (beta != 1.0f)
      c = n.binary<qnn::MulOp>(c, n.scalar(type, beta));
    return n.result(n.binary<qnn::AddOp>(y, c));
  }
  Value y = matmul(n, a, flipB ? n.transpose(b, {1, 0}) : b);
  if (alpha != 1.0f)
    y = n.binary<qnn::MulOp>(y, n.scalar(type, alpha));
  if (c && beta != 1.0f)
    c = n.binary<qnn::MulOp>(c, n.scalar(type, beta));
  return n.result(c ? n.binary<qnn::AddOp>(y, c) : y);
}

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

LogicalResult readList(NodeImport &n, StringRef name, size_t size,
                       int64_t fallback, int64_t minimum,
                       SmallVectorImpl<int64_t> &values) {
  constexpr int64_t maximum = std::numeric_limits<int32_t>::max();
  auto given = n.intsAttr(name);
  values.assign(size, fallback);
  if (!given || (given->empty() && size == 0))
    return success();
  if (given->size() != size)
    return n.error("expected " + quote(name) + " to have " + Twine(size) +
                   " entries, got " + Twine(given->size()));
  for (int64_t value : *given)
    if (value < minimum || value > maximum)
      return n.error("expected entries of " + quote(name) + " in [" +
                     Twine(minimum) + ", " + Twine(maximum) + "], got " +
                     Twine(value));
  values.assign(given->begin(), given->end());
  return success();
}

static void setOuter(NodeImport &n, Window &window, size_t i, AffineExpr low,
                     AffineExpr high) {
  size_t rank = window.kernel.size();
  window.outerLow.resize(rank);
  window.outerHigh.resize(rank);
  window.outerLow[i] = canonicalize(low);
  window.outerHigh[i] = canonicalize(high);
  window.padLow[i] = window.padHigh[i] = 0;
}

/// SAME: ceil(extent / stride) outputs.  Without strides the padding does not
/// depend on the extent.
static LogicalResult padSame(NodeImport &n, Window &window, size_t i,
                             AffineExpr extent, bool upper, bool canPad) {
  int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
  int64_t stride = window.strides[i], total = reach - 1;
  if (stride != 1 && reach != 1) {
    int64_t known = staticExtent(extent);
    if (ShapedType::isDynamic(known)) {
      if (!canPad || reach < stride)
        return n.unsupported("with auto_pad and strides over a dynamic extent");
      AffineExpr open = (extent.ceilDiv(stride) - 1) * stride + reach - extent;
      AffineExpr half = open.floorDiv(2);
      setOuter(n, window, i, upper ? half : open - half,
               upper ? open - half : half);
      return success();
    }
    int64_t outputs = llvm::divideCeilSigned(known, stride);
    total = std::max<int64_t>(0, (outputs - 1) * stride + reach - known);
  }
  window.padLow[i] = upper ? total / 2 : total - total / 2;
  window.padHigh[i] = total - window.padLow[i];
  return success();
}

/// With ceil_mode a last, partial window counts when it starts inside the input
/// or its low padding; that is more padding at the high end.
LogicalResult extendForCeil(NodeImport &n, Window &window, size_t i,
                            AffineExpr extent, bool canPad) {
  int64_t stride = window.strides[i];
  if (stride == 1 || window.isOuter(i))
    return success();
  int64_t known = staticExtent(extent);
  int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
  if (ShapedType::isDynamic(known)) {
    int64_t low = window.padLow[i], high = window.padHigh[i];
    if (!canPad)
      return n.unsupported("with ceil_mode over a dynamic extent");
    // Without a window that starts in the padding at the end; otherwise every
    // window counts that starts before it.
    AffineExpr rest = extent + (low + high - reach), all = extent + low;
    AffineExpr padded = stride + high <= reach
                            ? rest.ceilDiv(stride) * stride - rest + high
                            : all.ceilDiv(stride) * stride - all +
                                  std::max<int64_t>(reach - stride, 0);
    setOuter(n, window, i, n.expr(low), padded);
    return success();
  }
  int64_t padded = known + window.padLow[i] + window.padHigh[i];
  if (padded < reach)
    return success();
  int64_t outputs = llvm::divideCeilSigned(padded - reach, stride) + 1;
  if ((outputs - 1) * stride >= known + window.padLow[i])
    --outputs;
  int64_t extra = (outputs - 1) * stride + reach - padded;
  if (extra > 0) {
    window.padHigh[i] += extra;
    window.extended = true;
  }
  return success();
}

/// With ceil_mode a window that is larger than what there is still counts once,
/// as one over all there is.
static void clipKernel(Window &window, size_t i, AffineExpr extent) {
  int64_t known = staticExtent(extent);
  if (ShapedType::isDynamic(known))
    return;
  int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
  int64_t padded = known + window.padLow[i] + window.padHigh[i];
  if (padded >= 1 && padded < reach && reach - padded < window.strides[i])
    window.kernel[i] = (padded - 1) / window.dilations[i] + 1;
}

/// `kernel` holds the weight's extents for a convolution, else it is empty.
FailureOr<Window> readWindow(NodeImport &n, ArrayRef<AffineExpr> spatial,
                             ArrayRef<int64_t> kernel, bool canPad) {
  Window window;
  size_t rank = spatial.size();
  SmallVector<int64_t> pads;
  if (kernel.empty() && !n.attribute("kernel_shape"))
    return n.error("'kernel_shape' is missing");
  if (failed(readList(n, "kernel_shape", rank, 1, 1, window.kernel)) ||
      failed(readList(n, "strides", rank, 1, 1, window.strides)) ||
      failed(readList(n, "dilations", rank, 1, 1, window.dilations)) ||
      failed(readList(n, "pads", 2 * rank, 0, 0, pads)))
    return failure();
  if (!kernel.empty()) {
    if (n.attribute("kernel_shape") && ArrayRef(window.kernel) != kernel)
      return n.error("expected 'kernel_shape' to be that of the weight");
    window.kernel.assign(kernel.begin(), kernel.end());
  }
  // Kernels run over their positions for each element.
  double positions = 1;
  for (int64_t extent : window.kernel)
    positions *= double(extent);
  if (positions > 0x1p31)
    return n.error("the window has more than 2^31 positions", Status::Limit);
  window.padLow.assign(pads.begin(), pads.begin() + rank);
  window.padHigh.assign(pads.begin() + rank, pads.end());
  std::string automatic = n.stringAttr("auto_pad", "NOTSET");
  if (automatic == "VALID") {
    window.padLow.assign(rank, 0);
    window.padHigh.assign(rank, 0);
  } else if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (size_t i = 0; i < rank; ++i)
      if (failed(padSame(n, window, i, spatial[i], automatic == "SAME_UPPER",
                         canPad)))
        return failure();
  } else if (automatic != "NOTSET" && !automatic.empty()) {
    return n.error("unknown auto_pad " + quote(automatic));
  }
  bool ceil = kernel.empty() && n.intAttr("ceil_mode", 0) != 0;
  for (size_t i = 0; i < rank; ++i) {
    if (ceil)
      clipKernel(window, i, spatial[i]);
    AffineExpr reach = n.expr(window.dilations[i] * (window.kernel[i] - 1) + 1);
    AffineExpr padded = spatial[i] + (window.padLow[i] + window.padHigh[i]);
    if (window.isOuter(i))
      padded = padded + window.outerLow[i] + window.outerHigh[i];
    if (failed(n.needAtMost(reach, padded)))
      return failure();
  }
  return window;
}

//===----------------------------------------------------------------------===//
// Conv
//===----------------------------------------------------------------------===//

static LogicalResult importConv(NodeImport &n) {
  Value x = n.value(0), weight = n.value(1), bias;
  if (n.has(2))
    bias = n.value(2);
  if (failed(sameFactors(n, {x, weight})) ||
      (bias && failed(sameFloat(n, {x, bias}))))
    return failure();
  SymbolicShape dims = n.shape(x), filter = n.shape(weight);
  if (dims.size() < 3 || filter.size() != dims.size())
    return n.error("expected an input of rank 3 or more and a weight of the "
                   "same rank, got ranks " +
                   Twine(dims.size()) + " and " + Twine(filter.size()));
  int64_t groups = n.intAttr("group", 1);
  if (groups < 1)
    return n.error("expected 'group' to be 1 or more, got " + Twine(groups));
  SmallVector<int64_t> kernel;
  for (AffineExpr extent : ArrayRef(filter).drop_front(2))
    kernel.push_back(staticExtent(extent));
  int64_t outputs = staticExtent(filter[0]), depth = staticExtent(filter[1]);
  if (ShapedType::isDynamic(outputs) || ShapedType::isDynamic(depth) ||
      llvm::any_of(kernel, ShapedType::isDynamic))
    return n.unsupported("with a weight of dynamic shape");
  if (llvm::any_of(kernel, [](int64_t extent) { return extent < 1; }))
    return n.error("expected kernel extents of 1 or more");
  if (outputs % groups != 0)
    return n.error("expected " + Twine(outputs) +
                   " output channels to be a multiple of 'group', got " +
                   Twine(groups));
  int64_t channels = 0;
  if (llvm::MulOverflow(depth, groups, channels))
    return n.error("'group' is too large");
  if (failed(n.needEqual(dims[1], n.expr(channels))))
    return failure();
  x = takeExtent(n, x, 1, n.expr(channels));
  dims[1] = n.expr(channels);
  if (bias && (n.rank(bias) != 1 || n.shape(bias)[0] != filter[0]))
    return n.error("expected a bias of " + Twine(outputs) + " elements");
  FailureOr<Window> window =
      readWindow(n, ArrayRef(dims).drop_front(2), kernel, /*canPad=*/true);
  if (failed(window))
    return failure();
  x = padOuter(n, x, *window, 0.0);
  if (!x)
    return failure();
  return n.result(n.create<qnn::ConvOp>(
      n.elementType(x), x, weight, OptionalValue{bias},
      ArrayRef<int64_t>(window->strides), ArrayRef<int64_t>(window->dilations),
      ArrayRef<int64_t>(window->padLow), ArrayRef<int64_t>(window->padHigh),
      groups, /*channels_last=*/false, DenseI64ArrayAttr()));
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

template <qnn::PoolKind kind> static LogicalResult importPool(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameFloat(n, {x})))
    return failure();
  FailureOr<Window> window = readPool(n, x, /*canPad=*/true);
  if (failed(window))
    return failure();
  bool isAverage = kind == qnn::PoolKind::average;
  bool countPad = isAverage && n.intAttr("count_include_pad", 0) != 0;
  if (isAverage && !window->outerLow.empty())
    return averageOuter(n, x, std::move(*window), countPad);
  x = padOuter(n, x, *window, -std::numeric_limits<double>::infinity());
  if (!x)
    return failure();
  if (countPad && window->extended)
    return importAveragePool(n);
  for (auto [i, extent] : llvm::enumerate(window->kernel)) {
    int64_t reach = window->dilations[i] * (extent - 1) + 1;
    if (window->padLow[i] >= reach || window->padHigh[i] >= reach)
      return n.error("expected pads smaller than the window " + Twine(reach) +
                     ", got " + Twine(window->padLow[i]) + " and " +
                     Twine(window->padHigh[i]));
  }
  return n.result(n.create<qnn::PoolOp>(
      n.elementType(x), kind, x, ArrayRef<int64_t>(window->kernel),
      ArrayRef<int64_t>(window->strides), ArrayRef<int64_t>(window->dilations),
      ArrayRef<int64_t>(window->padLow), ArrayRef<int64_t>(window->padHigh),
      countPad, /*channels_last=*/false));
}

/// One window over all spatial dimensions: a reduction.
template <qnn::ReduceKind kind>
static LogicalResult importGlobalPool(NodeImport &n) {
  Value x = n.value(0);
  if (failed(sameFloat(n, {x})))
    return failure();
  if (n.rank(x) < 3)
    return n.error("expected an input of rank 3 or more, got " +
                   Twine(n.rank(x)));
  SmallVector<int64_t> axes;
  for (size_t i = 2; i < n.rank(x); ++i)
    axes.push_back(i);
  return n.result(n.reduce(kind, x, axes, /*keepDims=*/true));
}

void registerNetwork(Registry &r) {
  r.add("MatMul", importMatMul);
  r.add("Gemm", importGemm);
  r.add("Conv", importConv);
  r.add("MaxPool", [](NodeImport &n) {
    // Indices and integers are not what vector kernels are for.
    bool isPlain =
        !n.isOutputUsed(1) && n.has(0) && isFloat(n.inputs[0]->elementType);
    return isPlain ? importPool<qnn::PoolKind::max>(n) : importMaxPool(n);
  });
  r.add("AveragePool", importPool<qnn::PoolKind::average>);
  r.add("GlobalAveragePool", importGlobalPool<qnn::ReduceKind::mean>);
  r.add("GlobalMaxPool", importGlobalPool<qnn::ReduceKind::max>);
}

} // namespace quantc::onnx_frontend
