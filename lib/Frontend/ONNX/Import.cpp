// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import driver: symbols and arguments from the graph inputs, constants
// from the initializers, one handler per node in topological order, results
// with their names.  Nodes that are not supported are collected, so that one
// error lists all of them; their results poison the nodes that use them.

#include "Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

Importer::Importer(std::shared_ptr<Model> model, MLIRContext &context,
                   const ImportOptions &options, Error &error)
    : model(std::move(model)), context(context), options(options),
      builder(&context), error(error) {}

LogicalResult Importer::fail(const Twine &message, Status status) {
  if (!hasError)
    (void)refuse(error, model->name + ": " + message, status);
  hasError = true;
  return failure();
}

//===----------------------------------------------------------------------===//
// Entries
//===----------------------------------------------------------------------===//

Entry *Importer::newEntry(StringRef name) {
  Entry &entry = entries.emplace_back();
  entry.name = name.str();
  return &entry;
}

Entry *Importer::constantEntry(StringRef name, TensorData data) {
  Entry *entry = newEntry(name);
  entry->elementType = data.elementType;
  for (int64_t dim : data.shape)
    entry->shape.push_back(expr(dim));
  entry->constant = std::move(data);
  trackConstant(*entry);
  return entry;
}

void Importer::trackConstant(Entry &entry) {
  constexpr int64_t limit = 64;
  const TensorData &constant = *entry.constant;
  Type type = constant.elementType;
  if (constant.shape.size() > 1 || constant.count > limit ||
      !(type.isInteger(1) || type.isSignlessInteger(32) ||
        type.isSignlessInteger(64)))
    return;
  entry.data.emplace();
  for (int64_t i = 0; i < constant.count; ++i)
    entry.data->push_back(expr(constant.getInt(i)));
}

Value Importer::materialize(Entry &entry) {
  if (entry.value)
    return entry.value;
  Location loc = NameLoc::get(builder.getStringAttr(entry.name));
  if (!entry.constant && constantValues(*entry.data)) {
    // Known elements: an ordinary constant.
    std::vector<char> bytes;
    unsigned width = std::max(8u, entry.elementType.getIntOrFloatBitWidth());
    SmallVector<int64_t> values = *constantValues(*entry.data);
    for (int64_t value : values)
      bytes.insert(bytes.end(), reinterpret_cast<char *>(&value),
                   reinterpret_cast<char *>(&value) + width / 8);
    SmallVector<int64_t> shape;
    if (!entry.shape.empty())
      shape.push_back(entry.data->size());
    entry.constant = ownTensor(entry.elementType, shape, std::move(bytes));
  }
  if (entry.constant) {
    auto attribute = toAttribute(*entry.constant, entry.name);
    auto type = RankedTensorType::get(entry.constant->shape, entry.elementType);
    auto op = qnn::ConstantOp::create(builder, loc, type, attribute);
    shapes.setShape(op, entry.shape);
    return entry.value = op;
  }
  auto type = entry.shape.empty()
                  ? RankedTensorType::get({}, entry.elementType)
                  : RankedTensorType::get({int64_t(entry.data->size())},
                                          entry.elementType);
  auto op = qnn::ShapeValueOp::create(builder, loc, type, map(*entry.data));
  shapes.setShape(op, entry.shape);
  return entry.value = op;
}

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

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

void Importer::addCheck(Location loc, AffineExpr expr, bool isEquality,
                        const Twine &message) {
  auto set = IntegerSet::get(0, symbols.size(), {expr}, {isEquality});
  if (!checks.insert(set).second)
    return;
  qnn::CheckOp::create(builder, loc, IntegerSetAttr::get(set),
                       builder.getStringAttr(message));
}

void Importer::noteUnsupported(const onnx::NodeProto &node, int64_t opset,
                               StringRef nodeName, StringRef reason) {
  StringRef domain = normalDomain(node.domain());
  std::string key =
      (domain + (domain.empty() ? "" : ".") + node.op_type()).str();
  std::string group =
      StringRef(quote(key)).trim('\'').str() + "-" + std::to_string(opset);
  if (!reason.empty())
    group += " " + reason.str();
  Unsupported &entry = unsupported[group];
  if (entry.count++ < 3)
    entry.nodes.push_back(quote(nodeName));
}

LogicalResult Importer::reportUnsupported() {
  int64_t total = 0;
  SmallVector<std::string> groups;
  for (const auto &[name, entry] : unsupported) {
    total += entry.count;
    std::string nodes = llvm::join(entry.nodes, ", ");
    if (entry.count > int64_t(entry.nodes.size()))
      nodes += ", ...";
    groups.push_back(std::to_string(entry.count) + " x " + name + " (" + nodes +
                     ")");
  }
  return fail(Twine(total) + (total == 1 ? " node is" : " nodes are") +
              " not supported: " + llvm::join(groups, "; "));
}

