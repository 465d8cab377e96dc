// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TensorProto to bytes.  A tensor keeps its elements in raw_data, in one typed
// field or in an external file; which field belongs to which element type, and
// that its size is the product of the dimensions, is checked before anything is
// read or allocated.  Raw and external data, and typed fields of the type's own
// width, are borrowed; only narrow types in int32_data are copied, and types
// under a byte, which ONNX packs, become one byte per element.

#include "Model.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/CheckedArithmetic.h"
#include <cstring>

using namespace mlir;
using onnx::TensorProto;

namespace quantc::onnx_frontend {
namespace {

enum class Field { Float, Int32, Int64, Double, UInt64, None };

struct ElementInfo {
  int32_t dataType;
  int64_t bits;
  Field field;
};

} // namespace

static constexpr ElementInfo kElements[] = {
    {TensorProto::FLOAT, 32, Field::Float},
    {TensorProto::UINT8, 8, Field::Int32},
    {TensorProto::INT8, 8, Field::Int32},
    {TensorProto::UINT16, 16, Field::Int32},
    {TensorProto::INT16, 16, Field::Int32},
    {TensorProto::INT32, 32, Field::Int32},
    {TensorProto::INT64, 64, Field::Int64},
    {TensorProto::BOOL, 8, Field::Int32},
    {TensorProto::FLOAT16, 16, Field::Int32},
    {TensorProto::DOUBLE, 64, Field::Double},
    {TensorProto::UINT32, 32, Field::UInt64},
    {TensorProto::UINT64, 64, Field::UInt64},
    {TensorProto::BFLOAT16, 16, Field::Int32},
    {TensorProto::FLOAT8E4M3FN, 8, Field::Int32},
    {TensorProto::FLOAT8E4M3FNUZ, 8, Field::Int32},
    {TensorProto::FLOAT8E5M2, 8, Field::Int32},
    {TensorProto::FLOAT8E5M2FNUZ, 8, Field::Int32},
    {TensorProto::FLOAT8E8M0, 8, Field::Int32},
    {TensorProto::FLOAT6E2M3, 6, Field::Int32},
    {TensorProto::FLOAT6E3M2, 6, Field::Int32},
    {TensorProto::FLOAT4E2M1, 4, Field::Int32},
    {TensorProto::UINT4, 4, Field::Int32},
    {TensorProto::INT4, 4, Field::Int32},
    {TensorProto::UINT2, 2, Field::Int32},
    {TensorProto::INT2, 2, Field::Int32},
};

static const ElementInfo *findElement(int32_t dataType) {
  for (const ElementInfo &info : kElements)
    if (info.dataType == dataType)
      return &info;
  return nullptr;
}

bool isElementType(int32_t dataType) { return findElement(dataType); }

/// Of the elements as ONNX stores them; nothing when there are too many.
static std::optional<int64_t> storedBytes(const ElementInfo &info,
                                          int64_t count) {
  if (info.bits >= 8)
    return llvm::checkedMul(count, info.bits / 8);
  // Whole groups of eight elements, then what is left of one.
  return count / 8 * info.bits + (count % 8 * info.bits + 7) / 8;
}

std::string elementTypeName(int32_t dataType) {
  if (TensorProto::DataType_IsValid(dataType))
    return TensorProto::DataType_Name(
        static_cast<TensorProto::DataType>(dataType));
  return std::to_string(dataType);
}

Type elementTypeOf(int32_t dataType, MLIRContext *context) {
  Builder builder(context);
  auto integer = [&](unsigned width, bool isUnsigned = false) -> Type {
    return IntegerType::get(context, width,
                            isUnsigned ? IntegerType::Unsigned
                                       : IntegerType::Signless);
  };
  switch (dataType) {
  case TensorProto::FLOAT:
    return builder.getF32Type();
  case TensorProto::DOUBLE:
    return builder.getF64Type();
  case TensorProto::FLOAT16:
    return builder.getF16Type();
  case TensorProto::BFLOAT16:
    return builder.getBF16Type();
  case TensorProto::FLOAT8E4M3FN:
    return Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ:
    return Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2:
    return Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ:
    return Float8E5M2FNUZType::get(context);
  case TensorProto::FLOAT8E8M0:
    return Float8E8M0FNUType::get(context);
  case TensorProto::FLOAT6E2M3:
    return Float6E2M3FNType::get(context);
  case TensorProto::FLOAT6E3M2:
    return Float6E3M2FNType::get(context);
  case TensorProto::FLOAT4E2M1:
    return Float4E2M1FNType::get(context);
  case TensorProto::BOOL:
    return integer(1);
  case TensorProto::INT2:
    return integer(2);
  case TensorProto::INT4:
    return integer(4);
  case TensorProto::INT8:
    return integer(8);
  case TensorProto::INT16:
    return integer(16);
  case TensorProto::INT32:
    return integer(32);
  case TensorProto::INT64:
    return integer(64);
  case TensorProto::UINT2:
    return integer(2, true);
  case TensorProto::UINT4:
    return integer(4, true);
  case TensorProto::UINT8:
    return integer(8, true);
  case TensorProto::UINT16:
    return integer(16, true);
  case TensorProto::UINT32:
    return integer(32, true);
  case TensorProto::UINT64:
    return integer(64, true);
  default:
    return {};
  }
}

int32_t elementTypeNumber(Type type) {
  for (const ElementInfo &info : kElements)
    if (elementTypeOf(info.dataType, type.getContext()) == type)
      return info.dataType;
  return TensorProto::UNDEFINED;
}

/// The number of elements, or failure for a shape that cannot be.
static FailureOr<int64_t> countElements(const TensorProto &tensor,
                                        Error &error) {
  auto what = "tensor " + quote(tensor.name());
  if (tensor.dims_size() > kMaxRank)
    return refuse(error, what + " has rank " + Twine(tensor.dims_size()) +
                             ", the limit is " + Twine(kMaxRank));
  int64_t count = 1;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0)
      return refuse(error, what + " has the negative dimension " + Twine(dim));
    auto product = llvm::checkedMul(count, dim);
    if (!product)
      return refuse(error, what + " has more than 2^63 - 1 elements");
    count = *product;
  }
  return count;
}

