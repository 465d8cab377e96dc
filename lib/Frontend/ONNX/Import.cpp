// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The import driver: symbols and arguments from the graph inputs, constants
// from the initializers, one handler per node in topological order, results
// with their names.  Nodes that are not supported are collected, so that one
// error lists all of them; their results poison the nodes that use them.

#include "Importer.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/IntegerSet.h"
#include "mlir/IR/Verifier.h"
#include "onnx/defs/schema.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/SaveAndRestore.h"

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

std::string Entry::kindName() const {
  if (kind == Kind::Tensor)
    return "a tensor";
  if (kind == Kind::Absent)
    return "an absent optional";
  return "a sequence of " + std::to_string(elements.size());
}

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
    SmallVector<int64_t> shape = *constantValues(entry.shape);
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
  if (entry.shape.size() <= 1) {
    shapes.setShape(op, entry.shape);
    return entry.value = op;
  }
  shapes.setShape(op, {expr(entry.data->size())});
  return entry.value = qnn::createInferred<qnn::ReshapeOp>(
             builder, shapes, loc, entry.elementType, op.getResult(),
             map(entry.shape));
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

namespace {
/// Of the import that this thread is at: nodes so far, those of functions and
/// of each iteration included, and how deep graphs and functions are nested
/// just now.
struct Progress {
  int64_t nodes = 0;
  unsigned nesting = 0;
};
} // namespace

static thread_local Progress progress;

