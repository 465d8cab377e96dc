// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The importer's inside: what an ONNX value is while a model is read, what a
// node's handler may ask and build, and the table of handlers.
//
// A value is an `Entry`.  It may be known in up to three ways: as an SSA value,
// as a constant (an initializer that nobody has used yet), and as *shape data*:
// a small integer tensor whose elements are affine expressions of the dimension
// symbols.  Only what moves elements about takes those of rank 2 or more. Shape
// arithmetic is done on that data while importing, so the Shape, Gather, Concat
// chains of exporters leave nothing behind; an operation is built only when
// somebody needs the value itself.  A shape that only the run knows consists of
// symbols that qnn.bind_symbol binds (DataShapes.cpp).
//
// Handlers propagate null: a helper that fails has recorded the error and
// returns a null Value; every helper accepts null and passes it on.

#ifndef QUANTC_LIB_FRONTEND_ONNX_IMPORTER_H
#define QUANTC_LIB_FRONTEND_ONNX_IMPORTER_H

#include "Model.h"
#include "SymbolicMath.h"
#include "quantc/Dialect/QNN/Interface.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "llvm/ADT/StringSet.h"
#include <deque>
#include <map>
#include <optional>

namespace quantc::onnx_frontend {

class Importer;
class NodeImport;

using ShapeData = llvm::SmallVector<mlir::AffineExpr>;

struct Entry {
  enum class Kind { Tensor, List, Absent };
  /// `a tensor`, for messages.
  std::string kindName() const;

  /// A list is a sequence whose tensors are `elements`; an absent value is an
  /// optional without an element.  Both only have an element type.
  Kind kind = Kind::Tensor;
  llvm::SmallVector<Entry *> elements;
  std::string name;
  mlir::Type elementType;
  SymbolicShape shape;
  mlir::Value value;
  std::optional<TensorData> constant;
  std::optional<ShapeData> data;
  /// Symbols of the elements of a value that was needed as sizes; they hold
  /// under the guards that were in force.
  std::optional<ShapeData> bound;
  ShapeData boundGuards;
  /// Of a sum of products of codes (i32): the same sum rounded to f32.
  mlir::Value floatValue;
  /// Result of a node that is not supported; nodes that use it are skipped.
  bool poisoned = false;
  /// A tensor of strings; every node that reads it is not supported.
  bool isString = false;
};

/// An operand that may be absent, where null is no failure.
struct OptionalValue {
  mlir::Value value;
  operator mlir::Value() const { return value; }
};

using Handler = mlir::LogicalResult (*)(NodeImport &);

/// Handlers by domain, operator and the opset from which they read it.
class Registry {
public:
  static const Registry &get();
  void add(llvm::StringRef op, Handler handler, int64_t since = 1,
           llvm::StringRef domain = "");
  /// For an operator whose inputs may be sequences or optionals.
  void addForLists(llvm::StringRef op, Handler handler, int64_t since = 1) {
    add(op, handler, since);
    forLists.insert(op);
  }
  bool takesLists(llvm::StringRef op) const { return forLists.contains(op); }
  Handler lookup(llvm::StringRef domain, llvm::StringRef op,
                 int64_t opset) const;
  /// Domain and name of every operator.
  std::vector<std::pair<std::string, std::string>> names() const;

private:
  llvm::StringMap<llvm::SmallVector<std::pair<int64_t, Handler>, 1>> handlers;
  llvm::StringSet<> forLists;
};

void registerElementwise(Registry &registry);
void registerActivations(Registry &registry);
void registerConstants(Registry &registry);
void registerTensor(Registry &registry);
void registerLayout(Registry &registry);
void registerSlice(Registry &registry);
void registerNetwork(Registry &registry);
void registerReduce(Registry &registry);
void registerNormalization(Registry &registry);
void registerAttention(Registry &registry);
void registerScalar(Registry &registry);
void registerIndexing(Registry &registry);
void registerSearch(Registry &registry);
void registerTopK(Registry &registry);
void registerResize(Registry &registry);
void registerQuantized(Registry &registry);
void registerBlocks(Registry &registry);
void registerContrib(Registry &registry);
void registerQLinear(Registry &registry);
void registerContribAttention(Registry &registry);
void registerRecurrent(Registry &registry);
void registerWindows(Registry &registry);
void registerConvTranspose(Registry &registry);
void registerSignal(Registry &registry);
void registerFourier(Registry &registry);
void registerTfIdf(Registry &registry);
void registerSelection(Registry &registry);
void registerSampling(Registry &registry);
void registerControl(Registry &registry);
void registerLoops(Registry &registry);
void registerEinsum(Registry &registry);
void registerSequence(Registry &registry);

/// The names visible to the nodes of a graph or of one expanded function call.
struct Scope {
  /// The value of a name here or in a surrounding graph.
  bool lookup(llvm::StringRef name, Entry *&entry) const;

