// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Planes of integer formats and the overflow proof, whose bounds for int8 are
// those of docs/numerics.md §5.4.

#include "Format.h"

using namespace mlir;
using namespace quantc;
using namespace quantc::fmt;

namespace {

using Planes = FormatTest;

TEST_F(Planes, OfBytesAndFields) {
  EXPECT_EQ(format("8, axis = 0").planes(),
            (SmallVector<Plane>{{8, false, 0, 128, 1, 255}}));
  EXPECT_EQ(format("8, axis = 0, offset = integer").planes(),
            (SmallVector<Plane>{{8, false, 0, 0, 0, 255}}));
  EXPECT_EQ(
      format("4, axis = 0").planes(),
      (SmallVector<Plane>{{4, false, 0, 8, 0, 15}, {4, false, 4, 8, 0, 240}}));
  EXPECT_EQ(format("3, axis = 0, offset = float").planes(),
            (SmallVector<Plane>{{3, false, 0, 0, 0, 7},
                                {3, false, 3, 0, 0, 56},
                                {3, false, 0, 0, 0, 7},
                                {3, false, 3, 0, 0, 56},
                                {3, false, 0, 0, 0, 7},
                                {3, false, 3, 0, 0, 56},
                                {3, false, 5, 0, 0, 224},
                                {3, false, 5, 0, 0, 224}}));
  EXPECT_EQ(format("2, axis = 0, narrow = true").planes(),
            (SmallVector<Plane>{{2, false, 0, 2, 1, 3},
                                {2, false, 2, 2, 4, 12},
                                {2, false, 4, 2, 16, 48},
                                {2, false, 6, 2, 64, 192}}));
}

TEST_F(Planes, BoundsOfInt8) {
  Plane plane = format("8, axis = 0").planes().front();
  EXPECT_EQ(maxPlaneProducts(plane, -127, 127), 66311);
  EXPECT_EQ(maxPlaneProducts(plane, -128, 127), 65793);
  EXPECT_EQ(maxPlaneProducts(plane, 0, 0), kUnlimited);
  EXPECT_EQ(maxGroupLength(plane, -128, 127), 65792);
}

// The high nibble's lanes reach 240, and it gets every other four k.
TEST_F(Planes, BoundsOfInt4) {
  SmallVector<Plane> planes = format("4, axis = 0").planes();
  EXPECT_EQ(maxPlaneProducts(planes[1], -128, 127), 2147483647 / (240 * 128));
  EXPECT_EQ(maxGroupLength(planes, -128, 127),
            2147483647 / (240 * 128) / 4 * 8);
}

// Two planes of a unit of 32 k share the accumulator of scale 32.
TEST_F(Planes, BoundsOfInt3) {
  SmallVector<Plane> planes = format("3, axis = 0").planes();
  EXPECT_EQ(maxGroupLength(planes, -127, 127),
            2147483647 / (224 * 127) / 8 * 32);
}

// The worst activations at the bound do not overflow, and one more product
// does.
TEST_F(Planes, BoundsAreTight) {
  for (const char *text : {"8, axis = 0", "4, axis = 0", "2, axis = 0"})
    for (const Plane &plane : format(text).planes()) {
      int64_t n = maxPlaneProducts(plane, -128, 127);
      EXPECT_LE(n * plane.max * 128, 2147483647);
      EXPECT_GT((n + 1) * plane.max * 128, 2147483647);
    }
}

TEST_F(Planes, StoredBits) {
  // Three groups of 16 columns, two lines of four k, and 33 scales.
  EXPECT_EQ(format("8, axis = 0").storedBits({33, 5}), 3 * 2 * 512 + 33 * 32);
  EXPECT_EQ(format("4, block = [1, 128], scale = f16").storedBits({4096, 4096}),
            4096 * 4096 * 4 + 4096 * 32 * 16);
  EXPECT_EQ(format("3, block = [1, 128], scale = f16").storedBits({4096, 4096}),
            4096 * 4096 * 3 + 4096 * 32 * 16);
  EXPECT_EQ(format("4, axis = 0, offset = integer").storedBits({16, 2, 4}),
            512 + 16 * (32 + 8));
  EXPECT_EQ(format("8, tensor").storedBits({10}), 10 * 8 + 32);
  EXPECT_EQ(format("8, tensor").storedBits({int64_t(1) << 40, 1 << 30}),
            std::nullopt);
}

} // namespace
