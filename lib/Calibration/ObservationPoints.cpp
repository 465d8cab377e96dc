// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names from locations, keys by BLAKE3 in one walk: the key of a result is the
// hash of its operation's description and its operands' keys.

#include "quantc/Calibration/ObservationPoints.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace quantc {

namespace {

constexpr size_t kKeyBytes = 16;

/// The node whose result an operation computes: of several the last.
StringRef nodeName(Location location) {
  SmallVector<StringRef> names;
  qnn::collectNodeNames(location, names);
  return names.empty() ? "value" : names.back();
}

/// Valid UTF-8 without control characters.
std::string printable(StringRef text) {
  std::string result;
  for (char c : llvm::json::fixUTF8(text))
    result += (unsigned char)(c) < 0x20 || c == 0x7f ? '?' : c;
  return result;
}

class Describer {
public:
  /// Parts are told apart by their lengths.
  void update(StringRef part) {
    uint64_t length = part.size();
    hash.update(StringRef(reinterpret_cast<const char *>(&length), 8));
    hash.update(part);
  }
  void update(Type type) { print(type); }
  void update(Attribute attribute);
  std::string finish() {
    auto bytes = hash.final<kKeyBytes>();
    return llvm::toHex(bytes, /*LowerCase=*/true);
  }

private:
  template <typename T> void print(T part) {
    std::string text;
    llvm::raw_string_ostream os(text);
    part.print(os);
    update(StringRef(text));
  }

  llvm::BLAKE3 hash;
};

// Resources are known by their bytes, not by their names.
void Describer::update(Attribute attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    update(resource.getType());
    if (AsmResourceBlob *blob = resource.getRawHandle().getBlob())
      update(StringRef(blob->getData().data(), blob->getData().size()));
  } else if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    update(dense.getType());
    update(StringRef(dense.getRawData().data(), dense.getRawData().size()));
    update(dense.isSplat() ? "splat" : "dense");
  } else if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    for (NamedAttribute entry : dictionary) {
      update(entry.getName().strref());
      update(entry.getValue());
    }
  } else {
    print(attribute);
  }
}

class Walker {
public:
  explicit Walker(func::FuncOp func) : func(func) {}

  void run(llvm::DenseMap<Value, ObservationPoint> &points) {
    for (BlockArgument argument : func.getArguments())
      points[argument] = {nameOf(argument), keyOf(argument)};
    for (Operation &op : func.front().without_terminator())
      for (OpResult result : op.getResults())
        if (isNamed(result))
          ++left[baseName(result)];
    for (Operation &op : func.front().without_terminator()) {
      if (auto observe = dyn_cast<qnn::ObserveOp>(op)) {
        points[observe.getResult()] =
            ObservationPoint(points.at(observe.getInput()));
        continue;
      }
      if (op.getNumResults() == 0)
        continue;
      std::string key = keyOf(&op, points);
      for (OpResult result : op.getResults()) {
        points[result] = {nameOf(result), key + suffix(result)};
      }
    }
  }

private:
  std::string nameOf(BlockArgument argument) {
    auto name = func.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                  qnn::kNameAttr);
    return unique(name ? printable(name) : "input");
  }

  /// Constants have no name, so that weights do not use up their node's.
  bool isNamed(OpResult result) {
    return !constants.contains(result) &&
           !isa<qnn::ObserveOp>(result.getOwner());
  }

  std::string baseName(OpResult result) {
    return printable(nodeName(result.getOwner()->getLoc())) + suffix(result);
  }

  /// The last value that comes from a node is the node's result and has its
  /// name; what leads up to it is numbered.
  std::string nameOf(OpResult result) {
    if (!isNamed(result))
      return "";
    std::string name = baseName(result);
    return --left[name] == 0 ? unique(name) : numbered(name);
  }

  static std::string suffix(OpResult result) {
    if (result.getOwner()->getNumResults() == 1)
      return "";
    return "#" + std::to_string(result.getResultNumber());
  }

  std::string keyOf(BlockArgument argument) {
    unsigned index = argument.getArgNumber();
    Describer describer;
    describer.update("input");
    describer.update(argument.getType());
    for (StringRef kind : {qnn::kNameAttr, qnn::kShapeAttr})
      if (Attribute attribute = func.getArgAttr(index, kind))
        describer.update(attribute);
    if (Attribute symbols = func->getAttr(qnn::kSymbolsAttr))
      describer.update(symbols);
    return describer.finish();
  }

  std::string keyOf(Operation *op,
                    const llvm::DenseMap<Value, ObservationPoint> &points) {
    Describer describer;
    describer.update(op->getName().getStringRef());
    // Discardable attributes are notes of passes: they change no value.
    if (Attribute properties = op->getPropertiesAsAttribute())
      describer.update(properties);
    for (Type type : op->getResultTypes())
      describer.update(type);
    for (Value operand : op->getOperands())
      describer.update(points.at(operand).key);
    return describer.finish();
  }

  std::string unique(const std::string &name) {
    return names.insert(name).second ? name : numbered(name);
  }

  std::string numbered(const std::string &name) {
    std::string candidate;
    do
      candidate = name + "~" + std::to_string(++counts[name]);
    while (!names.insert(candidate).second);
    return candidate;
  }

  func::FuncOp func;
  qnn::ConstantExpressions constants;
  llvm::StringSet<> names;
  /// Numbers given, and values still to be named.
  llvm::StringMap<unsigned> counts, left;
};

} // namespace

ObservationPoints ObservationPoints::compute(func::FuncOp func) {
  ObservationPoints result;
  Walker(func).run(result.points);
  return result;
}

} // namespace quantc
