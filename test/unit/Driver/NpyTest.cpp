// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npy files: what is read and converted, and every class of damage refused
// with its reason.  Files that NumPy wrote are tested from Python
// (test/python).

#include "quantc/Driver/Npy.h"
#include <gtest/gtest.h>

namespace quantc {
namespace {

std::string file(const std::string &dict, const std::string &data,
                 int version = 1) {
  std::string header = dict + "\n";
  std::string bytes("\x93NUMPY", 6);
  bytes += char(version);
  bytes += '\0';
  bytes += char(header.size() & 0xff);
  bytes += char(header.size() >> 8 & 0xff);
  if (version == 2)
    bytes += std::string(2, '\0');
  return bytes + header + data;
}

std::string dict(const std::string &descr, const std::string &shape,
                 const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }";
}

std::string readError(const std::string &bytes) {
  Array array;
  std::optional<Error> error =
      readNpy(llvm::ArrayRef<char>(bytes.data(), bytes.size()), "x.npy", array);
  return error ? error->message : "";
}

std::vector<double> readNumbers(const std::string &bytes,
                                std::vector<int64_t> shape) {
  Array array;
  std::optional<Error> error =
      readNpy(llvm::ArrayRef<char>(bytes.data(), bytes.size()), "x.npy", array);
  EXPECT_FALSE(error) << error->message;
  EXPECT_EQ(array.getShape().vec(), shape);
  std::vector<double> numbers;
  for (int64_t i = 0; i < array.getNumElements(); ++i)
    numbers.push_back(array.getNumber(i));
  return numbers;
}

TEST(Npy, ReadsWhatItWrites) {
  std::optional<Array> array = Array::allocate({QUANTC_FLOAT, 32, 1}, {2, 3});
  for (int i = 0; i < 6; ++i)
    array->setNumber(i, i - 2.5);
  std::string bytes = *npyHeader(array->getType(), array->getShape());
  EXPECT_EQ(bytes.size() % 64, 0u);
  bytes.append(array->getData(), array->getByteSize());
  EXPECT_EQ(readNumbers(bytes, {2, 3}),
            (std::vector<double>{-2.5, -1.5, -0.5, 0.5, 1.5, 2.5}));
}

TEST(Npy, KnowsTheTypesOfNumpy) {
  EXPECT_EQ(readNumbers(file(dict("|i1", "(2,)"), "\xff\x01"), {2}),
            (std::vector<double>{-1, 1}));
  EXPECT_EQ(readNumbers(file(dict("|b1", "()"), "\x01"), {}),
            (std::vector<double>{1}));
  EXPECT_EQ(readNumbers(file(dict("<f2", "(1, 1)"), std::string("\x00\xbc", 2)),
                        {1, 1}),
            (std::vector<double>{-1}));
  EXPECT_EQ(readNumbers(file(dict("<V2", "(1,)"), "\x80\x3f"), {1}),
            (std::vector<double>{1}));
  EXPECT_EQ(readNumbers(file(dict("<u2", "(0, 4)"), ""), {0, 4}),
            (std::vector<double>{}));
}

TEST(Npy, ReadsVersionTwoAndOtherQuotes) {
  EXPECT_EQ(readNumbers(file("{\"shape\":(1),\"descr\":\"|u1\","
                             "\"fortran_order\":False}",
                             "\x07", 2),
                        {1}),
            (std::vector<double>{7}));
}

TEST(Npy, SwapsBigEndianNumbers) {
  EXPECT_EQ(
      readNumbers(file(dict(">i2", "(2,)"), std::string("\1\0\0\2", 4)), {2}),
      (std::vector<double>{256, 2}));
}

TEST(Npy, TurnsFortranOrder) {
  // a[i, j, k] = 100 i + 10 j + k, first index fastest.
  std::string data;
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i)
        data += char(100 * i + 10 * j + k);
  std::vector<double> expected;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k)
        expected.push_back(100 * i + 10 * j + k);
  EXPECT_EQ(
      readNumbers(file(dict("|u1", "(2, 3, 4)", "True"), data), {2, 3, 4}),
      expected);
}

TEST(Npy, RefusesWhatIsNotAnNpyFile) {
  EXPECT_EQ(readError(""), "'x.npy': it does not start as an .npy file does");
  EXPECT_EQ(readError("PK\3\4aaaaaaaa"),
            "'x.npy': it is a zip file; name it .npz");
  EXPECT_EQ(readError(file(dict("|u1", "(1,)"), "\1", 3)),
            "'x.npy': expected .npy version 1 or 2, got 3");
}

TEST(Npy, RefusesWrongSizes) {
  std::string good = file(dict("<f4", "(2, 3)"), std::string(24, 0));
  EXPECT_EQ(readError(good), "");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(readError(good.substr(0, size)), "") << size;
  EXPECT_EQ(readError(good + "x"), "'x.npy': expected 24 bytes of data for "
                                   "float32[2, 3], got 25");
  EXPECT_EQ(readError(file(dict("<f8", "(4611686018427387904, 4)"), "")),
            "'x.npy': its shape [4611686018427387904, 4] is too large");
  EXPECT_EQ(readError(file(dict("<f8", "(9223372036854775808,)"), "")),
            "'x.npy': its shape has a dimension over 2^63 - 1");
}

TEST(Npy, RefusesHugeHeaders) {
  std::string bytes = file(dict("|u1", "(1,)") + std::string(20000, ' '), "\1");
  EXPECT_NE(readError(bytes).find("bytes, more than 10 kB"), std::string::npos);
}

TEST(Npy, RefusesObjectsAndOtherTypes) {
  EXPECT_EQ(readError(file(dict("|O", "(1,)"), "")),
            "'x.npy': it holds Python objects, which are never loaded; save "
            "numbers");
  EXPECT_EQ(readError(file(dict("<U4", "(1,)"), "")),
            "'x.npy': its element type '<U4' is not supported; save bool, int, "
            "uint or float of 8 to 64 bits");
  EXPECT_EQ(readError(file("{'descr': [('a', '<f4')], 'fortran_order': False, "
                           "'shape': (1,)}",
                           "")),
            "'x.npy': it has a structured element type; save one array per "
            "field");
}

TEST(Npy, RefusesDamagedHeaders) {
  for (const char *text :
       {"", "{", "}", "[]", "{'descr'}", "{'descr': }", "{'descr': '<f4'}",
        "{'shape': (1,), 'shape': (1,)}", "{'other': 1}", "{'shape': (-1,)}",
        "{'shape': (1 2)}", "{'shape': 1}", "{'fortran_order': 0}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x",
        "{'descr': '<f4\\'', 'fortran_order': False, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)",
        "__import__('os').system('true')"})
    EXPECT_NE(readError(file(text, "aaaa")), "") << text;
}

} // namespace
} // namespace quantc
