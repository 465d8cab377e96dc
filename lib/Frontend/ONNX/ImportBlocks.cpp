// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights that ONNX Runtime's tools pack in blocks of few bits: MatMulNBits and
// GatherBlockQuantized.  They become constants in block formats, codes, scales
// and zero points as they are.  Layouts of older exporters, all arrays flat or
// zero points not padded by rows, are known by their sizes.

#include "Codes.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static constexpr StringLiteral kMicrosoft = "com.microsoft";

namespace {
/// A matrix [rows, columns] of codes in blocks along its columns.
struct PackedMatrix {
  int64_t rows, columns, bits, block;

  int64_t blocks() const { return llvm::divideCeil(columns, block); }
  int64_t blob() const { return block * bits / 8; }
  /// Bytes of a row's zero points.
  int64_t zeroBytes() const { return llvm::divideCeil(blocks() * bits, 8); }
};
} // namespace

static SymbolicShape shapeOf(NodeImport &n, ArrayRef<int64_t> extents) {
  SymbolicShape shape;
  for (int64_t extent : extents)
    shape.push_back(n.expr(extent));
  return shape;
}

/// Static extents; an error names what has none.
static FailureOr<SmallVector<int64_t>> staticShape(NodeImport &n, Value value,
                                                   StringRef what) {
  if (!value)
    return failure();
  auto type = cast<RankedTensorType>(value.getType());
  if (type.hasStaticShape())
    return llvm::to_vector(type.getShape());
  return n.error("expected " + what + " of static shape");
}

static LogicalResult wrongShape(NodeImport &n, StringRef what,
                                StringRef expected, ArrayRef<int64_t> shape) {
  std::string got;
  for (int64_t extent : shape)
    got += (got.empty() ? "" : ", ") + std::to_string(extent);
  return n.error("expected " + what + " of shape " + expected + ", got [" +
                 got + "]");
}

static std::string textOf(ArrayRef<int64_t> shape) {
  std::string text;
  for (int64_t extent : shape)
    text += (text.empty() ? "[" : ", ") + std::to_string(extent);
  return text + "]";
}

/// Codes [rows, columns], one byte each.
static Value readCodes(NodeImport &n, Value packed, const PackedMatrix &m) {
  auto shape = staticShape(n, packed, "packed codes");
  if (failed(shape))
    return {};
  SmallVector<int64_t> expected = {m.rows, m.blocks(), m.blob()};
  if (!n.elementType(packed).isUnsignedInteger(8)) {
    (void)n.error("expected packed codes of type UINT8");
    return {};
  }
  // Some exporters write blocks before rows.
  if (ArrayRef<int64_t>(*shape) ==
          ArrayRef<int64_t>({expected[1], expected[0], expected[2]}) &&
      expected[0] != expected[1]) {
    packed = n.transpose(packed, {1, 0, 2});
  } else if (llvm::product_of(*shape) != llvm::product_of(expected) ||
             (shape->size() == 3 && *shape != expected)) {
    (void)wrongShape(n, "packed codes", textOf(expected), *shape);
    return {};
  }
  packed = n.reshape(packed, shapeOf(n, {m.rows, m.blocks() * m.blob()}));
  Type ui8 = n.elementType(packed);
  return n.create<qnn::UnpackOp>(ui8, packed,
                                 n.builder().getI64IntegerAttr(m.bits),
                                 n.builder().getI64IntegerAttr(m.columns));
}

/// [rows, blocks], flat in older files.
static Value readScales(NodeImport &n, Value scales, const PackedMatrix &m) {
  auto shape = staticShape(n, scales, "scales");
  if (failed(shape))
    return {};
  SmallVector<int64_t> expected = {m.rows, m.blocks()};
  Type type = n.elementType(scales);
  if (!isFloat(type) || type.isF64()) {
    (void)n.error("expected scales of type FLOAT, FLOAT16 or BFLOAT16");
    return {};
  }
  if (llvm::product_of(*shape) == llvm::product_of(expected) &&
      (shape->size() == 1 || *shape == expected))
    return n.reshape(scales, shapeOf(n, expected));
  (void)wrongShape(n, "scales", textOf(expected), *shape);
  return {};
}

