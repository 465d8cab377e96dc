// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What surrounds the nodes: symbols and arguments from the graph inputs,
// constants from the initializers, results with their names, the model's own
// attributes.

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

AffineExpr Importer::symbol(StringRef name) {
  if (auto fixed = options.dims.find(name); fixed != options.dims.end())
    return expr(fixed->second);
  auto *found = llvm::find(symbols, name);
  unsigned position = found - symbols.begin();
  if (found == symbols.end())
    symbols.push_back(name.str());
  return getAffineSymbolExpr(position, &context);
}

/// `past + sequence`, `2 * batch + 1`: sums and products of numbers and of
/// names that are dimensions by themselves.  Anything else is a name of its
/// own.
std::optional<AffineExpr> Importer::dimExpression(StringRef text) {
  auto parseFactor = [&](StringRef factor) -> std::optional<AffineExpr> {
    factor = factor.trim();
    int64_t value = 0;
    if (!factor.getAsInteger(10, value))
      return expr(value);
    if (!directSymbols.contains(factor))
      return std::nullopt;
    return symbol(factor);
  };
  auto parseTerm = [&](StringRef term) -> std::optional<AffineExpr> {
    SmallVector<StringRef> factors;
    term.split(factors, '*');
    AffineExpr product = expr(1);
    for (StringRef factor : factors) {
      auto parsed = parseFactor(factor);
      if (!parsed)
        return std::nullopt;
      product = product * *parsed;
    }
    return product;
  };
  AffineExpr sum = expr(0);
  bool negative = false;
  while (true) {
    size_t end = text.find_first_of("+-");
    auto term = parseTerm(text.take_front(end));
    if (!term)
      return std::nullopt;
    sum = negative ? sum - *term : sum + *term;
    if (end == StringRef::npos)
      return canonicalize(sum);
    negative = text[end] == '-';
    text = text.drop_front(end + 1);
  }
}

static bool isPlainName(StringRef name) {
  return !name.empty() && name.find_first_of("+-*/ ") == StringRef::npos &&
         !llvm::isDigit(name.front());
}

SymbolicShape Importer::inputShape(const onnx::ValueInfoProto &input) {
  SymbolicShape shape;
  for (const auto &[i, dim] :
       llvm::enumerate(input.type().tensor_type().shape().dim())) {
    if (dim.has_dim_value()) {
      shape.push_back(expr(dim.dim_value()));
      continue;
    }
    std::string name = dim.dim_param();
    if (name.empty())
      name = input.name() + "_d" + std::to_string(i);
    else if (!directSymbols.contains(name)) {
      if (auto expression = dimExpression(name)) {
        shape.push_back(*expression);
        continue;
      }
    }
    shape.push_back(symbol(name));
  }
  return shape;
}

//===----------------------------------------------------------------------===//
// Inputs, initializers and outputs
//===----------------------------------------------------------------------===//

LogicalResult Importer::addInputs(func::FuncOp func) {
  const onnx::GraphProto &graph = model->proto.graph();
  llvm::StringSet<> initializers;
  for (const auto &tensor : graph.initializer())
    initializers.insert(tensor.name());
  SmallVector<const onnx::ValueInfoProto *> inputs;
  for (const auto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue;
    inputs.push_back(&input);
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (isPlainName(dim.dim_param()))
        directSymbols.insert(dim.dim_param());
  }
  SmallVector<SymbolicShape> inputShapes;
  for (const auto *input : inputs)
    inputShapes.push_back(inputShape(*input));
  for (const auto &fixed : options.dims) {
    if (fixed.second < 0)
      return fail("expected dimension " + quote(fixed.first()) +
                      " to be fixed to 0 or more, got " + Twine(fixed.second),
                  Status::Usage);
    bool known = llvm::any_of(inputs, [&](const auto *input) {
      return llvm::any_of(
          input->type().tensor_type().shape().dim(),
          [&](const auto &dim) { return dim.dim_param() == fixed.first(); });
    });
    if (!known)
      return fail("no input has a dimension " + quote(fixed.first()) +
                      " to fix",
                  Status::Usage);
  }

  Block &block = func.getBody().front();
  for (auto [input, shape] : llvm::zip(inputs, inputShapes)) {
    Location loc = NameLoc::get(builder.getStringAttr(input->name()));
    Type element =
        elementTypeOf(input->type().tensor_type().elem_type(), &context);
    Entry *entry = newEntry(input->name());
    entry->elementType = element;
    entry->shape = shape;
    entry->value = block.addArgument(tensorTypeFor(shape, element), loc);
    shapes.setShape(entry->value, shape);
    main.values[input->name()] = entry;
    arguments.push_back(entry);
  }
  return success();
}

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
  if (!output.has_type() || !output.type().has_tensor_type())
    return success();
  const auto &type = output.type().tensor_type();
  Type declared = elementTypeOf(type.elem_type(), &context);
  auto what = "graph output " + quote(output.name());
  if (type.elem_type() != 0 && declared != entry.elementType)
    return fail("expected " + what + " of element type " +
                elementTypeName(type.elem_type()) +
                " as declared, its node gives another");
  if (!type.has_shape())
    return success();
  if (size_t(type.shape().dim_size()) != entry.shape.size())
    return fail("expected " + what + " of rank " +
                Twine(type.shape().dim_size()) + " as declared, got rank " +
                Twine(entry.shape.size()));
  for (auto [i, dim] : llvm::enumerate(type.shape().dim())) {
    int64_t extent = staticExtent(entry.shape[i]);
    if (dim.has_dim_value() && !ShapedType::isDynamic(extent) &&
        extent != dim.dim_value())
      return fail("expected dimension " + Twine(i) + " of " + what + " to be " +
                  Twine(dim.dim_value()) + " as declared, got " +
                  Twine(extent));
  }
  return success();
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
  SmallVector<Value> results;
  for (const auto &output : graph.output()) {
    Entry *entry = main.values.lookup(output.name());
    if (!entry || entry->poisoned)
      return fail("graph output " + quote(output.name()) + " is not supported");
    if (failed(checkOutput(output, *entry)))
      return failure();
    results.push_back(materialize(*entry));
  }
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
                       builder.getStringAttr(graph.output(i).name()));
    BlockArgument argument = extendedArgument(result);
    if (argument && extended.insert(argument.getArgNumber()).second)
      func.setResultAttr(i, qnn::kAliasAttr,
                         builder.getI64IntegerAttr(argument.getArgNumber()));
  }
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
