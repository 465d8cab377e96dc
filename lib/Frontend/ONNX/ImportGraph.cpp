// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What surrounds the nodes: expressions of symbols, constants from the
// initializers, results with their names, the model's own attributes.

#include "Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace quantc::onnx_frontend {

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

AffineExpr Importer::expr(int64_t value) {
  return getAffineConstantExpr(value, &context);
}

AffineMap Importer::map(ArrayRef<AffineExpr> exprs) {
  return AffineMap::get(0, symbols.size(), exprs, &context);
}

SmallVector<StringRef> Importer::symbolNames() const {
  return SmallVector<StringRef>(symbols.begin(), symbols.end());
}

std::string Importer::text(AffineExpr expr) const {
  return toString(expr, symbolNames());
}

//===----------------------------------------------------------------------===//
// Initializers and outputs
//===----------------------------------------------------------------------===//

LogicalResult Importer::addInitializers() {
  for (const auto &tensor : model->proto.graph().initializer()) {
    if (tensor.data_type() == onnx::TensorProto::STRING) {
      Entry *entry = newEntry(tensor.name());
      entry->poisoned = entry->isString = true;
      main.values[tensor.name()] = entry;
      continue;
    }
    auto data = readTensor(tensor, model, &context, error);
    if (failed(data))
      return fail(error.message, error.status);
    main.values[tensor.name()] = constantEntry(tensor.name(), std::move(*data));
  }
  return success();
}

LogicalResult Importer::checkOutput(const onnx::ValueInfoProto &output,
                                    Entry &entry) {
  ValueForm form(output.type());
  if (!output.has_type() || !form.tensor)
    return success();
  const auto &type = *form.tensor;
  Type declared = elementTypeOf(type.elem_type(), &context);
  auto what = "graph output " + quote(output.name());
  bool isList = entry.kind == Entry::Kind::List;
  if (entry.kind == Entry::Kind::Absent ? !form.isOptional
                                        : form.isSequence != isList)
    return fail("expected " + what + " to be " +
                (form.isSequence ? "a sequence" : "a tensor") +
                " as declared, its node gives " + entry.kindName());
  if (type.elem_type() != 0 && declared != entry.elementType)
    return fail("expected " + what + " of element type " +
                elementTypeName(type.elem_type()) +
                " as declared, its node gives another");
  // What a sequence declares is often that of one of its tensors.
  if (!type.has_shape() || entry.kind != Entry::Kind::Tensor)
    return success();
  // Tools that fix or open dimensions leave old ones at the outputs: the nodes
  // decide, as in other runtimes.
  auto warn = [&](const Twine &declared, const Twine &given) {
    emitWarning(UnknownLoc::get(&context))
        << model->name << ": " << what << " is declared with " << declared
        << ", its node gives " << given;
  };
  if (size_t(type.shape().dim_size()) != entry.shape.size()) {
    warn("rank " + Twine(type.shape().dim_size()),
         "rank " + Twine(entry.shape.size()));
    return success();
  }
  for (auto [i, dim] : llvm::enumerate(type.shape().dim())) {
    int64_t extent = staticExtent(entry.shape[i]);
    if (dim.has_dim_value() && !ShapedType::isDynamic(extent) &&
        extent != dim.dim_value())
      warn("extent " + Twine(dim.dim_value()) + " in dimension " + Twine(i),
           Twine(extent));
  }
  return success();
}

/// The tensors of an output, and what it is to callers.
qnn::InterfaceValue
Importer::outputValue(StringRef name, const Entry &entry,
                      SmallVectorImpl<std::pair<std::string, Entry *>> &parts) {
  qnn::InterfaceValue value;
  value.name = name.str();
  value.count = entry.elements.size();
  value.elementType = entry.elementType;
  if (entry.kind == Entry::Kind::Absent) {
    value.kind = qnn::InterfaceValue::Kind::Absent;
  } else if (entry.kind == Entry::Kind::List) {
    value.kind = qnn::InterfaceValue::Kind::Sequence;
    for (auto [i, element] : llvm::enumerate(entry.elements))
      parts.push_back({(name + "." + Twine(i)).str(), element});
  } else {
    value.count = 1;
    parts.push_back({name.str(), const_cast<Entry *>(&entry)});
  }
  return value;
}

