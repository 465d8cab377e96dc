// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Encoding and decoding of #fmt.int against loops that visit, for every scale,
// all elements of the tensor and pick the ones that share it.

#include "Format.h"
#include <cmath>

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

namespace {

/// Which scale an element [i, j] of a [rows, columns] tensor has.
using ScaleOf = int64_t (*)(int64_t i, int64_t j);

struct Case {
  const char *granularity;
  ScaleOf scaleOf;
  SmallVector<int64_t> scaleShape;
};

constexpr int64_t kRows = 5, kColumns = 11;

const Case kCases[] = {
    {"tensor", [](int64_t, int64_t) { return int64_t(0); }, {}},
    {"axis = 0", [](int64_t i, int64_t) { return i; }, {kRows}},
    {"axis = 1", [](int64_t, int64_t j) { return j; }, {kColumns}},
    {"per_row", [](int64_t i, int64_t) { return i; }, {kRows}},
    {"block = [1, 4]",
     [](int64_t i, int64_t j) { return i * 3 + j / 4; },
     {kRows, 3}},
    {"block = [2, 3]",
     [](int64_t i, int64_t j) { return i / 2 * 4 + j / 3; },
     {3, 4}}};

/// To f16 and back: the values of the tests are normal f16 numbers.
float toHalf(float x) {
  int exponent;
  float fraction = std::frexp(x, &exponent);
  return std::ldexp(std::nearbyint(fraction * 2048), exponent - 11);
}

class IntFormat : public FormatTest {
protected:
  struct Expected {
    float scale;
    int32_t integerOffset = 0;
    float floatOffset = 0;
  };

  /// Scale and offset of the elements with index `which` (numerics §6.6).
  Expected fit(const HostTensor &values, const Case &c, int64_t which,
               unsigned bits, StringRef offset, bool isHalf) {
    float low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kColumns; ++j)
        if (c.scaleOf(i, j) == which) {
          float x = values.as<float>()[i * kColumns + j];
          low = std::fmin(low, x), high = std::fmax(high, x);
        }
    auto stored = [&](float x) { return isHalf ? toHalf(x) : x; };
    float levels = float((1 << bits) - 1);
    if (offset == "none") {
      float amax = std::fmax(std::fabs(low), std::fabs(high));
      return {stored(amax / float((1 << (bits - 1)) - 1))};
    }
    if (offset == "integer") {
      low = std::fmin(low, 0.0f), high = std::fmax(high, 0.0f);
      float scale = stored((high - low) / levels);
      float zero = std::nearbyint(-low / scale);
      return {scale, int32_t(std::fmin(std::fmax(zero, 0.0f), levels))};
    }
    float base = stored(low);
    return {high - base < 0x1p-100f * levels ? 1
                                             : stored((high - base) / levels),
            0, base};
  }

  void check(unsigned bits, const Case &c, StringRef offset, bool isHalf) {
    IntAttr fmt =
        format((Twine(bits) + ", " + c.granularity + ", offset = " + offset +
                (isHalf ? ", scale = f16" : ""))
                   .str());
    HostTensor values = random({kRows, kColumns});
    auto encoded = fmt.encode([&] { return emit(); }, values, "w");
    ASSERT_TRUE(succeeded(encoded)) << message;
    ASSERT_EQ(encoded->arrays.size(), offset == "none" ? 2u : 3u);
    EXPECT_EQ(encoded->arrays[1].getShape(), ArrayRef(c.scaleShape));
    auto decoded = fmt.decode([&] { return emit(); }, *encoded);
    ASSERT_TRUE(succeeded(decoded)) << message;
    bool isSigned = offset == "none";
    float highest = float((1 << (bits - isSigned)) - 1);
    float lowest = isSigned ? -highest - (bits == 8 ? 0 : 1) : 0;
    for (int64_t i = 0; i < kRows; ++i)
      for (int64_t j = 0; j < kColumns; ++j) {
        int64_t at = i * kColumns + j, which = c.scaleOf(i, j);
        Expected e = fit(values, c, which, bits, offset, isHalf);
        EXPECT_EQ(float(encoded->arrays[1].getFloat(which)), e.scale);
        float x = values.as<float>()[at], code, value;
        if (offset == "float") {
          EXPECT_EQ(float(encoded->arrays[2].getFloat(which)), e.floatOffset);
          code = std::nearbyint((x - e.floatOffset) / e.scale);
        } else {
          if (offset == "integer")
            EXPECT_EQ(encoded->arrays[2].getInt(which), e.integerOffset);
          code = std::nearbyint(x / e.scale) + float(e.integerOffset);
        }
        code = std::fmin(std::fmax(code, lowest), highest);
        value = offset == "float" ? std::fma(code, e.scale, e.floatOffset)
                                  : (code - float(e.integerOffset)) * e.scale;
        EXPECT_EQ(float(encoded->arrays[0].getInt(at)), code) << fmt.getBits();
        EXPECT_EQ(decoded->as<float>()[at], value);
      }
  }

