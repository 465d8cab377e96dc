// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reference is cloned into a copy of the candidate; what both compute alike
// becomes one when the program is compiled.

#include "LayerProgram.h"
#include "mlir/IR/IRMapping.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Dialect/QNN/NodeNames.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace quantc::qnn;

namespace quantc {

OpOperand &dataOperand(WeightedOpInterface layer) {
  return layer->getOpOperand(
      layer.getWeightOperand().getOperandNumber() == 0 ? 1 : 0);
}

Value beforeQuantization(Value value) {
  if (auto quantize = value.getDefiningOp<QuantizeOp>())
    return quantize.getInput();
  auto rounding = value.getDefiningOp<CastOp>();
  return rounding && getElementTypeOrSelf(value).isBF16() ? rounding.getInput()
                                                          : value;
}

namespace {

struct NamedLayer {
  std::string name;
  WeightedOpInterface op;
};

/// Linears, convolutions and look-ups with constant float or encoded weights,
/// by their first node; of several from one node, the second is `NODE~1`.
std::vector<NamedLayer> collectLayers(func::FuncOp func) {
  ConstantExpressions constants;
  llvm::StringMap<unsigned> counts;
  std::vector<NamedLayer> layers;
  func.walk([&](WeightedOpInterface op) {
    Value weight = op.getWeightOperand().get();
    if (!constants.contains(beforeQuantization(weight)) ||
        op->getNumResults() != 1)
      return;
    auto type = cast<ShapedType>(weight.getType());
    if (!isa<FloatType>(type.getElementType()) || type.getRank() < 2)
      return;
    SmallVector<StringRef> names;
    collectNodeNames(op->getLoc(), names);
    std::string name =
        names.empty() ? op->getName().stripDialect().str() : names[0].str();
    unsigned count = counts[name]++;
    layers.push_back({count ? name + "~" + std::to_string(count) : name, op});
  });
  return layers;
}

class Merger {
public:
  Merger(func::FuncOp reference, func::FuncOp candidate, LayerProgram &program)
      : reference(reference), candidate(candidate), program(program),
        builder(reference.getContext()) {}

  std::optional<Error> run();

private:
  std::optional<Error> checkInputs();
  void matchLayers();
  void copy();
  /// What the layer gives for the reference's input, or null.
  Value computeAlone(const ComparedLayer &layer);
  /// What rewrites make of a value before the layer reads it, or null.
  Value transform(Value value, Operation *source);
  size_t addResult(Value value);

