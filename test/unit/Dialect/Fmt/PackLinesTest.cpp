// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lines of narrow codes: each field is where the layout says, packing loses
// nothing, and what is packed decodes to the same values.

#include "quantc/Dialect/Fmt/PackLines.h"
#include "Format.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

namespace {

class PackLines : public FormatTest {
protected:
  HostTensor randomCodes(unsigned bits, bool isSigned, int64_t n, int64_t k) {
    HostTensor codes = *HostTensor::allocate(
        IntegerType::get(&context, 8,
                         isSigned ? IntegerType::Signless
                                  : IntegerType::Unsigned),
        {n, k});
    uint32_t state = 3;
    for (int64_t i = 0; i < n * k; ++i)
      codes.setInt(
          i, int64_t((state = state * 1664525u + 1013904223u) >> (32 - bits)) -
                 (isSigned ? 1 << (bits - 1) : 0));
    return codes;
  }
};

// The layout of kernels §1.1, from the packed side: byte (c, j) of line t has
// k = 8 t + j in its low nibble and k = 8 t + 4 + j in its high one.
TEST_F(PackLines, NibblesAreWhereTheLayoutSays) {
  for (int64_t n : {1, 15, 16, 17, 33})
    for (int64_t k : {1, 4, 7, 8, 9, 31, 64})
      for (bool isSigned : {true, false}) {
        HostTensor codes = randomCodes(4, isSigned, n, k);
        std::optional<HostTensor> packed = packLines(codes, 4, k);
        ASSERT_TRUE(packed);
        int64_t lines = (k + 7) / 8, bias = isSigned ? 8 : 0;
        SmallVector<int64_t> shape = {(n + 15) / 16, lines, 16, 4};
        ASSERT_EQ(packed->getShape(), ArrayRef(shape));
        auto at = [&](int64_t row, int64_t i) {
          return row < n && i < k ? codes.getInt(row * k + i) + bias : bias;
        };
        for (int64_t byte = 0; byte < packed->getNumElements(); ++byte) {
          int64_t j = byte % 4, c = byte / 4 % 16, line = byte / 64;
          int64_t row = line / lines * 16 + c, t = line % lines;
          int64_t got = packed->getInt(byte);
          EXPECT_EQ(got & 15, at(row, 8 * t + j));
          EXPECT_EQ(got >> 4, at(row, 8 * t + 4 + j));
        }
      }
}

TEST_F(PackLines, CodesComeBack) {
  for (unsigned bits : {1, 2, 3, 4, 6, 8})
    for (bool isSigned : {true, false})
      for (int64_t n : {0, 1, 17})
        for (int64_t k : {0, 1, 5, 16, 33})
          for (int64_t group : {1, 3, 8, 16, 40}) {
            HostTensor codes = randomCodes(bits, isSigned, n, k);
            std::optional<HostTensor> packed = packLines(codes, bits, group);
            ASSERT_TRUE(packed);
            std::optional<HostTensor> back =
                unpackLines(*packed, codes.getElementType(), bits, n, k, group);
            ASSERT_TRUE(back);
            EXPECT_EQ(back->getBytes(), codes.getBytes());
          }
}

// A group of 10 takes two lines: k = 10 begins the third.
TEST_F(PackLines, GroupsBeginWithALine) {
  HostTensor codes = randomCodes(4, false, 1, 25);
  std::optional<HostTensor> packed = packLines(codes, 4, 10);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->getShape()[1], 5);
  for (int64_t i = 0; i < 25; ++i) {
    int64_t line = i / 10 * 2 + i % 10 / 8, inLine = i % 10 % 8;
    int64_t byte = packed->getInt(line * 64 + inLine % 4);
    EXPECT_EQ(inLine < 4 ? byte & 15 : byte >> 4, codes.getInt(i));
  }
}

// Three lines hold 32 k; the last two fields lie in two lines each.
TEST_F(PackLines, ThreeBits) {
  HostTensor codes = randomCodes(3, false, 1, 40);
  std::optional<HostTensor> packed = packLines(codes, 3, 32);
  ASSERT_TRUE(packed);
  EXPECT_EQ(packed->getShape()[1], 6);
  for (int64_t i = 0; i < 40; ++i) {
    auto byte = [&](int64_t line) {
      return packed->getInt((i / 32 * 3 + line) * 64 + i % 4);
    };
    int64_t field = i % 32 / 4;
    int64_t code = field < 6
                       ? byte(field / 2) >> field % 2 * 3 & 7
                       : (byte(field - 6) >> 6) * 2 | (byte(2) >> field & 1);
    EXPECT_EQ(code, codes.getInt(i)) << i;
  }
}