  /// Encodes and gives the message of the error.
  std::string errorOf(IntAttr fmt, const HostTensor &values) {
    message.clear();
    EXPECT_TRUE(failed(fmt.encode([&] { return emit(); }, values, "w")));
    return message;
  }
  std::string errorOf(IntAttr fmt, const EncodedTensor &encoded) {
    message.clear();
    EXPECT_TRUE(failed(fmt.decode([&] { return emit(); }, encoded)));
    return message;
  }
};

TEST_F(IntFormat, MatchesIndependentLoops) {
  for (unsigned bits : {2, 3, 4, 5, 8})
    for (const Case &c : kCases)
      for (StringRef offset : {"none", "integer", "float"})
        for (bool isHalf : {false, true}) {
          SCOPED_TRACE((Twine(bits) + " " + c.granularity + " " + offset +
                        (isHalf ? " f16" : " f32"))
                           .str());
          check(bits, c, offset, isHalf);
        }
}

// What solvers build an encoding from: the same scales, codes and values.
TEST_F(IntFormat, BlockMethodsComposeToEncode) {
  constexpr int64_t kLength = 300;
  for (StringRef offset : {"none", "integer", "float"})
    for (unsigned bits : {2, 4, 8}) {
      IntAttr fmt = format(
          (Twine(bits) + ", per_row, scale = f16, offset = " + offset).str());
      EXPECT_EQ(fmt.getBlockExtents(2), (SmallVector<int64_t>{1, kWholeAxis}));
      HostTensor values = random({1, kLength});
      auto encoded = fmt.encode([&] { return emit(); }, values, "w");
      ASSERT_TRUE(succeeded(encoded)) << message;
      auto floats = values.as<float>();
      BlockScale fit =
          fmt.fitRange(*llvm::min_element(floats), *llvm::max_element(floats));
      EXPECT_EQ(fmt.storeScale(fit), fit);
      EXPECT_EQ(fit.scale, float(encoded->arrays[1].getFloat(0)));
      for (bool isShared : {true, false}) {
        size_t count = isShared ? 1 : kLength;
        std::vector<float> scales(count, fit.scale), offsets(count, fit.offset);
        std::vector<uint8_t> codes(kLength);
        std::vector<float> decoded(kLength);
        fmt.roundValues(floats, scales, offsets, codes, decoded);
        EXPECT_EQ(ArrayRef(codes), encoded->arrays[0].as<uint8_t>());
        auto expected = fmt.decode([&] { return emit(); }, *encoded);
        EXPECT_EQ(ArrayRef(decoded), expected->as<float>());
      }
    }
}

TEST_F(IntFormat, OnlyWhatFitsIsStored) {
  IntAttr half = format("4, per_row, scale = f16, offset = integer");
  EXPECT_EQ(half.storeScale({1e6f, 3.4f}), (BlockScale{65504, 3}));
  EXPECT_EQ(half.storeScale({-1, 99}), (BlockScale{0x1p-24f, 15}));
  EXPECT_EQ(format("4, per_row, scale = f16, offset = float")
                .storeScale({1.0001f, -0.50001f}),
            (BlockScale{1, -0.5f}));
  EXPECT_EQ(format("4, per_row").storeScale({0.1f, 7}), (BlockScale{0.1f, 0}));
}