void Importer::addCheck(Location loc, AffineExpr expr, bool isEquality,
                        const Twine &message) {
  auto set = IntegerSet::get(0, symbols.size(), {expr}, {isEquality});
  AffineMapAttr guard = guardAttr();
  if (!checks.insert({set, guard}).second)
    return;
  qnn::CheckOp::create(builder, loc, IntegerSetAttr::get(set),
                       builder.getStringAttr(message), guard);
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

static const onnx::OpSchema *schemaOf(const NodeImport &import,
                                      StringRef domain) {
  return onnx::OpSchemaRegistry::Schema(import.node.op_type(),
                                        int(import.opset), domain.str());
}

/// Does ONNX define the operator by others?
static bool hasBody(const NodeImport &import, StringRef domain) {
  const auto *schema = schemaOf(import, domain);
  return schema &&
         (schema->HasFunction() || schema->HasContextDependentFunction());
}

/// By the operator's handler; what that cannot express, and operators without
/// one, by their definition.
LogicalResult Importer::importOperator(NodeImport &import, Handler handler,
                                       StringRef domain, Scope &scope) {
  if (!handler && !schemaOf(import, domain))
    return import.unsupported("");
  if (failed(checkNode(import.node, scope, model->proto.ir_version(), error)))
    return import.error(error.message);
  if (domain.empty() && import.opset < 7 && failed(upgradeNode(import)))
    return failure();
  if (handler) {
    Block *block = builder.getInsertionBlock();
    Operation *last = block->empty() ? nullptr : &block->back();
    LogicalResult result = handler(import);
    if (failed(result) && !import.isUnsupported)
      return result;
    // What the verifier does not take is the node's error; handlers check what
    // it cannot know.
    while (succeeded(result) && !block->empty() && last != &block->back()) {
      last = last ? last->getNextNode() : &block->front();
      // The symbols of the function are declared at the end.
      if (qnn::boundSymbols(last).empty() && failed(verify(last))) {
        import.reportDiagnostic();
        return failure();
      }
    }
    if (succeeded(result))
      return success();
  }
  const onnx::FunctionProto *body = schemaBody(import, domain);
  if (hasError)
    return failure();
  if (!body)
    return import.unsupported(import.unsupportedReason);
  import.isUnsupported = false;
  llvm::fill(import.outputs, nullptr);
  return importCall(*body, import, scope);
}

LogicalResult Importer::importNode(const onnx::NodeProto &node, Scope &scope,
                                   size_t index) {
  if (++progress.nodes > options.maxNodes)
    return fail("functions, loops and definitions expand to more than " +
                    Twine(options.maxNodes) + " nodes",
                Status::Limit);
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
  std::optional<size_t> list;
  for (const std::string &input : node.input()) {
    // A function's omitted input is known, and null.
    Entry *entry = nullptr;
    if (!input.empty() && !scope.lookup(input, entry))
      return fail("node " + quote(name) + ": input " + quote(input) +
                  " is defined by nothing that is supported");
    poisoned |= entry && entry->poisoned;
    isString |= entry && entry->isString;
    if (entry && entry->kind != Entry::Kind::Tensor && !list)
      list = import.inputs.size();
    import.inputs.push_back(entry);
  }
  import.outputs.resize(node.output_size());

  Handler handler =
      function ? nullptr
               : Registry::get().lookup(domain, node.op_type(), opset->second);
  if (isString) {
    (void)import.unsupported("of strings");
  } else if (poisoned) {
    // Listed all the same when nothing could be made of it.
    if (!function && !handler && !hasBody(import, domain))
      (void)import.unsupported("");
  } else if (list && !function && !Registry::get().takesLists(node.op_type())) {
    return import.error("expected input " + Twine(*list) +
                        " to be a tensor, got " +
                        import.inputs[*list]->kindName());
  } else {
    LogicalResult result = function
                               ? importCall(*function, import, scope)
                               : importOperator(import, handler, domain, scope);
    if (!import.isUnsupported && (failed(result) || hasError))
      return import.error("import failed", Status::Internal);
  }
  if (import.isUnsupported)
    noteUnsupported(node, import.opset, name, import.unsupportedReason);
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
  // Each level takes some of the stack.
  constexpr unsigned maxNesting = 128;
  if (progress.nesting >= maxNesting)
    return fail("graphs and functions are nested more than " +
                    Twine(maxNesting) + " deep",
                Status::Limit);
  llvm::SaveAndRestore deeper(progress.nesting, progress.nesting + 1);
  bool sorted = true;
  auto order = topologicalOrder(nodes, scope.values, sorted, error);
  if (failed(order))
    return fail(error.message, error.status);
  if (!sorted)
    emitWarning(UnknownLoc::get(&context))
        << model->name << ": nodes are not in topological order; sorted";
  for (const auto &node : nodes)
    forEachUse(node, [&](const std::string &name) { scope.used.insert(name); });
  for (int index : *order)
    if (failed(importNode(nodes[index], scope, index)))
      return failure();
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run() {
  context.loadDialect<qnn::QNNDialect, func::FuncDialect, arith::ArithDialect,
                      math::MathDialect, scf::SCFDialect>();
  progress = {};
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

std::vector<OnnxOperator> quantc::supportedOnnxOperators() {
  const Registry &registry = Registry::get();
  std::vector<OnnxOperator> result;
  for (const auto &[domain, name] : registry.names())
    if (!domain.empty())
      result.push_back({domain, name, 1, false});
  llvm::StringMap<OnnxOperator> found;
  for (const onnx::OpSchema &schema :
       onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
    if (!normalDomain(schema.domain()).empty())
      continue;
    int64_t since = std::max(7, schema.since_version());
    Handler handler = registry.lookup("", schema.Name(), since);
    bool hasBody = schema.HasFunction() || schema.HasContextDependentFunction();
    if (schema.deprecated() || (!handler && !hasBody))
      continue;
    auto [entry, added] = found.try_emplace(
        schema.Name(), OnnxOperator{"", schema.Name(), since, !handler});
    if (!added && since < entry->second.since)
      entry->second.since = since;
  }
  for (const auto &entry : found)
    result.push_back(entry.second);
  llvm::sort(result, [](const OnnxOperator &a, const OnnxOperator &b) {
    return std::tie(a.domain, a.name) < std::tie(b.domain, b.name);
  });
  return result;
}