// Every byte of five ternary codes, by the definition in docs/formats.md and as
// vector units decode it.
TEST_F(PackLines, FiveTernaryCodesAreAByte) {
  for (int32_t x = 0; x < 243; ++x) {
    HostTensor codes =
        *HostTensor::allocate(IntegerType::get(&context, 8), {1, 20});
    llvm::fill(codes.asMutable<int8_t>(), int8_t(1));
    for (int32_t i = 4, rest = x; i >= 0; --i, rest /= 3)
      codes.setInt(4 * i + 3, rest % 3 - 1);
    std::optional<HostTensor> packed = packLines(codes, 2, 20, true);
    ASSERT_TRUE(packed);
    ASSERT_EQ(packed->getNumElements(), 64);
    auto average = [](int64_t a, int64_t b) { return (a + b + 1) / 2; };
    int64_t q = packed->getInt(3);
    EXPECT_EQ(q, (256 * x + 255) / 243);
    for (int64_t i = 0; i < 5; ++i, q = 3 * q % 256) {
      int64_t code = codes.getInt(4 * i + 3);
      EXPECT_EQ(3 * q / 256 - 1, code) << x;
      EXPECT_EQ(average(q, average(q, 252)) / 64 - 2, code) << x;
    }
  }
}

TEST_F(PackLines, TernaryCodesComeBack) {
  for (int64_t n : {0, 1, 17})
    for (int64_t k : {0, 1, 19, 20, 47, 160})
      for (int64_t group : {1, 20, 33, 64, 200}) {
        HostTensor codes = randomCodes(1, false, n, k);
        HostTensor ternary =
            *HostTensor::allocate(IntegerType::get(&context, 8), {n, k});
        for (int64_t i = 0; i < n * k; ++i)
          ternary.setInt(i, codes.getInt(i) - i % 2);
        std::optional<HostTensor> packed = packLines(ternary, 2, group, true);
        ASSERT_TRUE(packed);
        std::optional<HostTensor> back = unpackLines(
            *packed, ternary.getElementType(), 2, n, k, group, true);
        ASSERT_TRUE(back);
        EXPECT_EQ(back->getBytes(), ternary.getBytes());
      }
  HostTensor codes = randomCodes(2, true, 2, 3);
  codes.setInt(1, -2);
  EXPECT_FALSE(packLines(codes, 2, 3, true));
}

TEST_F(PackLines, DecodesToTheSameValues) {
  for (const char *text :
       {"4, axis = 0", "4, block = [1, 16], offset = integer",
        "4, block = [1, 12], offset = float, scale = f16", "3, per_row",
        "2, per_row, narrow = true"}) {
    IntAttr fmt = format(text);
    EncodedTensor encoded =
        *fmt.encode([&] { return emit(); }, random({19, 45}), "w");
    HostTensor values = *fmt.decode([&] { return emit(); }, encoded);
    int64_t group = fmt.getBlock().empty() ? 45 : fmt.getBlock()[1];
    std::optional<HostTensor> packed =
        packLines(encoded.arrays[0], fmt.getBits(), group);
    ASSERT_TRUE(packed);
    int64_t bits = packed->getByteSize() * 8;
    for (const HostTensor &array : ArrayRef(encoded.arrays).drop_front())
      bits += array.getByteSize() * 8;
    EXPECT_EQ(fmt.storedBits({19, 45}), bits);
    encoded.arrays[0] =
        *unpackLines(*packed, fmt.getCodeType(), fmt.getBits(), 19, 45, group);
    EXPECT_EQ(fmt.decode([&] { return emit(); }, encoded)->getBytes(),
              values.getBytes());
  }
}

TEST_F(PackLines, RefusesWhatItCannotPack) {
  HostTensor codes = randomCodes(4, true, 2, 3);
  EXPECT_FALSE(packLines(codes, 9, 3));
  EXPECT_FALSE(packLines(codes, 4, 0));
  EXPECT_FALSE(packLines(random({2, 3}), 4, 3));
  codes.setInt(0, 8);
  EXPECT_FALSE(packLines(codes, 4, 3));
  EXPECT_FALSE(unpackLines(codes, codes.getElementType(), 4, 2, 3, 3));
}

} // namespace