  func::FuncOp reference, candidate, merged;
  LayerProgram &program;
  OpBuilder builder;
  IRMapping ofReference, ofCandidate;
  SmallVector<Value> results;
};

std::optional<Error> Merger::checkInputs() {
  if (hasLoops(reference) || hasLoops(candidate))
    return Error{Status::Refused,
                 "a model with a loop whose number of iterations depends on "
                 "run-time data cannot be compared layer by layer; compare "
                 "its outputs"};
  auto refuse = [](const std::string &why) {
    return Error{Status::Refused,
                 "reference and candidate do not have the same inputs: " + why};
  };
  if (reference.getNumArguments() != candidate.getNumArguments())
    return refuse(std::to_string(reference.getNumArguments()) + " and " +
                  std::to_string(candidate.getNumArguments()));
  if (reference->getAttr(kSymbolsAttr) != candidate->getAttr(kSymbolsAttr))
    return refuse("their named dimensions differ");
  for (unsigned i = 0; i < reference.getNumArguments(); ++i)
    if (reference.getArgument(i).getType() !=
            candidate.getArgument(i).getType() ||
        reference.getArgAttr(i, kNameAttr) !=
            candidate.getArgAttr(i, kNameAttr) ||
        reference.getArgAttr(i, kShapeAttr) !=
            candidate.getArgAttr(i, kShapeAttr))
      return refuse("number " + std::to_string(i));
  return std::nullopt;
}

void Merger::matchLayers() {
  llvm::StringMap<WeightedOpInterface> known;
  for (const NamedLayer &layer : collectLayers(reference))
    known[layer.name] = layer.op;
  for (const NamedLayer &layer : collectLayers(candidate)) {
    auto it = known.find(layer.name);
    if (it == known.end() ||
        it->second->getResult(0).getType() != layer.op->getResult(0).getType())
      program.unmatched.push_back(layer.name);
    else
      program.layers.push_back({layer.name, it->second, layer.op, 0, 0, {}});
  }
}

void Merger::copy() {
  program.module = ModuleOp::create(candidate.getLoc());
  auto parent = candidate->getParentOfType<ModuleOp>();
  (*program.module)->setAttrs(parent->getAttrDictionary());
  builder.setInsertionPointToStart(program.module->getBody());
  merged =
      cast<func::FuncOp>(builder.clone(*candidate.getOperation(), ofCandidate));
  builder.setInsertionPoint(merged.front().getTerminator());
  ofReference.map(reference.getArguments(), merged.getArguments());
  // Sizes that depend on data are the candidate's for both.
  for (Operation &op : reference.front().without_terminator())
    if (!isa<BindSymbolOp>(op))
      builder.clone(op, ofReference);
}

// Rewrites leave on the operation before the layer what its value carries.
Value Merger::transform(Value value, Operation *source) {
  auto transforms =
      source ? source->getAttrOfType<ArrayAttr>(kTransformsAttr) : ArrayAttr();
  if (!transforms)
    return value;
  auto type = cast<RankedTensorType>(value.getType());
  for (auto one : transforms.getAsRange<DictionaryAttr>()) {
    auto axes = one.getAs<DenseI64ArrayAttr>("axes");
    if (!axes || axes.asArrayRef() != ArrayRef<int64_t>{type.getRank() - 1})
      return nullptr;
    Location loc = value.getLoc();
    if (auto scale = one.getAs<DenseElementsAttr>("scale")) {
      Value factors =
          ConstantOp::create(builder, loc, scale.getType(), scale).getResult();
      value = MulOp::create(builder, loc, type, value, factors);
    } else if (auto block = one.getAs<IntegerAttr>("hadamard")) {
      value = HadamardOp::create(builder, loc, type, value, block.getInt(),
                                 /*transposed=*/false);
    } else {
      return nullptr;
    }
  }
  return value;
}

Value Merger::computeAlone(const ComparedLayer &layer) {
  // A reference that was rewritten itself lies elsewhere.
  Value from = dataOperand(layer.reference).get();
  Operation *before = from.getDefiningOp();
  Value read = dataOperand(layer.candidate).get();
  Value unquantized = beforeQuantization(read);
  if (isa<EncodedType>(from.getType()) ||
      from.getType() != unquantized.getType() ||
      (before && before->hasAttr(kTransformsAttr)))
    return nullptr;
  Value input =
      transform(ofReference.lookup(from), unquantized.getDefiningOp());
  if (!input)
    return nullptr;
  IRMapping own = ofCandidate;
  own.map(unquantized, input);
  if (read != unquantized)
    builder.clone(*read.getDefiningOp(), own);
  WeightedOpInterface op = layer.candidate;
  return builder.clone(*op.getOperation(), own)->getResult(0);
}

size_t Merger::addResult(Value value) {
  results.push_back(value);
  return results.size() - 1;
}

std::optional<Error> Merger::run() {
  if (auto error = checkInputs())
    return error;
  matchLayers();
  if (program.layers.empty())
    return Error{Status::Refused,
                 "reference and candidate have no layer in common: layers are "
                 "matched by the names of their ONNX nodes, which .mlirbc "
                 "files have and .mlir files do not"};
  copy();
  for (ComparedLayer &layer : program.layers) {
    layer.referenceResult =
        addResult(ofReference.lookup(layer.reference->getResult(0)));
    layer.candidateResult =
        addResult(ofCandidate.lookup(layer.candidate->getResult(0)));
    if (Value alone = computeAlone(layer))
      layer.ownResult = addResult(alone);
  }
  program.firstOutput = results.size();
  for (Value value : reference.front().getTerminator()->getOperands())
    results.push_back(ofReference.lookup(value));
  for (Value value : candidate.front().getTerminator()->getOperands())
    results.push_back(ofCandidate.lookup(value));
  SmallVector<Attribute> names;
  for (size_t i = 0; i < results.size(); ++i)
    names.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        kNameAttr, builder.getStringAttr("result." + std::to_string(i)))));
  merged.front().getTerminator()->setOperands(results);
  merged.setType(builder.getFunctionType(merged.getArgumentTypes(),
                                         ValueRange(results).getTypes()));
  merged.setResAttrsAttr(builder.getArrayAttr(names));
  return std::nullopt;
}

} // namespace

std::optional<Error> buildLayerProgram(func::FuncOp reference,
                                       func::FuncOp candidate,
                                       LayerProgram &program) {
  return Merger(reference, candidate, program).run();
}

} // namespace quantc