  llvm::StringMap<Entry *> values;
  /// The scope around a subgraph.
  const Scope *parent = nullptr;
  /// Attributes of the call, for references from the function's nodes.
  llvm::StringMap<const onnx::AttributeProto *> attributes;
  llvm::StringMap<int64_t> opsets;
  /// Names that some node or output uses.
  llvm::StringSet<> used;
  /// Path of the calls, in front of node names.
  std::string prefix;
  bool isFunction = false;
};

/// Imports one model into one module.
class Importer {
public:
  Importer(std::shared_ptr<Model> model, mlir::MLIRContext &context,
           const ImportOptions &options, Error &error);

  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> run();

  Entry *newEntry(llvm::StringRef name);
  /// The entry's SSA value, built at the current insertion point when needed.
  mlir::Value materialize(Entry &entry);
  /// Records shape data on entries of small integer constants.
  void trackConstant(Entry &entry);
  Entry *constantEntry(llvm::StringRef name, TensorData data);

  llvm::SmallVector<llvm::StringRef> symbolNames() const;
  std::string text(mlir::AffineExpr expr) const;
  mlir::AffineMap map(llvm::ArrayRef<mlir::AffineExpr> exprs);
  mlir::AffineExpr expr(int64_t value);
  void addCheck(mlir::Location loc, mlir::AffineExpr expr, bool isEquality,
                const llvm::Twine &message);
  /// A symbol that no dimension has, named after `name`.
  mlir::AffineExpr newSymbol(llvm::StringRef name);
  /// What must hold for the nodes that are imported now to be needed: inside
  /// of a branch its condition.  Null when nothing must.
  mlir::AffineMapAttr guardAttr();
  bool failedAlready() const { return hasError; }
  struct Unsupported {
    int64_t count = 0;
    llvm::SmallVector<std::string, 3> nodes;
    std::string reason;
  };
  /// What has been imported so far; see rollback().
  struct Mark {
    mlir::Operation *last;
    size_t entries, symbols;
    llvm::DenseSet<std::pair<mlir::IntegerSet, mlir::Attribute>> checks;
    std::map<std::string, Unsupported> unsupported;
  };
  Mark mark();
  /// Forgets what was imported since, an error included.
  void rollback(const Mark &mark);
  /// Bodies of loops imported on trial, to find out what their values become.
  size_t trials = 0;
  mlir::LogicalResult fail(const llvm::Twine &message,
                           Status status = Status::Refused);

  std::shared_ptr<Model> model;
  mlir::MLIRContext &context;
  const ImportOptions &options;
  mlir::OpBuilder builder;
  qnn::ShapeAnalysis shapes;
  ShapeData guards;

private:
  friend class NodeImport;
  friend class Subgraphs;
  friend struct RunTimeLoop;