TEST_F(IntFormat, OneBitHasTwoValues) {
  IntAttr fmt = format("1, axis = 0, offset = float");
  HostTensor values = floats({1, 4});
  llvm::copy(ArrayRef<float>{-2, -1.5, 1.5, 2},
             values.asMutable<float>().begin());
  auto encoded = fmt.encode([&] { return emit(); }, values, "w");
  ASSERT_TRUE(succeeded(encoded));
  auto decoded = fmt.decode([&] { return emit(); }, *encoded);
  ASSERT_TRUE(succeeded(decoded));
  EXPECT_EQ(decoded->as<float>(), (ArrayRef<float>{-2, -2, 2, 2}));
}

TEST_F(IntFormat, NarrowCodesAreSymmetric) {
  HostTensor values = floats({2});
  llvm::copy(ArrayRef<float>{-1, 0.4375}, values.asMutable<float>().begin());
  IntAttr narrow = format("2, tensor, narrow = true");
  EXPECT_EQ(narrow.getMinCode(), -1);
  EXPECT_EQ(format("2, tensor").getMinCode(), -2);
  auto encoded = narrow.encode([&] { return emit(); }, values, "w");
  ASSERT_TRUE(succeeded(encoded));
  EXPECT_EQ(encoded->arrays[0].as<int8_t>(), (ArrayRef<int8_t>{-1, 0}));
}

TEST_F(IntFormat, SmallAndHugeScalesAreStoredFinite) {
  HostTensor values = floats({4, 2});
  llvm::copy(
      ArrayRef<float>{0, 0, 1e-20f, -1e-20f, 3e38f, -3e38f, 0x1p-101f, 0},
      values.asMutable<float>().begin());
  auto half = format("8, per_row, scale = f16")
                  .encode([&] { return emit(); }, values, "w");
  ASSERT_TRUE(succeeded(half));
  EXPECT_EQ(half->arrays[1].getFloat(0), 1);
  EXPECT_EQ(half->arrays[1].getFloat(1), 0x1p-24);
  EXPECT_EQ(half->arrays[1].getFloat(2), 65504);
  EXPECT_EQ(half->arrays[1].getFloat(3), 1);
  EXPECT_EQ(half->arrays[0].as<int8_t>(),
            (ArrayRef<int8_t>{0, 0, 0, 0, 127, -127, 0, 0}));
  for (const char *offset : {"integer", "float"}) {
    IntAttr fmt = format(("8, per_row, offset = " + Twine(offset)).str());
    auto encoded = fmt.encode([&] { return emit(); }, values, "w");
    ASSERT_TRUE(succeeded(encoded));
    EXPECT_TRUE(succeeded(fmt.decode([&] { return emit(); }, *encoded)))
        << message;
  }
}

TEST_F(IntFormat, EmptyTensors) {
  for (const char *text : {"8, tensor", "8, axis = 0, offset = float",
                           "4, per_row", "4, block = [1, 8], offset = integer"})
    for (auto shape :
         {SmallVector<int64_t>{0, 3}, SmallVector<int64_t>{3, 0}}) {
      IntAttr fmt = format(text);
      auto encoded = fmt.encode([&] { return emit(); }, floats(shape), "w");
      ASSERT_TRUE(succeeded(encoded));
      auto decoded = fmt.decode([&] { return emit(); }, *encoded);
      ASSERT_TRUE(succeeded(decoded));
      EXPECT_EQ(decoded->getShape(), ArrayRef(shape));
    }
}

TEST_F(IntFormat, Scalars) {
  HostTensor value = floats({});
  value.asMutable<float>()[0] = -3;
  IntAttr fmt = format("8, tensor");
  auto encoded = fmt.encode([&] { return emit(); }, value, "w");
  ASSERT_TRUE(succeeded(encoded));
  EXPECT_EQ(encoded->arrays[0].getInt(0), -127);
}

