// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The container: what is written is read, and every class of damage is refused
// with its reason.

#include "quantc/Calibration/SafeTensors.h"
#include <gtest/gtest.h>

namespace quantc {
namespace {

std::string withHeader(const std::string &header, const std::string &data) {
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes += char(header.size() >> (8 * i) & 0xff);
  return bytes + header + data;
}

std::string readError(const std::string &bytes) {
  SafeTensorsFile file;
  std::optional<Error> error = SafeTensorsFile::parse(
      llvm::MemoryBuffer::getMemBufferCopy(bytes, "f"), file);
  return error ? error->message : "";
}

std::string headerError(const std::string &header, size_t dataBytes = 0) {
  return readError(withHeader(header, std::string(dataBytes, 0)));
}

TEST(SafeTensors, RoundTrip) {
  SafeTensorsWriter writer;
  std::vector<float> floats = {1, 2, 3};
  std::vector<int8_t> bytes = {-1};
  std::vector<int64_t> empty;
  writer.addMetadata("key", "a \"text\"\nof two lines");
  writer.add<float>("a/b", floats);
  writer.add<int8_t>("c", bytes);
  writer.add<int64_t>("d", empty);
  SafeTensorsFile file;
  std::string written = writer.toBytes();
  ASSERT_FALSE(SafeTensorsFile::parse(
      llvm::MemoryBuffer::getMemBufferCopy(written, "f"), file));
  EXPECT_EQ(*file.getMetadata("key"), "a \"text\"\nof two lines");
  EXPECT_FALSE(file.getMetadata("none"));
  EXPECT_EQ(file.getTensors().size(), 3u);
  std::vector<float> gotFloats;
  std::vector<int8_t> gotBytes;
  std::vector<int64_t> gotEmpty = {7};
  ASSERT_FALSE(file.read("a/b", gotFloats));
  ASSERT_FALSE(file.read("c", gotBytes));
  ASSERT_FALSE(file.read("d", gotEmpty));
  EXPECT_EQ(gotFloats, floats);
  EXPECT_EQ(gotBytes, bytes);
  EXPECT_EQ(gotEmpty, empty);
  EXPECT_EQ(file.read("c", gotFloats)->message,
            "'f': expected 'c' to be a vector of F32, got rank 1 of I8");
  EXPECT_EQ(file.read("x", gotFloats)->message, "'f': 'x' is missing");
  // Every truncation is refused.
  for (size_t size = 0; size < written.size(); ++size)
    EXPECT_NE(readError(written.substr(0, size)), "") << size;
  EXPECT_NE(readError(written + "x"), "");
}

TEST(SafeTensors, RefusesDamage) {
  const char *a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const char *b = R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})";
  auto object = [](std::string text) { return "{" + text + "}"; };
  auto tensor = [](std::string fields) { return "{\"a\":{" + fields + "}}"; };
  EXPECT_EQ(headerError(object(std::string(a) + "," + b), 8), "");
  EXPECT_EQ(headerError(object(""), 0), "");

  EXPECT_EQ(headerError(object(std::string(a) + "," + a), 4),
            "'f': a name in its header occurs twice");
  EXPECT_NE(headerError(object(b), 8), ""); // a gap
  EXPECT_NE(headerError(object(a), 8), ""); // unused data
  EXPECT_NE(headerError(object(std::string(a) + "," + b), 6), ""); // short
  EXPECT_NE(headerError("[]"), "");
  EXPECT_NE(headerError("{"), "");
  EXPECT_NE(headerError("{\"a\":1}"), "");
  EXPECT_NE(headerError("{\"__metadata__\":{\"k\":1}}"), "");
  EXPECT_EQ(headerError("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"),
            "'f': a name in its header occurs twice");
  EXPECT_EQ(headerError(std::string(100'000, '[')),
            "'f': its header is nested too deep");

  // Overlap, reversed, negative, huge, fractional.
  EXPECT_NE(
      headerError(object(std::string(a) + R"(,"b":{"dtype":"F32","shape":[1],)"
                                          R"("data_offsets":[2,6]})"),
                  6),
      "");
  EXPECT_NE(headerError(
                tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4),
            "");
  EXPECT_NE(
      headerError(tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"),
                  4),
      "");
  EXPECT_EQ(headerError(tensor(R"("dtype":"F32","shape":[4294967296,)"
                               R"(4294967296],"data_offsets":[0,0])")),
            "'f': 'a' is too large");
  EXPECT_NE(
      headerError(tensor(R"("dtype":"F32","shape":[1.5],"data_offsets":[0,4])"),
                  4),
      "");
  EXPECT_EQ(headerError(
                tensor(R"("dtype":"F33","shape":[1],"data_offsets":[0,4])"), 4),
            "'f': 'a' has the unknown dtype 'F33'");
  EXPECT_NE(headerError(tensor(R"("dtype":"F32","shape":[1])"), 4), "");
  EXPECT_NE(headerError(tensor(R"("dtype":"F32","shape":[1],"x":1,)"
                               R"("data_offsets":[0,4])"),
                        4),
            "");
}

TEST(SafeTensors, RefusesHeaderSizes) {
  EXPECT_NE(readError(std::string(8, '\xff')), "");
  EXPECT_NE(readError(std::string("\x00\x00\x00\x7f\x00\x00\x00\x00", 8)), "");
  EXPECT_NE(readError("1234"), "");
}

} // namespace
} // namespace quantc