/// [rows, blocks]: floats, or codes in rows of whole bytes, or, in older files,
/// without padding between rows.
static Value readZeros(NodeImport &n, Value zeros, const PackedMatrix &m) {
  auto shape = staticShape(n, zeros, "zero points");
  if (failed(shape))
    return {};
  int64_t count = llvm::product_of(*shape), all = m.rows * m.blocks();
  SymbolicShape result = shapeOf(n, {m.rows, m.blocks()});
  Type type = n.elementType(zeros);
  if (isFloat(type) && !type.isF64() && count == all)
    return n.reshape(zeros, result);
  auto unpack = [&](ArrayRef<int64_t> bytes, int64_t codes) {
    return n.create<qnn::UnpackOp>(type, n.reshape(zeros, shapeOf(n, bytes)),
                                   n.builder().getI64IntegerAttr(m.bits),
                                   n.builder().getI64IntegerAttr(codes));
  };
  if (type.isUnsignedInteger(8)) {
    if (count == m.rows * m.zeroBytes())
      return unpack({m.rows, m.zeroBytes()}, m.blocks());
    if (count == int64_t(llvm::divideCeil(all * m.bits, 8)))
      return n.reshape(unpack({1, count}, all), result);
  }
  (void)wrongShape(n, "zero points of UINT8", textOf({m.rows, m.zeroBytes()}),
                   *shape);
  return {};
}

static LogicalResult checkPacking(NodeImport &n, const PackedMatrix &m,
                                  int64_t leastBlock) {
  constexpr int64_t most = std::numeric_limits<int32_t>::max();
  if (m.bits < 2 || m.bits > 8)
    return n.error("expected 'bits' in [2, 8], got " + Twine(m.bits));
  if (m.block < leastBlock || m.block > most || !llvm::isPowerOf2_64(m.block))
    return n.error("expected 'block_size' to be a power of two of " +
                   Twine(leastBlock) + " or more, got " + Twine(m.block));
  if (m.rows < 1 || m.columns < 1 || m.rows > most || m.columns > most)
    return n.error("expected 'N' and 'K' of 1 or more, got " + Twine(m.rows) +
                   " and " + Twine(m.columns));
  return success();
}

/// The values [rows, columns] of inputs `codes`, and those after it: scales and
/// perhaps zero points, 2^(bits - 1) without.
static Value readMatrix(NodeImport &n, const PackedMatrix &m, size_t codesAt,
                        size_t scalesAt, size_t zerosAt) {
  BlockCodes blocks;
  blocks.codes = readCodes(n, n.value(codesAt), m);
  blocks.scale = blocks.codes ? readScales(n, n.value(scalesAt), m) : Value();
  if (!blocks.scale)
    return {};
  if (n.has(zerosAt) && !(blocks.zero = readZeros(n, n.value(zerosAt), m)))
    return {};
  if (!blocks.zero)
    blocks.codes = shiftCodes(n, blocks.codes, -(int64_t(1) << (m.bits - 1)),
                              n.builder().getI8Type());
  blocks.axis = 1;
  blocks.block = m.block;
  blocks.bits = m.bits;
  Value values = fromBlocks(n, blocks);
  if (!values && !n.importer.failedAlready())
    (void)n.unsupported("whose weight is not constant");
  return values;
}

/// g_idx, once the group of each k, says nothing new where it ascends by
/// blocks.
static bool isTrivialOrder(NodeImport &n, size_t index, int64_t block) {
  auto groups = n.constantInts(index);
  if (!groups)
    return false;
  for (auto [k, group] : llvm::enumerate(*groups))
    if (group != int64_t(k) / block)
      return false;
  return true;
}