TEST_F(IntFormat, ErrorsNameTheTensor) {
  HostTensor values = random({2, 3});
  values.asMutable<float>()[4] = NAN;
  EXPECT_EQ(errorOf(format("8, axis = 0"), values),
            "expected 'w' to have finite values to encode, got NaN at element "
            "4");
  values.asMutable<float>()[4] = -INFINITY;
  EXPECT_EQ(errorOf(format("4, tensor, offset = float"), values),
            "expected 'w' to have finite values to encode, got Inf at element "
            "4");
  EXPECT_EQ(errorOf(format("8, axis = 2"), values),
            "expected 'axis' of #fmt.int<8, axis = 2> to be below the tensor's "
            "rank of 2, got 2");
  EXPECT_EQ(errorOf(format("8, block = [4]"), values),
            "expected 'block' of #fmt.int<8, block = [4]> to have one extent "
            "for each of 2 dimensions, got 1");
  EXPECT_EQ(errorOf(format("8, per_row"), floats({})),
            "expected a tensor of rank 1 or more for #fmt.int<8, per_row>, got "
            "rank 0");
  HostTensor integers =
      *HostTensor::allocate(IntegerType::get(&context, 32), {2});
  EXPECT_EQ(errorOf(format("8, tensor"), integers),
            "expected 'w' to have elements of type f32 to encode, got 'i32'");
}

TEST_F(IntFormat, DecodingChecksThePayload) {
  IntAttr fmt = format("4, axis = 0, offset = integer");
  EncodedTensor good = *fmt.encode([&] { return emit(); }, random({2, 3}), "w");
  auto copy = [](const HostTensor &tensor) {
    HostTensor result =
        *HostTensor::allocate(tensor.getElementType(), tensor.getShape());
    llvm::copy(tensor.getBytes(), result.getMutableBytes().begin());
    return result;
  };
  EncodedTensor bad = good;
  bad.arrays[0] = copy(good.arrays[0]);
  bad.arrays[0].setInt(5, 16);
  EXPECT_EQ(errorOf(fmt, bad),
            "expected codes from 0 to 15 for #fmt.int<4, axis = 0, offset = "
            "integer>, got 16 at element 5");
  bad = good;
  bad.arrays[1] = copy(good.arrays[1]);
  bad.arrays[1].setFloat(1, -1);
  EXPECT_EQ(errorOf(fmt, bad).substr(0, 42),
            "expected scales to be finite and positive,");
  bad = good;
  bad.arrays[2] = copy(good.arrays[2]);
  bad.arrays[2].setInt(1, 200);
  EXPECT_EQ(errorOf(fmt, bad),
            "expected offsets of at most 15 for #fmt.int<4, axis = 0, offset = "
            "integer>, got 200 at element 1");
  bad = good;
  bad.arrays.pop_back();
  EXPECT_EQ(errorOf(fmt, bad),
            "expected 3 arrays for #fmt.int<4, axis = 0, offset = integer>, "
            "got 2");
  bad = good;
  bad.arrays[1] = floats({3});
  EXPECT_EQ(errorOf(fmt, bad),
            "expected scales of shape [2] for #fmt.int<4, axis = 0, offset = "
            "integer>, got [3]");
}

TEST_F(IntFormat, ProjectsOntoDecodedValues) {
  for (const char *text : {"4, tensor", "4, tensor, offset = integer",
                           "3, tensor, offset = float, scale = f16"}) {
    IntAttr fmt = format(text);
    HostTensor values = random({37});
    auto encoded = fmt.encode([&] { return emit(); }, values, "w");
    ASSERT_TRUE(succeeded(encoded));
    HostTensor decoded = *fmt.decode([&] { return emit(); }, *encoded);
    ASSERT_TRUE(succeeded(fmt.project(values.asMutable<float>())));
    EXPECT_EQ(values.as<float>(), decoded.as<float>());
  }
  float bad[] = {1.3f, INFINITY};
  EXPECT_TRUE(failed(format("4, tensor").project(bad)));
  EXPECT_EQ(bad[0], 1.3f);
}

} // namespace