static int64_t fieldSize(const TensorProto &tensor, Field field) {
  switch (field) {
  case Field::Float:
    return tensor.float_data_size();
  case Field::Int32:
    return tensor.int32_data_size();
  case Field::Int64:
    return tensor.int64_data_size();
  case Field::Double:
    return tensor.double_data_size();
  case Field::UInt64:
    return tensor.uint64_data_size();
  case Field::None:
    return tensor.string_data_size();
  }
  return 0;
}

static bool isPackedField(const ElementInfo &info) {
  return info.bits == 2 || info.bits == 4;
}

static LogicalResult checkInline(const TensorProto &tensor,
                                 const ElementInfo &info, int64_t count,
                                 int64_t size, Error &error) {
  auto what = "tensor " + quote(tensor.name());
  std::string type = elementTypeName(info.dataType);
  for (Field field : {Field::Float, Field::Int32, Field::Int64, Field::Double,
                      Field::UInt64, Field::None})
    if (field != info.field && fieldSize(tensor, field) != 0)
      return refuse(error, what + " of type " + type +
                               " has data in a field of another type");
  int64_t typed = fieldSize(tensor, info.field);
  int64_t raw = tensor.raw_data().size();
  if (typed != 0 && raw != 0)
    return refuse(error, what + " has both raw_data and typed data");
  // Packed bytes are one int32 each, floats of 6 bits are not packed there.
  int64_t entries = isPackedField(info) ? size : count;
  if (typed != 0 && typed != entries)
    return refuse(error, "expected " + Twine(entries) + " elements in " + what +
                             ", got " + Twine(typed));
  if (typed == 0 && raw != size)
    return refuse(error, "expected " + Twine(size) + " bytes in " + what +
                             ", got " + Twine(raw));
  return success();
}

LogicalResult checkTensor(const TensorProto &tensor, Model &model,
                          Error &error) {
  auto what = "tensor " + quote(tensor.name());
  const ElementInfo *info = findElement(tensor.data_type());
  if (!info)
    return refuse(error, what + " has element type " +
                             elementTypeName(tensor.data_type()) +
                             ", which is not supported");
  if (tensor.has_segment())
    return refuse(error, what + " is stored in segments, which is not "
                                "supported");
  FailureOr<int64_t> count = countElements(tensor, error);
  if (failed(count))
    return failure();
  auto size = storedBytes(*info, *count);
  if (!size)
    return refuse(error, what + " has more than 2^63 - 1 bytes");
  if (tensor.data_location() != TensorProto::EXTERNAL)
    return checkInline(tensor, *info, *count, *size, error);
  if (tensor.raw_data().size() != 0)
    return refuse(error, what + " has both external and inline data");
  for (Field field : {Field::Float, Field::Int32, Field::Int64, Field::Double,
                      Field::UInt64, Field::None})
    if (fieldSize(tensor, field) != 0)
      return refuse(error, what + " has both external and inline data");
  return failure(failed(model.external.get(tensor, *size, error)));
}

