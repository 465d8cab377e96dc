// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small floats against LLVM's APFloat, tables against a search of all entries,
// and ternary codes; storage, planes and blocks of all three.

#include "Format.h"
#include "llvm/ADT/APFloat.h"
#include <bit>
#include <cmath>

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;
using llvm::APFloat;

namespace {

class ValueFormats : public FormatTest {
protected:
  /// Codes and values under the scale 1.
  std::pair<std::vector<uint8_t>, std::vector<float>>
  round(FormatInterface format, ArrayRef<float> values, float scale = 1) {
    std::vector<uint8_t> codes(values.size());
    std::vector<float> decoded(values.size());
    format.roundValues(values, scale, 0.0f, codes, decoded);
    return {codes, decoded};
  }

  std::string errorOf(FormatInterface format, const EncodedTensor &encoded) {
    EXPECT_TRUE(failed(format.decode([&] { return emit(); }, encoded)));
    return message;
  }
};

struct SmallFloatCase {
  const char *name;
  const llvm::fltSemantics &semantics;
  unsigned width;
};

const SmallFloatCase kFloats[] = {
    {"E4M3", APFloat::Float8E4M3FN(), 8}, {"E5M2", APFloat::Float8E5M2(), 8},
    {"E3M4", APFloat::Float8E3M4(), 8},   {"E3M2", APFloat::Float6E3M2FN(), 6},
    {"E2M3", APFloat::Float6E2M3FN(), 6}, {"E2M1", APFloat::Float4E2M1FN(), 4}};

float toFloat(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                &losesInfo);
  return value.convertToFloat();
}

TEST_F(ValueFormats, SmallFloatsDecodeAsAPFloat) {
  for (const SmallFloatCase &c : kFloats) {
    FormatInterface format =
        parse((Twine("#fmt.float<") + c.name + ", tensor>").str());
    for (int32_t code = 0; code < 1 << c.width; ++code) {
      APFloat exact(c.semantics, APInt(c.width, code));
      float value = format.decodeCode(code, {});
      if (exact.isFinite())
        EXPECT_EQ(std::bit_cast<uint32_t>(value),
                  std::bit_cast<uint32_t>(toFloat(exact)))
            << c.name << " " << code;
      else
        EXPECT_TRUE(std::isnan(value)) << c.name << " " << code;
    }
  }
}

TEST_F(ValueFormats, SmallFloatsRoundAsAPFloat) {
  for (const SmallFloatCase &c : kFloats) {
    FormatInterface format =
        parse((Twine("#fmt.float<") + c.name + ", tensor>").str());
    float largest = toFloat(APFloat::getLargest(c.semantics));
    std::vector<float> values;
    uint32_t state = 11;
    for (int i = 0; i < 20000; ++i) {
      state = state * 1664525u + 1013904223u;
      // 24 binades around 1, few bits set so that ties are common.
      uint32_t mantissa = (state >> 16 & 0x7f) << 16 | (i % 3 == 0);
      uint32_t exponent = 127 - 18 + state % 24;
      values.push_back(
          std::bit_cast<float>(state << 31 | exponent << 23 | mantissa));
    }
    values.insert(values.end(), {0.0f, -0.0f, 1e-40f, -1e-40f, 3e38f, -3e38f});
    auto [codes, decoded] = round(format, values);
    for (size_t i = 0; i < values.size(); ++i) {
      APFloat rounded(std::clamp(values[i], -largest, largest));
      bool losesInfo;
      rounded.convert(c.semantics, APFloat::rmNearestTiesToEven, &losesInfo);
      EXPECT_EQ(codes[i], rounded.bitcastToAPInt().getZExtValue())
          << c.name << " " << values[i];
      EXPECT_EQ(decoded[i], toFloat(rounded));
    }
  }
}

TEST_F(ValueFormats, PatternsThatAreNoCodes) {
  FormatInterface format = parse("#fmt.float<E4M3, tensor>");
  EncodedTensor encoded =
      *format.encode([&] { return emit(); }, random({2}), "w");
  encoded.arrays[0].setInt(1, 0xff);
  EXPECT_EQ(errorOf(format, encoded),
            "expected codes that stand for values of #fmt.float<E4M3, tensor>, "
            "got 255 at element 1");
  format = parse("#fmt.codebook<[-1.0, 0.0, 1.0], tensor>");
  encoded = *format.encode([&] { return emit(); }, random({2}), "w");
  encoded.arrays[0].setInt(1, 3);
  EXPECT_EQ(errorOf(format, encoded).substr(0, 26),
            "expected codes from 0 to 2");
}

