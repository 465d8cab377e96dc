// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Graph inputs: named dimensions become symbols, tensors become arguments, and
// what the caller decides before the run (ImportOptions) becomes constants.  A
// sequence is as many arguments as it has tensors, each with symbols of its own
// for its dimensions; an optional is its element, or absent.

#include "Importer.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CheckedArithmetic.h"

using namespace mlir;

namespace quantc::onnx_frontend {

using InputShape = SmallVector<int64_t>; // kDynamic where nothing is known

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

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

SymbolicShape Importer::inputShape(StringRef input,
                                   const onnx::TensorShapeProto &declared) {
  SymbolicShape shape;
  for (const auto &[i, dim] : llvm::enumerate(declared.dim())) {
    if (dim.has_dim_value()) {
      shape.push_back(expr(dim.dim_value()));
      continue;
    }
    std::string name = dim.dim_param();
    if (name.empty())
      name = (input + "_d" + Twine(i)).str();
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
// Bindings
//===----------------------------------------------------------------------===//

/// The shapes in `[4,?],[]`; none when the text is something else.
static std::optional<SmallVector<InputShape>> parseShapes(StringRef text) {
  SmallVector<InputShape> shapes;
  while (!text.empty()) {
    if (!shapes.empty() && !text.consume_front(","))
      return std::nullopt;
    size_t end = text.find(']');
    if (!text.consume_front("[") || end == StringRef::npos)
      return std::nullopt;
    InputShape &shape = shapes.emplace_back();
    SmallVector<StringRef> dims;
    text.take_front(end - 1).split(dims, ',', -1, /*KeepEmpty=*/false);
    for (StringRef dim : dims) {
      int64_t extent = ShapedType::kDynamic;
      if (dim != "?" && (dim.getAsInteger(10, extent) || extent < 0))
        return std::nullopt;
      shape.push_back(extent);
    }
    text = text.drop_front(end);
  }
  return shapes;
}

/// Appends the bytes of one number; false if the type cannot hold it.
static bool appendNumber(StringRef text, Type type, std::vector<char> &bytes) {
  if (auto floating = dyn_cast<FloatType>(type)) {
    double number = 0;
    if (text.getAsDouble(number))
      return false;
    llvm::APFloat value(number);
    bool lost = false;
    value.convert(floating.getFloatSemantics(),
                  llvm::APFloat::rmNearestTiesToEven, &lost);
    uint64_t bits = value.bitcastToAPInt().getZExtValue();
    const char *data = reinterpret_cast<const char *>(&bits);
    bytes.insert(bytes.end(), data,
                 data + std::max(8u, floating.getWidth()) / 8);
    return true;
  }
  llvm::APInt value;
  bool isNegative = text.consume_front("-");
  if (text.getAsInteger(10, value))
    return false;
  value = value.zext(value.getBitWidth() + 1);
  if (isNegative)
    value.negate();
  unsigned width = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger() || width == 1
          ? isNegative || !value.isIntN(width)
          : !value.isSignedIntN(width))
    return false;
  int64_t extended = value.sextOrTrunc(64).getSExtValue();
  const char *data = reinterpret_cast<const char *>(&extended);
  bytes.insert(bytes.end(), data, data + std::max(8u, width) / 8);
  return true;
}

/// An input of known elements, as `0,2` says them.
LogicalResult Importer::bindValues(Entry &entry,
                                   const onnx::TensorShapeProto &declared,
                                   StringRef text) {
  auto what = "--bind " + quote(entry.name);
  SmallVector<StringRef> numbers;
  text.split(numbers, ',', -1, /*KeepEmpty=*/false);
  int64_t given = numbers.size(), count = 1;
  SmallVector<int64_t> shape;
  for (const auto &dim : declared.dim()) {
    bool isFree = !dim.has_dim_value() && declared.dim_size() == 1;
    if (!isFree && !dim.has_dim_value())
      return fail("expected the shape of input " + quote(entry.name) +
                      " to be known for " + what,
                  Status::Usage);
    shape.push_back(isFree ? given : dim.dim_value());
    auto product = llvm::checkedMul(count, shape.back());
    count = product.value_or(-1);
  }
  if (count != given)
    return fail("expected " + Twine(count) + " numbers for " + what + ", got " +
                    Twine(given),
                Status::Usage);
  std::vector<char> bytes;
  for (StringRef number : numbers)
    if (!appendNumber(number.trim(), entry.elementType, bytes))
      return fail("expected numbers of the input's element type for " + what +
                      ", got " + quote(number),
                  Status::Usage);
  for (int64_t dim : shape)
    entry.shape.push_back(expr(dim));
  entry.constant = ownTensor(entry.elementType, shape, std::move(bytes));
  trackConstant(entry);
  return success();
}

/// The shapes of a sequence's tensors.
LogicalResult Importer::sequenceShapes(const onnx::ValueInfoProto &input,
                                       const ValueForm &form,
                                       SmallVectorImpl<InputShape> &shapes) {
  constexpr int64_t maxLength = 4096;
  auto what = "--bind " + quote(input.name());
  auto bound = options.bind.find(input.name());
  if (bound == options.bind.end())
    return fail("graph input " + quote(input.name()) +
                " is a sequence, whose length is needed: --bind " +
                input.name() + "=LENGTH");
  StringRef text = bound->second;
  InputShape declared(form.tensor->shape().dim_size(), ShapedType::kDynamic);
  for (auto [extent, dim] : llvm::zip(declared, form.tensor->shape().dim()))
    if (dim.has_dim_value())
      extent = dim.dim_value();
  int64_t length = 0;
  if (!text.getAsInteger(10, length)) {
    if (length < 0 || length > maxLength)
      return fail("expected a length from 0 to 4096 for " + what + ", got " +
                      text,
                  Status::Usage);
    if (length && !form.tensor->has_shape())
      return fail(
          "the model does not say the rank of the tensors in sequence " +
              quote(input.name()) + "; give their shapes: --bind " +
              input.name() + "=[?,3],[5,3]",
          Status::Usage);
    shapes.assign(length, declared);
    return success();
  }
  auto parsed = parseShapes(text);
  if (!parsed || parsed->size() > size_t(maxLength))
    return fail("expected a length or shapes like [4,?],[5,?] for " + what +
                    ", got " + quote(text),
                Status::Usage);
  for (const InputShape &shape : *parsed) {
    bool fits = !form.tensor->has_shape() || shape.size() == declared.size();
    for (size_t i = 0; fits && form.tensor->has_shape() && i < shape.size();
         ++i)
      fits = ShapedType::isDynamic(declared[i]) || shape[i] == declared[i] ||
             ShapedType::isDynamic(shape[i]);
    if (!fits || shape.size() > size_t(kMaxRank))
      return fail("the shapes of " + what +
                      " do not fit those that the model declares",
                  Status::Usage);
  }
  shapes.assign(parsed->begin(), parsed->end());
  for (InputShape &shape : shapes)
    for (size_t i = 0; form.tensor->has_shape() && i < shape.size(); ++i)
      if (ShapedType::isDynamic(shape[i]))
        shape[i] = declared[i];
  return success();
}

//===----------------------------------------------------------------------===//
// Arguments
//===----------------------------------------------------------------------===//

Entry *Importer::addArgument(func::FuncOp func, StringRef name, Type element,
                             SymbolicShape shape) {
  Location loc = NameLoc::get(builder.getStringAttr(name));
  Entry *entry = newEntry(name);
  entry->elementType = element;
  entry->value =
      func.getBody().front().addArgument(tensorTypeFor(shape, element), loc);
  shapes.setShape(entry->value, shape);
  entry->shape = std::move(shape);
  arguments.push_back(entry);
  return entry;
}

FailureOr<Entry *> Importer::addSequence(func::FuncOp func,
                                         const onnx::ValueInfoProto &input,
                                         const ValueForm &form) {
  SmallVector<InputShape> elements;
  if (failed(sequenceShapes(input, form, elements)))
    return failure();
  Entry *list = newEntry(input.name());
  list->kind = Entry::Kind::List;
  list->elementType = elementTypeOf(form.tensor->elem_type(), &context);
  for (auto [i, element] : llvm::enumerate(elements)) {
    std::string name = input.name() + "." + std::to_string(i);
    SymbolicShape shape;
    for (auto [axis, extent] : llvm::enumerate(element))
      shape.push_back(ShapedType::isDynamic(extent)
                          ? symbol(name + "_d" + std::to_string(axis))
                          : expr(extent));
    list->elements.push_back(
        addArgument(func, name, list->elementType, std::move(shape)));
  }
  return list;
}

LogicalResult Importer::addInput(func::FuncOp func,
                                 const onnx::ValueInfoProto &input) {
  ValueForm form(input.type());
  auto bound = options.bind.find(input.name());
  bool isBound = bound != options.bind.end();
  Type element = elementTypeOf(form.tensor->elem_type(), &context);
  qnn::InterfaceValue value;
  value.name = input.name();
  Entry *entry = nullptr;
  if (form.isOptional && isBound && bound->second == "none") {
    entry = newEntry(input.name());
    entry->kind = Entry::Kind::Absent;
    entry->elementType = value.elementType = element;
    value.kind = qnn::InterfaceValue::Kind::Absent;
    value.count = 0;
  } else if (form.isSequence) {
    auto list = addSequence(func, input, form);
    if (failed(list))
      return failure();
    entry = *list;
    value.kind = qnn::InterfaceValue::Kind::Sequence;
    value.count = entry->elements.size();
  } else if (isBound) {
    entry = newEntry(input.name());
    entry->elementType = element;
    main.values[input.name()] = entry;
    return bindValues(*entry, form.tensor->shape(), bound->second);
  } else {
    entry = addArgument(func, input.name(), element,
                        inputShape(input.name(), form.tensor->shape()));
  }
  main.values[input.name()] = entry;
  inputValues.push_back(std::move(value));
  return success();
}

LogicalResult
Importer::checkOptions(ArrayRef<const onnx::ValueInfoProto *> inputs) {
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
  for (const auto &bound : options.bind)
    if (llvm::none_of(inputs, [&](const auto *input) {
          return input->name() == bound.first();
        }))
      return fail("no input is called " + quote(bound.first()) + " to bind",
                  Status::Usage);
  return success();
}

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
    if (options.bind.contains(input.name()))
      continue;
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (isPlainName(dim.dim_param()))
        directSymbols.insert(dim.dim_param());
  }
  if (failed(checkOptions(inputs)))
    return failure();
  for (const auto *input : inputs)
    if (failed(addInput(func, *input)))
      return failure();
  return success();
}

} // namespace quantc::onnx_frontend