/// The argument that `result` extends along one dynamic axis, if it is one: a
/// cache that grows by concatenation can be appended in place.
static BlockArgument extendedArgument(Value result) {
  auto concat = result.getDefiningOp<qnn::ConcatOp>();
  if (!concat || concat.getInputs().size() != 2)
    return {};
  auto argument = dyn_cast<BlockArgument>(concat.getInputs()[0]);
  if (!argument || isa<BlockArgument>(concat.getInputs()[1]))
    return {};
  auto type = cast<RankedTensorType>(argument.getType());
  return type.isDynamicDim(concat.getAxis()) ? argument : BlockArgument();
}

LogicalResult Importer::addOutputs(func::FuncOp func) {
  const onnx::GraphProto &graph = model->proto.graph();
  SmallVector<std::pair<std::string, Entry *>> parts;
  qnn::Interface outputValues;
  for (const auto &output : graph.output()) {
    Entry *entry = main.values.lookup(output.name());
    if (!entry || entry->poisoned)
      return fail("graph output " + quote(output.name()) + " is not supported");
    if (failed(checkOutput(output, *entry)))
      return failure();
    outputValues.push_back(outputValue(output.name(), *entry, parts));
  }
  SmallVector<Value> results;
  for (const auto &part : parts)
    results.push_back(materialize(*part.second));
  Location loc = func.getLoc();
  func::ReturnOp::create(builder, loc, results);
  func.setType(builder.getFunctionType(
      func.getBody().front().getArgumentTypes(), ValueRange(results)));
  for (auto [i, entry] : llvm::enumerate(arguments)) {
    func.setArgAttr(i, qnn::kNameAttr, builder.getStringAttr(entry->name));
    if (!cast<RankedTensorType>(entry->value.getType()).hasStaticShape())
      func.setArgAttr(i, qnn::kShapeAttr,
                      AffineMapAttr::get(map(entry->shape)));
  }
  llvm::SmallDenseSet<unsigned> extended;
  for (auto [i, result] : llvm::enumerate(results)) {
    func.setResultAttr(i, qnn::kNameAttr,
                       builder.getStringAttr(parts[i].first));
    BlockArgument argument = extendedArgument(result);
    if (argument && extended.insert(argument.getArgNumber()).second)
      func.setResultAttr(i, qnn::kAliasAttr,
                         builder.getI64IntegerAttr(argument.getArgNumber()));
  }
  qnn::setInterface(func, inputValues, outputValues);
  SmallVector<Attribute> names;
  for (const std::string &name : symbols)
    names.push_back(builder.getStringAttr(name));
  func->setAttr(qnn::kSymbolsAttr, builder.getArrayAttr(names));
  func->setAttr(qnn::kEntryAttr, builder.getUnitAttr());
  return success();
}

void Importer::setModuleAttributes(ModuleOp module) {
  const onnx::ModelProto &proto = model->proto;
  auto stringAttr = [&](StringRef text) -> Attribute {
    return builder.getStringAttr(text);
  };
  SmallVector<NamedAttribute> opsets, metadata;
  for (const auto &import : proto.opset_import()) {
    StringRef domain = normalDomain(import.domain());
    opsets.push_back(
        builder.getNamedAttr(domain.empty() ? "ai.onnx" : domain,
                             builder.getI64IntegerAttr(import.version())));
  }
  for (const auto &entry : proto.metadata_props())
    if (!entry.key().empty())
      metadata.push_back(
          builder.getNamedAttr(entry.key(), stringAttr(entry.value())));
  module->setAttr("onnx.opsets", builder.getDictionaryAttr(opsets));
  module->setAttr("onnx.ir_version",
                  builder.getI64IntegerAttr(proto.ir_version()));
  if (!metadata.empty())
    module->setAttr("onnx.metadata", builder.getDictionaryAttr(metadata));
  if (!proto.producer_name().empty())
    module->setAttr("onnx.producer",
                    stringAttr(proto.producer_name() +
                               (proto.producer_version().empty() ? "" : " ") +
                               proto.producer_version()));
  if (!proto.graph().name().empty())
    module->setAttr("onnx.graph", stringAttr(proto.graph().name()));
}

} // namespace quantc::onnx_frontend