LogicalResult Importer::importNode(const onnx::NodeProto &node, Scope &scope,
                                   size_t index) {
  std::string name = node.name();
  if (name.empty())
    name = node.op_type() + "_" + std::to_string(index);
  name = scope.prefix + name;
  StringRef domain = normalDomain(node.domain());
  const onnx::FunctionProto *function = findFunction(node);
  auto opset = scope.opsets.find(domain);
  if (!function && opset == scope.opsets.end())
    return fail("node " + quote(name) + ": no opset of domain " +
                quote(domain.empty() ? "ai.onnx" : domain) + " is imported");

  NodeImport import(*this, node, scope, function ? 0 : opset->second, name);
  bool poisoned = false, isString = false;
  for (const std::string &input : node.input()) {
    auto found = scope.values.find(input);
    if (!input.empty() && found == scope.values.end())
      return fail("node " + quote(name) + ": input " + quote(input) +
                  " is defined by nothing that is supported");
    // A function's omitted input is known, and null.
    Entry *entry = input.empty() ? nullptr : found->second;
    poisoned |= entry && entry->poisoned;
    isString |= entry && entry->isString;
    import.inputs.push_back(entry);
  }
  import.outputs.resize(node.output_size());

  Handler handler =
      function ? nullptr
               : Registry::get().lookup(domain, node.op_type(), opset->second);
  if (!function && !handler) {
    noteUnsupported(node, opset->second, name, "");
    import.isUnsupported = true;
  } else if (isString) {
    noteUnsupported(node, import.opset, name, "of strings");
    import.isUnsupported = true;
  } else if (!poisoned) {
    LogicalResult result = success();
    if (function)
      result = importCall(*function, import, scope);
    else if (failed(checkNode(node, scope, model->proto.ir_version(), error)))
      result = import.error(error.message);
    else
      result = handler(import);
    if (!import.isUnsupported && (failed(result) || hasError))
      return import.error("import failed", Status::Internal);
  }
  for (auto [i, output] : llvm::enumerate(node.output())) {
    if (output.empty())
      continue;
    Entry *entry = import.outputs[i];
    if (!entry) {
      entry = newEntry(output);
      entry->poisoned = true;
      if (!import.isUnsupported && !poisoned) {
        if (!import.isOutputUsed(i))
          continue;
        noteUnsupported(node, import.opset, name, ("output " + Twine(i)).str());
      }
    }
    if (entry->name.empty())
      entry->name = output;
    scope.values[output] = entry;
  }
  return success();
}

LogicalResult Importer::importNodes(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    Scope &scope) {
  bool sorted = true;
  auto order = topologicalOrder(nodes, scope.values, sorted, error);
  if (failed(order))
    return fail(error.message, error.status);
  if (!sorted)
    emitWarning(UnknownLoc::get(&context))
        << model->name << ": nodes are not in topological order; sorted";
  for (const auto &node : nodes)
    for (const std::string &input : node.input())
      scope.used.insert(input);
  for (int index : *order)
    if (failed(importNode(nodes[index], scope, index)))
      return failure();
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  context.loadDialect<qnn::QNNDialect, func::FuncDialect>();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) {
    if (diag.getSeverity() != DiagnosticSeverity::Error)
      return failure();
    diagnostic = diag.str();
    return success();
  });
  for (const auto &import : model->proto.opset_import())
    main.opsets[normalDomain(import.domain())] = import.version();
  for (const auto &output : model->proto.graph().output())
    main.used.insert(output.name());

  Location loc = builder.getUnknownLoc();
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  builder.setInsertionPointToEnd(module->getBody());
  auto func = func::FuncOp::create(builder, loc, "main",
                                   builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(func.addEntryBlock());
  setModuleAttributes(*module);
  if (failed(countExpansion()) || failed(addInputs(func)) ||
      failed(addInitializers()) ||
      failed(importNodes(model->proto.graph().node(), main)))
    return failure();
  if (!unsupported.empty())
    return reportUnsupported();
  if (failed(addOutputs(func)))
    return failure();
  if (failed(verify(*module)))
    return fail("the imported module is not valid: " + diagnostic,
                Status::Internal);
  return module;
}

} // namespace quantc::onnx_frontend

//===----------------------------------------------------------------------===//
// Public interface
//===----------------------------------------------------------------------===//

using namespace quantc;
using namespace quantc::onnx_frontend;

/// The boundary where exceptions of protobuf and ONNX end.
template <typename Load>
static FailureOr<OwningOpRef<ModuleOp>>
guarded(MLIRContext &context, const ImportOptions &options, Error &error,
        StringRef name, Load load) {
  try {
    std::shared_ptr<Model> model = load();
    if (!model)
      return failure();
    return Importer(std::move(model), context, options, error).run();
  } catch (const std::bad_alloc &) {
    error = {Status::Limit, quote(name) + ": out of memory"};
  } catch (const std::exception &exception) {
    error = {Status::Internal, quote(name) + ": " + exception.what()};
  }
  return failure();
}

FailureOr<OwningOpRef<ModuleOp>>
quantc::importOnnx(StringRef path, MLIRContext &context,
                   const ImportOptions &options, Error &error) {
  return guarded(context, options, error, path,
                 [&] { return loadModel(path, options, error); });
}

FailureOr<OwningOpRef<ModuleOp>>
quantc::importOnnxBytes(ArrayRef<char> bytes, StringRef name,
                        MLIRContext &context, const ImportOptions &options,
                        Error &error) {
  return guarded(context, options, error, name,
                 [&] { return parseModel(bytes, name, options, error); });
}

FailureOr<OwningOpRef<ModuleOp>>
quantc::importOnnxText(StringRef text, StringRef name, MLIRContext &context,
                       const ImportOptions &options, Error &error) {
  return guarded(context, options, error, name,
                 [&] { return parseModelText(text, name, options, error); });
}

std::vector<std::string> quantc::supportedOnnxOperators() {
  return Registry::get().names();
}