  mlir::LogicalResult addInputs(mlir::func::FuncOp func);
  mlir::LogicalResult
  checkOptions(llvm::ArrayRef<const onnx::ValueInfoProto *> inputs);
  mlir::LogicalResult addInput(mlir::func::FuncOp func,
                               const onnx::ValueInfoProto &input);
  mlir::FailureOr<Entry *> addSequence(mlir::func::FuncOp func,
                                       const onnx::ValueInfoProto &input,
                                       const ValueForm &form);
  mlir::LogicalResult
  sequenceShapes(const onnx::ValueInfoProto &input, const ValueForm &form,
                 llvm::SmallVectorImpl<llvm::SmallVector<int64_t>> &shapes);
  mlir::LogicalResult bindValues(Entry &entry,
                                 const onnx::TensorShapeProto &declared,
                                 llvm::StringRef text);
  Entry *addArgument(mlir::func::FuncOp func, llvm::StringRef name,
                     mlir::Type element, SymbolicShape shape);
  SymbolicShape inputShape(llvm::StringRef input,
                           const onnx::TensorShapeProto &declared);
  mlir::AffineExpr symbol(llvm::StringRef name);
  std::optional<mlir::AffineExpr> dimExpression(llvm::StringRef text);
  mlir::LogicalResult addInitializers();
  mlir::LogicalResult
  importNodes(const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
              Scope &scope);
  mlir::LogicalResult importNode(const onnx::NodeProto &node, Scope &scope,
                                 size_t index);
  mlir::LogicalResult importCall(const onnx::FunctionProto &function,
                                 NodeImport &call, Scope &scope);
  /// The operator's definition in terms of others, for this node; null when
  /// ONNX gives none.
  const onnx::FunctionProto *schemaBody(NodeImport &call,
                                        llvm::StringRef domain);
  mlir::LogicalResult importOperator(NodeImport &import, Handler handler,
                                     llvm::StringRef domain, Scope &scope);
  /// A definition in ONNX's text, parsed once.
  const onnx::FunctionProto *parseDefinition(llvm::StringRef text);
  /// Imports a subgraph of a node in place.
  mlir::LogicalResult importGraph(const onnx::GraphProto &graph,
                                  NodeImport &owner,
                                  llvm::ArrayRef<Entry *> inputs,
                                  llvm::SmallVectorImpl<Entry *> &outputs);
  mlir::LogicalResult addOutputs(mlir::func::FuncOp func);
  qnn::InterfaceValue
  outputValue(llvm::StringRef name, const Entry &entry,
              llvm::SmallVectorImpl<std::pair<std::string, Entry *>> &parts);
  mlir::LogicalResult checkOutput(const onnx::ValueInfoProto &output,
                                  Entry &entry);
  const onnx::FunctionProto *findFunction(const onnx::NodeProto &node) const;
  mlir::LogicalResult countExpansion();
  mlir::LogicalResult
  countFunction(const onnx::FunctionProto &function,
                llvm::SmallVectorImpl<const onnx::FunctionProto *> &path,
                int64_t &nodes);
  void noteUnsupported(const onnx::NodeProto &node, int64_t opset,
                       llvm::StringRef nodeName, llvm::StringRef reason);
  mlir::LogicalResult reportUnsupported();
  void setModuleAttributes(mlir::ModuleOp module);

  Error &error;
  bool hasError = false;
  std::deque<Entry> entries;
  Scope main;
  llvm::SmallVector<std::string> symbols;
  llvm::StringSet<> directSymbols;
  /// By what was bound, the symbol and the guards of the branch that knows it.
  std::map<std::pair<const void *, const void *>,
           std::pair<mlir::AffineExpr, ShapeData>>
      boundSymbols;
  llvm::SmallVector<Entry *> arguments;
  qnn::Interface inputValues;
  llvm::DenseSet<std::pair<mlir::IntegerSet, mlir::Attribute>> checks;
  std::map<std::string, Unsupported> unsupported;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  /// Nodes that a function expands to, once counted.
  llvm::DenseMap<const onnx::FunctionProto *, int64_t> expansion;
  /// Definitions that nodes were expanded by.
  std::deque<onnx::FunctionProto> bodies;
  llvm::StringMap<const onnx::FunctionProto *> definitions;
  /// The last error diagnostic of the IR.
  std::string diagnostic;
};

/// One node while its handler runs.
class NodeImport {
public:
  NodeImport(Importer &importer, const onnx::NodeProto &node, Scope &scope,
             int64_t opset, std::string name);