static LogicalResult importMatMulNBits(NodeImport &n) {
  if (failed(n.expect(3, 6, 1,
                      "K N accuracy_level bits block_size weight_prepacked")))
    return failure();
  PackedMatrix m{n.intAttr("N", 0), n.intAttr("K", 0), n.intAttr("bits", 4),
                 n.intAttr("block_size", 0)};
  if (n.intAttr("weight_prepacked", 0) != 0)
    return n.unsupported("with a weight that is packed for one machine");
  if (failed(checkPacking(n, m, 16)))
    return failure();
  if (n.has(4) && !isTrivialOrder(n, 4, m.block))
    return n.unsupported("with g_idx in another order than blocks");
  Value a = n.value(0), weight = readMatrix(n, m, 1, 2, 3);
  if (!a || !weight)
    return failure();
  Type type = n.elementType(a), f32 = n.builder().getF32Type();
  if (!isFloat(type) || type.isF64())
    return n.unsupported("of this element type");
  if (n.rank(a) < 1 ||
      failed(n.needEqual(n.shape(a).back(), n.expr(m.columns))))
    return n.error("expected an input of rank 1 or more whose last dimension "
                   "is 'K'");
  Value bias;
  if (n.has(5)) {
    bias = n.cast(n.value(5), f32);
    if (!bias || n.rank(bias) != 1 ||
        failed(n.needEqual(n.shape(bias)[0], n.expr(m.rows))))
      return n.error("expected a bias of 'N' elements");
  }
  Value y = n.create<qnn::LinearOp>(f32, n.cast(a, f32), weight,
                                    OptionalValue{bias}, DenseI64ArrayAttr());
  return n.result(n.cast(y, type));
}

/// Rows of a table [v, k] quantized along k.
static LogicalResult importGatherBlocks(NodeImport &n) {
  if (failed(n.expect(3, 4, 1, "bits block_size gather_axis quantize_axis")))
    return failure();
  Value data = n.value(0), indices = n.value(1);
  if (!data || !indices)
    return failure();
  auto shape = staticShape(n, data, "a table");
  if (failed(shape))
    return failure();
  int64_t rank = shape->size();
  FailureOr<int64_t> gatherAxis = n.axis(n.intAttr("gather_axis", 0), rank);
  FailureOr<int64_t> axis = n.axis(n.intAttr("quantize_axis", 1), rank);
  if (failed(gatherAxis) || failed(axis))
    return failure();
  if (rank != 2 || *gatherAxis != 0 || *axis != 1)
    return n.unsupported("of other than the rows of a matrix in blocks of "
                         "columns");
  int64_t bits = n.intAttr("bits", 4);
  Type type = n.elementType(data), f32 = n.builder().getF32Type();
  bool isPacked = type.isUnsignedInteger(8);
  if (!isPacked && !isSmallInt(type))
    return n.unsupported("of other codes than UINT8, INT4 and UINT4");
  if (!isPacked)
    bits = type.getIntOrFloatBitWidth();
  PackedMatrix m{(*shape)[0], (*shape)[1], bits, n.intAttr("block_size", 128)};
  if (isPacked && bits > 0)
    m.columns = m.columns * 8 / bits;
  if (failed(checkPacking(n, m, 16)))
    return failure();
  BlockCodes blocks;
  blocks.axis = 1;
  blocks.block = m.block;
  blocks.bits = bits;
  blocks.scale = readScales(n, n.value(2), m);
  if (!blocks.scale)
    return failure();
  // Bytes hold codes without padding, around 2^(bits - 1); other types around
  // 0.
  blocks.codes = isPacked ? n.create<qnn::UnpackOp>(
                                type, data, n.builder().getI64IntegerAttr(bits),
                                n.builder().getI64IntegerAttr(m.columns))
                          : data;
  if (n.has(3)) {
    Value zero = n.value(3);
    if (!zero)
      return failure();
    if (n.elementType(zero) != type)
      return n.error("expected zero points of the table's element type");
    blocks.zero = isPacked ? readZeros(n, zero, m) : zero;
    if (!blocks.zero)
      return failure();
    if (n.shape(blocks.zero) != n.shape(blocks.scale))
      return n.error("expected zero points of the scales' shape");
  } else if (isPacked) {
    blocks.codes = shiftCodes(n, blocks.codes, -(int64_t(1) << (bits - 1)),
                              n.builder().getI8Type());
  }
  Type scaleType = n.elementType(blocks.scale);
  Value table = fromBlocks(n, blocks);
  if (!table)
    return n.importer.failedAlready()
               ? failure()
               : n.unsupported("of a table that is not constant");
  Value rows = n.create<qnn::GatherOp>(f32, table, indices, int64_t(0),
                                       DenseI64ArrayAttr());
  return n.result(n.cast(rows, scaleType));
}

void registerBlocks(Registry &r) {
  r.add("MatMulNBits", importMatMulNBits, 1, kMicrosoft);
  r.add("GatherBlockQuantized", importGatherBlocks, 1, kMicrosoft);
}

} // namespace quantc::onnx_frontend