TEST_F(ValueFormats, TablesGiveTheNearestEntry) {
  for (const char *text : {"#fmt.codebook<nf4, per_row>",
                           "#fmt.codebook<[-3.0, 0.25, 1.0], per_row>"}) {
    FormatInterface format = parse(text);
    ArrayRef<float> table = format.getCodes().values;
    std::vector<float> values;
    for (int i = -400; i <= 400; ++i)
      values.push_back(float(i) * 0.01f);
    for (size_t i = 1; i < table.size(); ++i) {
      auto middle = float((double(table[i - 1]) + table[i]) / 2);
      values.insert(values.end(), {middle, std::nextafter(middle, 9.0f),
                                   std::nextafter(middle, -9.0f)});
    }
    auto [codes, decoded] = round(format, values);
    for (size_t i = 0; i < values.size(); ++i) {
      double best = INFINITY;
      size_t code = 0;
      for (size_t j = 0; j < table.size(); ++j)
        if (std::fabs(double(values[i]) - table[j]) < best)
          best = std::fabs(double(values[i]) - table[j]), code = j;
      EXPECT_EQ(codes[i], code) << values[i];
      EXPECT_EQ(decoded[i], table[code]);
    }
  }
}

TEST_F(ValueFormats, RangesReachTheLargestValue) {
  EXPECT_EQ(parse("#fmt.float<E4M3, tensor>").fitRange(-896, 1).scale, 2);
  EXPECT_EQ(parse("#fmt.codebook<nf4, tensor>").fitRange(-1, 3).scale, 3);
  EXPECT_EQ(parse("#fmt.codebook<[-4.0, 2.0], tensor>").fitRange(-1, 3).scale,
            0.75f);
  EXPECT_EQ(parse("#fmt.ternary<tensor>").fitRange(-1, 0.5f).scale, 1);
  EXPECT_EQ(parse("#fmt.codebook<nf4, tensor, scale = f16>")
                .fitRange(-1e-9f, 0)
                .scale,
            0x1p-24f);
}

TEST_F(ValueFormats, TernaryCodes) {
  auto [codes, decoded] =
      round(parse("#fmt.ternary<tensor>"), {-3, -1.5, -1, 0, 1, 1.01, 9}, 2);
  EXPECT_EQ(codes, (std::vector<uint8_t>{255, 255, 0, 0, 0, 1, 1}));
  EXPECT_EQ(decoded, (std::vector<float>{-2, -2, 0, 0, 0, 2, 2}));
}

TEST_F(ValueFormats, StoredBitsCountLines) {
  auto bits = [&](const char *text, SmallVector<int64_t> shape) {
    return double(*parse(text).storedBits(shape)) /
           double(llvm::product_of(shape));
  };
  EXPECT_EQ(bits("#fmt.codebook<nf4, block = [1, 64], scale = f16>", {16, 128}),
            4.25);
  EXPECT_EQ(bits("#fmt.float<E4M3, block = [1, 32], scale = f16>", {16, 64}),
            8.5);
  EXPECT_EQ(bits("#fmt.float<E2M1, block = [1, 32], scale = f16>", {16, 64}),
            4.5);
  EXPECT_EQ(bits("#fmt.ternary<block = [1, 160], scale = f16>", {32, 320}),
            1.7);
  // 128 codes take seven lines.
  EXPECT_EQ(bits("#fmt.ternary<block = [1, 128], scale = f16>", {16, 256}),
            1.875);
}

TEST_F(ValueFormats, BlocksThatKernelsRead) {
  auto blocks = parse("#fmt.codebook<nf4, block = [1, 64]>").asBlocks({8, 256});
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->bits, 4u);
  EXPECT_EQ(blocks->group, 64);
  EXPECT_EQ(blocks->values.size(), 16u);
  blocks = parse("#fmt.float<E4M3, axis = 0>").asBlocks({8, 40});
  ASSERT_TRUE(blocks);
  EXPECT_EQ(blocks->bits, 8u);
  EXPECT_EQ(blocks->exponentBits, 4u);
  EXPECT_EQ(blocks->group, 40);
  EXPECT_EQ(parse("#fmt.float<E2M1, axis = 0>").asBlocks({8, 40})->values[9],
            -0.5f);
  EXPECT_TRUE(parse("#fmt.ternary<axis = 0>").asBlocks({8, 40})->isTernary);
  EXPECT_FALSE(parse("#fmt.ternary<axis = 1>").asBlocks({8, 40}));
  EXPECT_FALSE(parse("#fmt.int<8, axis = 0>").asBlocks({8, 40}));
  EXPECT_TRUE(parse("#fmt.float<E4M3, axis = 0>").planes().empty());
  EXPECT_EQ(parse("#fmt.ternary<axis = 0>").planes(),
            (SmallVector<Plane>(5, {2, false, 6, 2, 64, 192})));
}

TEST_F(ValueFormats, ShapesMoveAsThoseOfIntegers) {
  FormatInterface format = parse("#fmt.codebook<nf4, block = [1, 64]>");
  EXPECT_EQ(format.transpose({1, 0}),
            parse("#fmt.codebook<nf4, block = [64, 1]>"));
  EXPECT_EQ(format.slice({4, 256}, 1, 64, 100), format);
  EXPECT_FALSE(format.slice({4, 256}, 1, 32, 64));
  EXPECT_EQ(parse("#fmt.float<E4M3, axis = 0>").reshape({4, 6}, {4, 2, 3}),
            parse("#fmt.float<E4M3, axis = 0>"));
}

} // namespace