  // Inputs.
  size_t numInputs() const { return inputs.size(); }
  bool has(size_t index) const {
    return index < inputs.size() && inputs[index];
  }
  /// The input's entry; null and an error when it is missing.
  Entry *input(size_t index);
  mlir::Value value(size_t index);
  /// A constant input's elements; an empty optional when it is not constant.
  std::optional<llvm::SmallVector<int64_t>> constantInts(size_t index);
  std::optional<llvm::SmallVector<double>> constantFloats(size_t index);
  std::optional<double> constantScalar(size_t index);
  /// Shape data of an input of rank 0 or 1, or null.
  const ShapeData *data(size_t index);
  /// Shape data of an input of any rank, row by row, or null.
  const ShapeData *table(size_t index);
  /// An input whose elements are sizes: its shape data, or symbols that the run
  /// binds to them, after it has checked that they are not negative ("node 'n'
  /// needs `what`").  Null after an error.
  const ShapeData *sizes(size_t index, const llvm::Twine &what);
  /// The one element of such an input; `name` is what an error calls it.
  mlir::FailureOr<mlir::AffineExpr> size(size_t index, const llvm::Twine &name,
                                         const llvm::Twine &what);
  /// The number of elements of a scalar or vector; an error if only the run
  /// knows it.
  mlir::FailureOr<int64_t> elements(size_t index);
  /// A symbol that the run binds to an element of an integer tensor, after it
  /// has checked that this is not negative.
  mlir::AffineExpr bind(mlir::Value tensor, int64_t element,
                        const llvm::Twine &symbolName, const llvm::Twine &what);
  /// What `make` binds for `key`, made only once; null after an error.
  mlir::AffineExpr bindOnce(std::pair<mlir::AffineExpr, mlir::AffineExpr> key,
                            llvm::function_ref<mlir::AffineExpr()> make);
  /// Symbols for all elements of a vector of known length.
  mlir::FailureOr<ShapeData> bindAll(mlir::Value vector,
                                     const llvm::Twine &symbolName,
                                     const llvm::Twine &what);

  // Attributes.  A wrong type is an error and gives the default.
  const onnx::AttributeProto *attribute(llvm::StringRef name) const;
  int64_t intAttr(llvm::StringRef name, int64_t fallback);
  float floatAttr(llvm::StringRef name, float fallback);
  std::string stringAttr(llvm::StringRef name, llvm::StringRef fallback);
  std::optional<llvm::SmallVector<int64_t>> intsAttr(llvm::StringRef name);
  /// The attribute before `opset`, the constant input from then on; an empty
  /// optional when neither is given, an error when the input is not constant.
  mlir::FailureOr<std::optional<llvm::SmallVector<int64_t>>>
  intsAttrOrInput(llvm::StringRef name, size_t index, int64_t sinceOpset);

