// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C header beside a compiled model: the interface's own text and the
// indices of entry points, inputs and outputs.

#include "quantc/Dialect/QNN/Interface.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "quantc/Target/Artifact.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace quantc {

static const char kInterface[] = {
#include "QuantcInterface.inc"
};

static std::string identifier(StringRef text) {
  std::string result = text.upper();
  for (char &c : result)
    if (!llvm::isAlnum(c))
      c = '_';
  return result;
}

static void describe(func::FuncOp func, Type type, Attribute shape,
                     llvm::raw_ostream &os) {
  auto tensor = cast<ShapedType>(type);
  os << tensor.getElementType() << " [";
  SmallVector<StringRef> names = qnn::getSymbolNames(func);
  auto map = dyn_cast_or_null<AffineMapAttr>(shape);
  for (int64_t i = 0; i < tensor.getRank(); ++i) {
    os << (i ? ", " : "");
    if (!tensor.isDynamicDim(i))
      os << tensor.getDimSize(i);
    else if (map)
      os << toString(map.getValue().getResult(i), names);
    else
      os << "?";
  }
  os << "]";
}

static std::string describe(func::FuncOp func, const qnn::InterfaceValue &value,
                            bool isInput) {
  std::string text;
  llvm::raw_string_ostream os(text);
  bool isTensor = value.kind == qnn::InterfaceValue::Kind::Tensor;
  if (!isTensor)
    os << (value.elementType ? "absent" : "sequence of ");
  if (!isTensor && !value.elementType)
    os << value.count;
  for (unsigned i = value.first; i < value.first + value.count; ++i) {
    if (!isTensor)
      os << (i == value.first ? ": " : ", ");
    if (isInput)
      describe(func, func.getArgumentTypes()[i],
               func.getArgAttr(i, qnn::kShapeAttr), os);
    else
      describe(func, func.getResultTypes()[i],
               func.getResultAttr(i, qnn::kShapeAttr), os);
  }
  // Names come from the model; a comment must not end early.
  std::string safe;
  for (char c : text)
    safe += llvm::isPrint(c) && c != '*' && c != '\\' ? c : '_';
  return safe;
}

std::string modelHeader(ModuleOp module, StringRef stem,
                        const ArtifactOptions &options) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string prefix = identifier(stem);
  llvm::StringSet<> taken;
  auto unique = [&](std::string name) {
    std::string candidate = name;
    for (int i = 2; !taken.insert(candidate).second; ++i)
      candidate = name + "_" + std::to_string(i);
    return candidate;
  };
  os << "/* Written by quantc; the library is compiled for one set of CPU "
        "features. */\n";
  os << StringRef(kInterface, sizeof(kInterface)) << "\n";
  os << "#ifndef " << prefix << "_QUANTC_MODEL_H\n#define " << prefix
     << "_QUANTC_MODEL_H\n\nenum {\n";
  std::string counts;
  llvm::raw_string_ostream countsOs(counts);
  int entries = 0;
  for (auto func : module.getOps<func::FuncOp>()) {
    if (!func->hasAttr(qnn::kEntryAttr))
      continue;
    std::string entry = identifier(func.getName());
    os << "  " << unique(prefix + "_ENTRY_" + entry) << " = " << entries++
       << ",\n";
    auto emit = [&](const char *kind, unsigned index,
                    const qnn::InterfaceValue &value,
                    const std::string &description) {
      os << "  "
         << unique(prefix + "_" + entry + "_" + kind + "_" +
                   identifier(value.name))
         << " = " << index << ", /* " << description << " */\n";
    };
    unsigned inputs = 0, outputs = 0;
    for (const qnn::InterfaceValue &value : qnn::getInputs(func))
      if (value.kind != qnn::InterfaceValue::Kind::Absent)
        emit("INPUT", inputs++, value, describe(func, value, true));
    for (const qnn::InterfaceValue &value : qnn::getOutputs(func))
      emit("OUTPUT", outputs++, value, describe(func, value, false));
    countsOs << "#define " << prefix << "_" << entry << "_INPUT_COUNT "
             << inputs << "\n#define " << prefix << "_" << entry
             << "_OUTPUT_COUNT " << outputs << "\n";
  }
  os << "  " << prefix << "_ENTRY_COUNT = " << entries << "\n};\n\n"
     << counts << "\n#endif /* " << prefix << "_QUANTC_MODEL_H */\n";
  return text;
}

} // namespace quantc
