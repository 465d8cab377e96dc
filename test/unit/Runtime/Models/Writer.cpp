// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writes the files of a test model as the compiler would: the program table,
// the weights side file and the header for users.  All models compute
// y = 2 x + 1 + w over rows of 4 floats; they differ in where w is.
//
//   Writer NAME FOLDER QUANTC.H

#include "quantc/Runtime/ProgramBuilder.h"

#include <fstream>
#include <sstream>

using namespace quantc::runtime;

namespace {

constexpr program::DType kF32 = {QUANTC_FLOAT, 32, 1};
constexpr uint64_t kWeightBytes = 16;

void buildMain(ProgramBuilder &builder, bool weights) {
  EntryBuilder &entry = builder.addEntry("main");
  ExprId n = entry.symbol("n"), four = entry.constant(4);
  TensorSpec spec = {kF32, {n, four}};
  BufferId x = entry.addInputBuffer(entry.addInput("x", spec));
  BufferId y = entry.addOutputBuffer(entry.addOutput("y", spec));
  KernelId affine = builder.addKernel("affine");
  KernelId bias = builder.addKernel("bias");
  if (!weights) {
    entry.addStep({affine, "Affine_0", n, 8, {x, y}, {four}});
    return;
  }
  BufferId middle = entry.addArena(entry.tensorBytes(spec));
  BufferId w = entry.addWeights(0, kWeightBytes);
  entry.addStep({affine, "Affine_0", n, 8, {x, middle}, {four}});
  entry.addStep({bias, "Add_1", n, 8, {middle, w, y}, {four}});
}

void write(const std::string &path, const std::vector<uint8_t> &bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char *>(bytes.data()), long(bytes.size()));
}

void writeWeights(const std::string &path,
                  std::span<const uint8_t, 32> sha256) {
  std::vector<uint8_t> bytes =
      ProgramBuilder::weightsFileHeader(kWeightBytes, sha256);
  for (float value : {10.f, 20.f, 30.f, 40.f}) {
    const auto *raw = reinterpret_cast<const uint8_t *>(&value);
    bytes.insert(bytes.end(), raw, raw + sizeof(value));
  }
  write(path, bytes);
}

void writeHeader(const std::string &name, const std::string &path,
                 const std::string &interface) {
  std::ostringstream text;
  text << std::ifstream(interface).rdbuf();
  std::string stem;
  for (char c : name)
    stem += char(isalnum(static_cast<unsigned char>(c)) ? toupper(c) : '_');
  std::ofstream(path) << "/* Test model '" << name << "'. */\n"
                      << text.str() << "\n#ifndef QUANTC_MODEL_" << stem
                      << "_H\n#define QUANTC_MODEL_" << stem << "_H\n\nenum {\n"
                      << "  " << stem << "_ENTRY_MAIN = 0,\n"
                      << "  " << stem << "_MAIN_INPUT_X = 0, /* f32[n, 4] */\n"
                      << "  " << stem << "_MAIN_OUTPUT_Y = 0 /* f32[n, 4] */\n"
                      << "};\n#define " << stem << "_MAIN_INPUT_COUNT 1\n"
                      << "#define " << stem
                      << "_MAIN_OUTPUT_COUNT 1\n\n#endif\n";
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4)
    return 2;
  std::string name = argv[1], folder = argv[2];
  std::array<uint8_t, 32> hash = {};
  for (size_t i = 0; i < hash.size(); ++i)
    hash[i] = uint8_t(i);
  ProgramBuilder builder;
  builder.addMetadata("recipe", "fp32");
  if (name == "first")
    builder.setEmbeddedWeights(kWeightBytes, hash);
  if (name == "sided") {
    builder.setWeightsFile("sided.0123.weights", kWeightBytes, hash);
    writeWeights(folder + "/sided.0123.weights", hash);
  }
  if (name == "needy" && !(builder.requireFeature("avx512vp2intersect") &&
                           builder.requireFeature("avxvnniint16") &&
                           builder.requireFeature("amx-complex")))
    return 1;
  buildMain(builder, name == "first" || name == "sided");
  write(folder + "/" + name + ".program", builder.finish());
  writeHeader(name, folder + "/" + name + ".h", argv[3]);
  return 0;
}