  // Results.
  size_t numOutputs() const { return node.output_size(); }
  bool isOutputUsed(size_t index) const;
  mlir::LogicalResult result(mlir::Value value, size_t index = 0);
  mlir::LogicalResult resultEntry(Entry *entry, size_t index = 0);
  /// What a cast of the result to float gives, when it is more than the cast.
  mlir::LogicalResult floatResult(mlir::Value value, size_t index = 0);
  /// Imports the node by its definition in terms of others: the text of an
  /// ONNX function without header, `(a, b) => (c) { c = Add(a, b) }`.
  mlir::LogicalResult define(llvm::StringRef text);
  /// Refuses operators of other domains with inputs, outputs or attributes that
  /// the handler does not know; `attributes` are separated by spaces.
  mlir::LogicalResult expect(size_t minInputs, size_t maxInputs,
                             size_t maxOutputs, llvm::StringRef attributes);
  /// A result that is known as shape data.  `rank` is 0 or 1.
  mlir::LogicalResult resultData(mlir::Type elementType, ShapeData data,
                                 size_t rank, size_t index = 0);
  /// The same for a constant shape of any rank.
  mlir::LogicalResult resultTable(mlir::Type elementType, ShapeData data,
                                  llvm::ArrayRef<mlir::AffineExpr> shape);

  // Errors.
  mlir::LogicalResult error(const llvm::Twine &message,
                            Status status = Status::Refused);
  /// The node is legal but not something quantc can express.
  mlir::LogicalResult unsupported(llvm::StringRef reason);

  // Shapes.
  SymbolicShape shape(mlir::Value value) const;
  size_t rank(mlir::Value value) const { return shape(value).size(); }
  mlir::Type elementType(mlir::Value value) const;
  /// `axis` in [0, rank), from one in [-rank, rank); an error otherwise.
  mlir::FailureOr<int64_t> axis(int64_t axis, size_t rank);
  mlir::LogicalResult normalizeAxes(llvm::SmallVectorImpl<int64_t> &axes,
                                    size_t rank);
  /// Demands `expr` >= 0 (== 0): proves it, refuses, or leaves a run-time check
  /// whose message is "node 'n' needs `message`".
  mlir::LogicalResult needNonNegative(mlir::AffineExpr expr,
                                      const llvm::Twine &message);
  mlir::LogicalResult needAtMost(mlir::AffineExpr small,
                                 mlir::AffineExpr large);
  mlir::LogicalResult needEqual(mlir::AffineExpr a, mlir::AffineExpr b);
  /// The same for the dimensions of two shapes of one rank.
  mlir::LogicalResult needSame(llvm::ArrayRef<mlir::AffineExpr> a,
                               llvm::ArrayRef<mlir::AffineExpr> b);
  /// Demands `expr` == 0, with its own words for that.
  mlir::LogicalResult needZero(mlir::AffineExpr expr,
                               const llvm::Twine &message);
  /// Ties the dimensions of a numpy broadcast.
  mlir::LogicalResult tieBroadcast(llvm::ArrayRef<mlir::AffineExpr> a,
                                   llvm::ArrayRef<mlir::AffineExpr> b);

  // Building.
  mlir::OpBuilder &builder() { return importer.builder; }
  mlir::AffineExpr expr(int64_t value) { return importer.expr(value); }
  mlir::Value scalar(mlir::Type elementType, double value);
  mlir::Value reshape(mlir::Value value,
                      llvm::ArrayRef<mlir::AffineExpr> shape);
  mlir::Value broadcastTo(mlir::Value value,
                          llvm::ArrayRef<mlir::AffineExpr> shape);
  mlir::Value transpose(mlir::Value value, llvm::ArrayRef<int64_t> permutation);
  mlir::Value reduce(qnn::ReduceKind kind, mlir::Value value,
                     llvm::ArrayRef<int64_t> axes, bool keepDims);
  mlir::Value cast(mlir::Value value, mlir::Type elementType);
  mlir::Value range(mlir::Type elementType, mlir::AffineExpr start,
                    mlir::AffineExpr size, int64_t step);
  mlir::Value slice(mlir::Value value, llvm::ArrayRef<mlir::AffineExpr> starts,
                    llvm::ArrayRef<mlir::AffineExpr> sizes,
                    llvm::ArrayRef<int64_t> steps);
  /// Operands broadcast and their dimensions are tied.
  template <typename OpTy>
  mlir::Value binary(mlir::Value lhs, mlir::Value rhs,
                     mlir::Type elementType = {}) {
    if (!lhs || !rhs || mlir::failed(tieBroadcast(shape(lhs), shape(rhs))))
      return {};
    return create<OpTy>(elementType ? elementType : this->elementType(lhs), lhs,
                        rhs);
  }
  /// Builds an operation whose result shape is inferred.  Null operands and
  /// failures give null.
  template <typename OpTy, typename... Args>
  mlir::Value create(mlir::Type elementType, Args &&...args) {
    if ((isNull(args) || ...))
      return {};
    return finish(qnn::createInferred<OpTy>(importer.builder, importer.shapes,
                                            loc, elementType,
                                            std::forward<Args>(args)...));
  }