template <typename T>
static ArrayRef<char> view(const google::protobuf::RepeatedField<T> &field) {
  return {reinterpret_cast<const char *>(field.data()),
          field.size() * sizeof(T)};
}

/// Narrow types sit one per int32 (or uint64) element.
template <typename T, typename Source>
static LogicalResult narrow(const Source &source, std::vector<char> &bytes) {
  bytes.resize(source.size() * sizeof(T));
  for (int i = 0; i < source.size(); ++i) {
    T value = static_cast<T>(source[i]);
    if (static_cast<std::decay_t<decltype(source[i])>>(value) != source[i])
      return failure();
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return success();
}

static LogicalResult narrowField(const TensorProto &tensor,
                                 std::vector<char> &bytes) {
  switch (tensor.data_type()) {
  case TensorProto::UINT8:
  case TensorProto::BOOL:
  case TensorProto::FLOAT8E4M3FN:
  case TensorProto::FLOAT8E4M3FNUZ:
  case TensorProto::FLOAT8E5M2:
  case TensorProto::FLOAT8E5M2FNUZ:
  case TensorProto::FLOAT8E8M0:
  case TensorProto::FLOAT6E2M3:
  case TensorProto::FLOAT6E3M2:
  case TensorProto::FLOAT4E2M1:
  case TensorProto::UINT4:
  case TensorProto::INT4:
  case TensorProto::UINT2:
  case TensorProto::INT2:
    return narrow<uint8_t>(tensor.int32_data(), bytes);
  case TensorProto::INT8:
    return narrow<int8_t>(tensor.int32_data(), bytes);
  case TensorProto::INT16:
    return narrow<int16_t>(tensor.int32_data(), bytes);
  case TensorProto::UINT16:
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
    return narrow<uint16_t>(tensor.int32_data(), bytes);
  default:
    return narrow<uint32_t>(tensor.uint64_data(), bytes);
  }
}

/// The bytes where they are, or an empty optional when they must be converted.
static std::optional<ArrayRef<char>> borrowField(const TensorProto &tensor) {
  switch (tensor.data_type()) {
  case TensorProto::FLOAT:
    return view(tensor.float_data());
  case TensorProto::DOUBLE:
    return view(tensor.double_data());
  case TensorProto::INT32:
    return view(tensor.int32_data());
  case TensorProto::INT64:
    return view(tensor.int64_data());
  case TensorProto::UINT64:
    return view(tensor.uint64_data());
  default:
    return std::nullopt;
  }
}

TensorData ownTensor(Type elementType, ArrayRef<int64_t> shape,
                     std::vector<char> bytes) {
  TensorData data;
  data.elementType = elementType;
  data.shape.assign(shape.begin(), shape.end());
  data.count = 1;
  for (int64_t dim : shape)
    data.count *= dim;
  auto owner = std::make_shared<const std::vector<char>>(std::move(bytes));
  data.bytes = *owner;
  data.owner = owner;
  return data;
}

/// One byte per element: the value of an integer, the code of a float.  The
/// stream of bits begins in the lowest one of each byte.
static std::vector<char> unpack(ArrayRef<char> packed, int64_t count,
                                unsigned bits, bool isSigned) {
  std::vector<char> bytes(count);
  for (int64_t i = 0; i < count; ++i) {
    int64_t bit = i * bits;
    unsigned shift = bit % 8, word = uint8_t(packed[bit / 8]) >> shift;
    if (shift + bits > 8)
      word |= unsigned(uint8_t(packed[bit / 8 + 1])) << (8 - shift);
    word &= (1u << bits) - 1;
    bytes[i] = isSigned ? char(llvm::SignExtend32(word, bits)) : char(word);
  }
  return bytes;
}

FailureOr<TensorData> readTensor(const TensorProto &tensor,
                                 const std::shared_ptr<Model> &model,
                                 MLIRContext *context, Error &error) {
  if (failed(checkTensor(tensor, *model, error)))
    return failure();
  TensorData data;
  data.elementType = elementTypeOf(tensor.data_type(), context);
  data.shape.assign(tensor.dims().begin(), tensor.dims().end());
  data.count = 1;
  for (int64_t dim : data.shape)
    data.count *= dim;
  const ElementInfo &info = *findElement(tensor.data_type());
  int64_t size = *storedBytes(info, data.count);
  data.owner = model;
  std::vector<char> copy;
  bool isExternal = tensor.data_location() == TensorProto::EXTERNAL;
  if (isExternal) {
    data.bytes = *model->external.get(tensor, size, error);
    data.owner = model->external.owner(data.bytes);
  } else if (!tensor.raw_data().empty() || data.count == 0) {
    data.bytes = tensor.raw_data();
  } else if (auto borrowed = borrowField(tensor)) {
    data.bytes = *borrowed;
  } else {
    if (failed(narrowField(tensor, copy)))
      return refuse(error, "tensor " + quote(tensor.name()) +
                               " has a value outside the range of " +
                               elementTypeName(tensor.data_type()));
    if (isPackedField(info))
      copy = unpack(copy, data.count, info.bits,
                    data.elementType.isSignlessInteger());
    for (char &byte : copy)
      if (info.bits == 6)
        byte &= 0x3f;
    return ownTensor(data.elementType, data.shape, std::move(copy));
  }
  if (info.bits < 8)
    return ownTensor(data.elementType, data.shape,
                     unpack(data.bytes, data.count, info.bits,
                            data.elementType.isSignlessInteger()));
  // Kernels read whole elements: misaligned data is the one case of a copy, and
  // a byte of a bool is 0 or 1.
  bool misaligned =
      reinterpret_cast<uintptr_t>(data.bytes.data()) % (info.bits / 8) != 0;
  bool oddBool = tensor.data_type() == TensorProto::BOOL &&
                 llvm::any_of(data.bytes,
                              [](char byte) { return byte != 0 && byte != 1; });
  if (!misaligned && !oddBool)
    return data;
  copy.assign(data.bytes.begin(), data.bytes.end());
  if (oddBool)
    for (char &byte : copy)
      byte = byte != 0;
  return ownTensor(data.elementType, data.shape, std::move(copy));
}

template <typename T> static T load(ArrayRef<char> bytes, int64_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

double TensorData::getFloat(int64_t index) const {
  if (elementType.isF32())
    return load<float>(bytes, index);
  if (elementType.isF64())
    return load<double>(bytes, index);
  if (auto type = dyn_cast<FloatType>(elementType)) {
    unsigned word = type.getWidth() <= 8 ? load<uint8_t>(bytes, index)
                                         : load<uint16_t>(bytes, index);
    llvm::APFloat value(type.getFloatSemantics(),
                        llvm::APInt(type.getWidth(), word));
    bool lost = false;
    value.convert(llvm::APFloat::IEEEdouble(),
                  llvm::APFloat::rmNearestTiesToEven, &lost);
    return value.convertToDouble();
  }
  return static_cast<double>(getInt(index));
}

/// One integer element, sign- or zero-extended.
template <typename Signed>
static int64_t loadInt(ArrayRef<char> bytes, int64_t index, bool isUnsigned) {
  Signed value = load<Signed>(bytes, index);
  if (isUnsigned)
    return static_cast<std::make_unsigned_t<Signed>>(value);
  return value;
}

int64_t TensorData::getInt(int64_t index) const {
  bool isUnsigned = elementType.isUnsignedInteger();
  switch (elementType.getIntOrFloatBitWidth()) {
  case 1:
    return load<uint8_t>(bytes, index) != 0;
  case 2:
  case 4:
  case 8:
    return loadInt<int8_t>(bytes, index, isUnsigned);
  case 16:
    return loadInt<int16_t>(bytes, index, isUnsigned);
  case 32:
    return loadInt<int32_t>(bytes, index, isUnsigned);
  default:
    return load<int64_t>(bytes, index);
  }
}

ElementsAttr toAttribute(const TensorData &data, StringRef name) {
  // Narrow floats and what is under a byte are kept as words
  // (QNNTensorOps.td).
  Type stored = data.elementType;
  unsigned width = stored.getIntOrFloatBitWidth();
  if ((isa<FloatType>(stored) && width < 32) || (width > 1 && width < 8))
    stored = IntegerType::get(stored.getContext(), std::max(width, 8u));
  auto type = RankedTensorType::get(data.shape, stored);
  if (data.count == 0)
    return DenseElementsAttr::get(type, ArrayRef<Attribute>());
  int64_t size = data.bytes.size();
  if (size <= kDenseBytes) {
    if (stored.isInteger(1)) {
      SmallVector<bool> values;
      for (char byte : data.bytes)
        values.push_back(byte != 0);
      return DenseElementsAttr::get(type, values);
    }
    return DenseElementsAttr::getFromRawBuffer(type, data.bytes);
  }
  int64_t align = size / data.count;
  auto blob = UnmanagedAsmResourceBlob::allocateWithAlign(
      data.bytes, align, [owner = data.owner](void *, size_t, size_t) {});
  return DenseResourceElementsAttr::get(type, name.empty() ? "constant" : name,
                                        std::move(blob));
}

} // namespace quantc::onnx_frontend
