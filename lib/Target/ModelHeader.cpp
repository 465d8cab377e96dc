// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C header beside a compiled model: the interface's own text and the
// indices of entry points, inputs and outputs.

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

static std::string describe(func::FuncOp func, Type type, Attribute shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
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
    auto emit = [&](const char *kind, unsigned index, Type type,
                    DictionaryAttr attributes) {
      auto name = attributes ? attributes.getAs<StringAttr>(qnn::kNameAttr)
                             : StringAttr();
      Attribute shape =
          attributes ? attributes.get(qnn::kShapeAttr) : Attribute();
      std::string label = name ? name.getValue().str() : std::to_string(index);
      os << "  "
         << unique(prefix + "_" + entry + "_" + kind + "_" + identifier(label))
         << " = " << index << ", /* " << describe(func, type, shape) << " */\n";
    };
    for (auto [i, type] : llvm::enumerate(func.getArgumentTypes()))
      emit("INPUT", i, type, func.getArgAttrDict(i));
    for (auto [i, type] : llvm::enumerate(func.getResultTypes()))
      emit("OUTPUT", i, type, func.getResultAttrDict(i));
    countsOs << "#define " << prefix << "_" << entry << "_INPUT_COUNT "
             << func.getNumArguments() << "\n#define " << prefix << "_" << entry
             << "_OUTPUT_COUNT " << func.getNumResults() << "\n";
  }
  os << "  " << prefix << "_ENTRY_COUNT = " << entries << "\n};\n\n"
     << counts << "\n#endif /* " << prefix << "_QUANTC_MODEL_H */\n";
  return text;
}

} // namespace quantc