  Importer &importer;
  const onnx::NodeProto &node;
  Scope &scope;
  int64_t opset;
  std::string name;
  mlir::Location loc;
  llvm::SmallVector<Entry *> inputs;

private:
  friend class Importer;
  friend class Subgraphs;

  template <typename T> static bool isNull(const T &value) {
    if constexpr (std::is_convertible_v<T, mlir::Value> &&
                  std::is_base_of_v<mlir::Value, std::decay_t<T>>)
      return !value;
    return false;
  }
  template <typename OpTy> mlir::Value finish(OpTy op) {
    if (op)
      return checkSize(op.getResult());
    reportDiagnostic();
    return {};
  }
  mlir::Value checkSize(mlir::Value value);
  /// Turns the last diagnostic into this node's error.
  void reportDiagnostic();
  const onnx::AttributeProto *
  typedAttribute(llvm::StringRef name,
                 onnx::AttributeProto::AttributeType type);

  llvm::SmallVector<Entry *> outputs;
  bool isUnsupported = false;
  std::string unsupportedReason;
};

/// Element type classes that operators accept.  Small floats (of at most a
/// byte) and small integers (of less) are for conversions and movement only.
bool isFloat(mlir::Type type);
bool isSmallFloat(mlir::Type type);
bool isInt(mlir::Type type);
bool isSmallInt(mlir::Type type);
bool isBool(mlir::Type type);
using TypeClass = bool (*)(mlir::Type);
inline bool isNumber(mlir::Type type) { return isFloat(type) || isInt(type); }
inline bool isAny(mlir::Type type) { return isNumber(type) || isBool(type); }
/// All operands have the first one's element type and it is of the class.  Null
/// operands fail.
mlir::LogicalResult sameType(NodeImport &n,
                             llvm::ArrayRef<mlir::Value> operands,
                             TypeClass allowed);

/// numpy's matmul of numbers, dimensions tied.
mlir::Value matmul(NodeImport &n, mlir::Value a, mlir::Value b);

using ShapeFunction = llvm::function_ref<std::optional<mlir::AffineExpr>(
    llvm::ArrayRef<mlir::AffineExpr>)>;
/// Gives the node's result as shape data when every input is shape data and
/// `function` decides every element.
bool foldShapeData(NodeImport &n, mlir::Type resultType,
                   ShapeFunction function);

/// The nodes in an order in which every value comes before its uses; the given
/// order when it is one.  `sorted` says whether it was.  A cycle is an error
/// that prints it.
mlir::FailureOr<llvm::SmallVector<int>> topologicalOrder(
    const google::protobuf::RepeatedPtrField<onnx::NodeProto> &nodes,
    const llvm::StringMap<Entry *> &known, bool &sorted, Error &error);

/// Calls `visit` with every name that the node reads, its subgraphs included.
void forEachUse(const onnx::NodeProto &node,
                llvm::function_ref<void(const std::string &)> visit);

/// Brings a node of an opset before 7 into the form of opset 7.
mlir::LogicalResult upgradeNode(NodeImport &n);

/// Runs the ONNX checker on one node.
mlir::LogicalResult checkNode(const onnx::NodeProto &node, const Scope &scope,
                              int64_t irVersion, Error &error);

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_IMPORTER_H
