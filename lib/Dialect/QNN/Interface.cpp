// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and writes the attributes that say how arguments and results form the
// caller's values.  Attributes that do not fit the function's type are as good
// as none.

#include "quantc/Dialect/QNN/Interface.h"
#include "quantc/Dialect/QNN/QNN.h"

using namespace mlir;

namespace quantc::qnn {

using Kind = InterfaceValue::Kind;

constexpr StringLiteral kInputsAttr = "qnn.inputs";
constexpr StringLiteral kOutputsAttr = "qnn.outputs";

/// One value, or none if the attribute is not understood.
static std::optional<InterfaceValue> readValue(Attribute attribute,
                                               unsigned first) {
  auto fields = dyn_cast<DictionaryAttr>(attribute);
  auto name = fields ? fields.getAs<StringAttr>("name") : StringAttr();
  if (!name)
    return std::nullopt;
  InterfaceValue value;
  value.name = name.str();
  value.first = first;
  if (auto length = fields.getAs<IntegerAttr>("sequence")) {
    if (length.getInt() < 0 || length.getInt() > int64_t(1) << 20)
      return std::nullopt;
    value.kind = Kind::Sequence;
    value.count = unsigned(length.getInt());
  } else if (auto type = fields.getAs<TypeAttr>("absent")) {
    value.kind = Kind::Absent;
    value.count = 0;
    value.elementType = type.getValue();
  }
  return value;
}

static Interface readInterface(func::FuncOp func, StringRef attribute,
                               const char *fallback, unsigned count,
                               llvm::function_ref<StringAttr(unsigned)> name) {
  Interface values;
  if (auto list = func->getAttrOfType<ArrayAttr>(attribute)) {
    unsigned next = 0;
    for (Attribute element : list) {
      auto value = readValue(element, next);
      if (!value)
        break;
      next += value->count;
      values.push_back(*value);
    }
    if (values.size() == list.size() && next == count)
      return values;
    values.clear();
  }
  for (unsigned i = 0; i < count; ++i) {
    StringAttr given = name(i);
    std::string text = given ? given.str() : fallback + std::to_string(i);
    values.push_back({text, Kind::Tensor, i, 1, {}});
  }
  return values;
}

Interface getInputs(func::FuncOp func) {
  return readInterface(func, kInputsAttr, "input", func.getNumArguments(),
                       [&](unsigned i) {
                         return func.getArgAttrOfType<StringAttr>(i, kNameAttr);
                       });
}

Interface getOutputs(func::FuncOp func) {
  return readInterface(
      func, kOutputsAttr, "output", func.getNumResults(), [&](unsigned i) {
        return func.getResultAttrOfType<StringAttr>(i, kNameAttr);
      });
}

static void writeInterface(func::FuncOp func, StringRef attribute,
                           ArrayRef<InterfaceValue> values) {
  if (llvm::all_of(values, [](const InterfaceValue &value) {
        return value.kind == Kind::Tensor;
      }))
    return;
  Builder builder(func.getContext());
  SmallVector<Attribute> list;
  for (const InterfaceValue &value : values) {
    SmallVector<NamedAttribute> fields = {
        builder.getNamedAttr("name", builder.getStringAttr(value.name))};
    if (value.kind == Kind::Sequence)
      fields.push_back(builder.getNamedAttr(
          "sequence", builder.getI64IntegerAttr(value.count)));
    if (value.kind == Kind::Absent)
      fields.push_back(
          builder.getNamedAttr("absent", TypeAttr::get(value.elementType)));
    list.push_back(builder.getDictionaryAttr(fields));
  }
  func->setAttr(attribute, builder.getArrayAttr(list));
}

void setInterface(func::FuncOp func, ArrayRef<InterfaceValue> inputs,
                  ArrayRef<InterfaceValue> outputs) {
  writeInterface(func, kInputsAttr, inputs);
  writeInterface(func, kOutputsAttr, outputs);
}

} // namespace quantc::qnn
