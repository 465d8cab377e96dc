// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Turns the concatenation that makes a cache grow into an append to the
// caller's buffer.  How many rows that buffer has room for is a symbol of the
// function like any dimension, so the cache is a compact tensor of that many
// rows and its readers take slices: no type and no kernel argument needs
// strides, and a reader that cannot work on a slice gets a compact copy.

#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"

namespace quantc {
#define GEN_PASS_DEF_APPENDINPLACEPASS
#include "quantc/Codegen/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// The concatenation that returns argument `alias` with more rows as result
/// `index`, if neither is used as a whole elsewhere.
ConcatOp findAppend(func::FuncOp func, unsigned index, int64_t alias) {
  Operation *terminator = func.front().getTerminator();
  Value result = terminator->getOperand(index);
  auto concat = result.getDefiningOp<ConcatOp>();
  if (!concat || concat.getInputs().size() != 2 ||
      llvm::count(terminator->getOperands(), result) != 1)
    return {};
  auto argument = dyn_cast<BlockArgument>(concat.getInputs()[0]);
  if (!argument || int64_t(argument.getArgNumber()) != alias ||
      !argument.hasOneUse())
    return {};
  // Rows of less than a byte could not be copied one by one.
  Type element = cast<ShapedType>(argument.getType()).getElementType();
  bool wholeBytes =
      element.isIntOrFloat() && element.getIntOrFloatBitWidth() % 8 == 0;
  return wholeBytes ? concat : ConcatOp();
}

/// A name that no dimension has.
StringAttr uniqueName(func::FuncOp func, Twine text) {
  SmallVector<StringRef> names = getSymbolNames(func);
  std::string name = text.str();
  while (llvm::is_contained(names, name))
    name += "'";
  return StringAttr::get(func.getContext(), name);
}

AffineExpr addCapacity(func::FuncOp func, unsigned index) {
  auto name = func.getResultAttrOfType<StringAttr>(index, kNameAttr);
  StringAttr symbol =
      uniqueName(func, "capacity of " + (name ? name.getValue().str()
                                              : "output" + Twine(index).str()));
  SmallVector<Attribute> symbols;
  if (auto existing = func->getAttrOfType<ArrayAttr>(kSymbolsAttr))
    symbols.append(existing.begin(), existing.end());
  symbols.push_back(symbol);
  func->setAttr(kSymbolsAttr, ArrayAttr::get(func.getContext(), symbols));
  return getAffineSymbolExpr(symbols.size() - 1, func.getContext());
}

/// The rows in use, read by one consumer.
Value sliceFor(OpOperand &use, Value buffer, ArrayRef<AffineExpr> shape,
               unsigned numSymbols) {
  OpBuilder builder(use.getOwner());
  MLIRContext *context = builder.getContext();
  SmallVector<AffineExpr> zeros(shape.size(),
                                getAffineConstantExpr(0, context));
  SmallVector<int64_t> ones(shape.size(), 1);
  return SliceOp::create(builder, use.getOwner()->getLoc(), use.get().getType(),
                         buffer, AffineMap::get(0, numSymbols, zeros, context),
                         AffineMap::get(0, numSymbols, shape, context), ones);
}

void appendInPlace(func::FuncOp func, unsigned index, ConcatOp concat,
                   ArrayRef<AffineExpr> shape) {
  AffineExpr capacity = addCapacity(func, index);
  unsigned numSymbols = getSymbolNames(func).size();
  auto type = cast<RankedTensorType>(concat.getType());
  SmallVector<int64_t> room(type.getShape());
  room[concat.getAxis()] = ShapedType::kDynamic;
  OpBuilder builder(concat);
  auto append = AppendOp::create(builder, concat.getLoc(), type,
                                 type.clone(room), concat.getInputs()[0],
                                 concat.getInputs()[1], concat.getAxis(),
                                 AffineMap::get(0, numSymbols, capacity));
  for (OpOperand &use : llvm::make_early_inc_range(concat->getUses())) {
    bool returned = isa<func::ReturnOp>(use.getOwner());
    use.set(returned ? append.getPresent()
                     : sliceFor(use, append.getBuffer(), shape, numSymbols));
  }
  concat.erase();
}

struct AppendInPlacePass
    : public quantc::impl::AppendInPlacePassBase<AppendInPlacePass> {
  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    for (unsigned i = 0; i < func.getNumResults(); ++i) {
      auto alias = func.getResultAttrOfType<IntegerAttr>(i, kAliasAttr);
      if (!alias)
        continue;
      if (ConcatOp concat = findAppend(func, i, alias.getInt())) {
        SymbolicShape shape(shapes->getShape(concat.getResult()));
        appendInPlace(func, i, concat, shape);
        ++numInPlace;
        continue;
      }
      func.removeResultAttr(i, StringAttr::get(&getContext(), kAliasAttr));
      ++numCopied;
    }
  }
};

} // namespace
