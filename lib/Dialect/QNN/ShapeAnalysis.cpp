// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Replays SymbolicShapeOpInterface over a function.

#include "quantc/Dialect/QNN/ShapeAnalysis.h"

using namespace mlir;

namespace quantc::qnn {

SmallVector<StringRef> getSymbolNames(func::FuncOp func) {
  SmallVector<StringRef> names;
  if (auto symbols = func->getAttrOfType<ArrayAttr>(kSymbolsAttr))
    for (Attribute name : symbols)
      names.push_back(cast<StringAttr>(name).getValue());
  return names;
}

FailureOr<ShapeAnalysis> ShapeAnalysis::compute(func::FuncOp func) {
  MLIRContext *context = func.getContext();
  ShapeAnalysis analysis;
  SmallVector<Attribute> symbols;
  if (auto existing = func->getAttrOfType<ArrayAttr>(kSymbolsAttr))
    symbols.append(existing.begin(), existing.end());
  size_t known = symbols.size();

  for (BlockArgument argument : func.getArguments()) {
    auto type = dyn_cast<ShapedType>(argument.getType());
    if (!type || !type.hasRank())
      continue;
    unsigned index = argument.getArgNumber();
    SymbolicShape shape;
    auto named = func.getArgAttrOfType<AffineMapAttr>(index, kShapeAttr);
    if (named) {
      shape.assign(named.getValue().getResults().begin(),
                   named.getValue().getResults().end());
      if (shape.size() != size_t(type.getRank()))
        return func.emitError("expected '")
               << kShapeAttr << "' of argument " << index << " to have "
               << type.getRank() << " results, got " << shape.size();
      for (AffineExpr &dim : shape)
        dim = canonicalize(dim);
    } else {
      for (auto [i, extent] : llvm::enumerate(type.getShape())) {
        if (!ShapedType::isDynamic(extent)) {
          shape.push_back(getAffineConstantExpr(extent, context));
          continue;
        }
        auto name =
            StringAttr::get(context, "arg" + Twine(index) + "_" + Twine(i));
        // An earlier analysis may have named it already.
        auto it = llvm::find(symbols, name);
        shape.push_back(getAffineSymbolExpr(it - symbols.begin(), context));
        if (it == symbols.end())
          symbols.push_back(name);
      }
    }
    analysis.shapes[argument] = shape;
  }
  if (symbols.size() != known)
    func->setAttr(kSymbolsAttr, ArrayAttr::get(context, symbols));

  for (Operation &op : func.getBody().front().without_terminator())
    if (failed(analysis.update(&op)))
      return failure();
  return analysis;
}

LogicalResult ShapeAnalysis::update(Operation *op) {
  auto shaped = dyn_cast<SymbolicShapeOpInterface>(op);
  if (!shaped) {
    if (llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>))
      return success();
    return op->emitError("has no symbolic shape function");
  }
  SmallVector<SymbolicShape> operands, results;
  for (Value operand : op->getOperands()) {
    if (!contains(operand))
      return op->emitError("expected operands with a symbolic shape, got ")
             << operand.getType();
    operands.push_back(SymbolicShape(getShape(operand)));
  }
  if (failed(shaped.inferSymbolicShapes(operands, results)))
    return failure();
  assert(results.size() == op->getNumResults() && "one shape per result");
  for (auto [result, shape] : llvm::zip(op->getResults(), results)) {
    for (AffineExpr &dim : shape)
      dim = canonicalize(dim);
    if (auto unranked = dyn_cast<UnrankedTensorType>(result.getType()))
      result.setType(tensorTypeFor(shape, unranked.getElementType()));
    shapes[result] = shape;
  }
  return success();
}

} // namespace quantc::qnn
