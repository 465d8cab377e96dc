// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes that only the run knows: elements of integer tensors become symbols
// that qnn.bind_symbol binds.  A symbol is never negative, so what an operator
// makes of its operands (a -1 in a shape, a bound counted from the end) is
// computed first, by a small program, and the result is bound.

#include "Program.h"

using namespace mlir;

namespace quantc::onnx_frontend {

AffineExpr Importer::newSymbol(StringRef name) {
  std::string unique = name.str();
  while (llvm::is_contained(symbols, unique))
    unique += "'";
  symbols.push_back(unique);
  return getAffineSymbolExpr(symbols.size() - 1, &context);
}

AffineMapAttr Importer::guardAttr() {
  return guards.empty() ? AffineMapAttr() : AffineMapAttr::get(map(guards));
}

AffineExpr NodeImport::bind(Value tensor, int64_t element,
                            const Twine &symbolName, const Twine &what) {
  AffineExpr symbol = importer.newSymbol(symbolName.str());
  unsigned position = cast<AffineSymbolExpr>(symbol).getPosition();
  qnn::BindSymbolOp::create(
      builder(), loc, tensor, position, element,
      builder().getStringAttr("node " + quote(name) + " needs " + what),
      importer.guardAttr());
  return symbol;
}

/// Whether what was bound under `guards` is known here.
static bool isKnownHere(const Importer &importer, ArrayRef<AffineExpr> guards) {
  ArrayRef<AffineExpr> here = importer.guards;
  return here.take_front(guards.size()) == guards;
}

AffineExpr NodeImport::bindOnce(std::pair<AffineExpr, AffineExpr> key,
                                llvm::function_ref<AffineExpr()> make) {
  auto &[symbol, guards] = importer.boundSymbols[{
      key.first.getAsOpaquePointer(), key.second.getAsOpaquePointer()}];
  if (!symbol || !isKnownHere(importer, guards)) {
    symbol = make();
    guards = importer.guards;
  }
  return symbol;
}

FailureOr<ShapeData> NodeImport::bindAll(Value vector, const Twine &symbolName,
                                         const Twine &what) {
  if (!vector)
    return failure();
  std::string base = symbolName.str();
  ShapeData result;
  bool isScalar = rank(vector) == 0;
  int64_t count = isScalar ? 1 : staticExtent(shape(vector)[0]);
  for (int64_t i = 0; i < count; ++i)
    result.push_back(bind(
        vector, i, isScalar ? Twine(base) : base + "[" + Twine(i) + "]", what));
  return result;
}

FailureOr<int64_t> NodeImport::elements(size_t index) {
  constexpr int64_t limit = 64;
  Entry *entry = input(index);
  if (!entry)
    return failure();
  int64_t count = entry->shape.empty() ? 1 : staticExtent(entry->shape[0]);
  if (entry->shape.size() > 1)
    return error("expected input " + Twine(index) + " of rank 0 or 1, got " +
                 Twine(entry->shape.size()));
  if (ShapedType::isDynamic(count))
    return error("the number of elements of input " + Twine(index) +
                 " depends on run-time data");
  if (count > limit)
    return error("expected at most " + Twine(limit) + " elements of input " +
                 Twine(index) + ", got " + Twine(count));
  return count;
}

const ShapeData *NodeImport::sizes(size_t index, const Twine &what) {
  if (const ShapeData *known = data(index))
    return known;
  Entry *entry = input(index);
  if (!entry || failed(elements(index)))
    return nullptr;
  // What was bound in a branch is known in that branch only.
  if (entry->bound && isKnownHere(importer, entry->boundGuards))
    return &*entry->bound;
  Value value = importer.materialize(*entry);
  if (value && !isBool(elementType(value)) &&
      !elementType(value).isSignlessInteger(32))
    value = cast(value, builder().getI64Type());
  auto bound = bindAll(value, entry->name, what);
  if (failed(bound))
    return nullptr;
  entry->bound = std::move(*bound);
  entry->boundGuards = importer.guards;
  return &*entry->bound;
}

FailureOr<AffineExpr> NodeImport::size(size_t index, const Twine &name,
                                       const Twine &what) {
  const ShapeData *given = sizes(index, what);
  if (!given)
    return failure();
  if (given->size() != 1)
    return error("expected " + name + " with 1 element");
  return given->front();
}

Value computeList(NodeImport &n, size_t size, ArrayRef<Value> inputs,
                  llvm::function_ref<Values(Program &)> body) {
  Type i64 = n.builder().getI64Type();
  return compute(n, i64, {n.expr(size)}, inputs, [&](Program &p) {
    Values list = body(p);
    if (list.empty())
      return p.integer(i64, 0);
    Value chosen = list.back();
    for (size_t i = list.size() - 1; i-- > 0;)
      chosen = p.select(p.equal(p.at(0), p.index(i)), list[i], chosen);
    return p.fromIndex(chosen, i64);
  });
}

} // namespace quantc::onnx_frontend
