// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// insert-observers and remove-observers.  One walk collects what the consumers
// want of each value, a second one inserts.

#include "quantc/Calibration/ObservationPoints.h"
#include "quantc/Calibration/Observers.h"
#include "quantc/Calibration/Passes.h"
#include "quantc/Calibration/Statistics.h"
#include "quantc/Dialect/QNN/ConstantExpressions.h"
#include "quantc/Dialect/QNN/Loops.h"
#include "quantc/Dialect/QNN/ShapeAnalysis.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSet.h"

namespace quantc {
#define GEN_PASS_DEF_INSERTOBSERVERSPASS
#define GEN_PASS_DEF_REMOVEOBSERVERSPASS
#include "quantc/Calibration/Passes.h.inc"
} // namespace quantc

using namespace mlir;
using namespace quantc;
using namespace quantc::qnn;

namespace {

/// What the consumers of a value along one channel axis want.
struct Want {
  SmallVector<OpOperand *> uses;
  bool secondMoment = false;
};

class Collector {
public:
  using Wants = llvm::MapVector<std::pair<Value, int64_t>, Want>;

  void visit(Operation *op) {
    if (auto linear = dyn_cast<LinearOp>(op)) {
      add(linear.getInputMutable(), -1, constants.contains(linear.getWeight()));
    } else if (auto conv = dyn_cast<ConvOp>(op)) {
      add(conv.getInputMutable(), conv.getChannelsLast() ? -1 : 1);
    } else if (auto matmul = dyn_cast<MatmulOp>(op)) {
      add(matmul.getLhsMutable(), -1);
      bool isVector = rankOf(matmul.getRhs()) == 1;
      add(matmul.getRhsMutable(), isVector ? -1 : -2);
    } else if (auto attention = dyn_cast<AttentionOp>(op)) {
      add(attention.getQueryMutable(), -1);
      add(attention.getKeyMutable(), attention.getKeyTransposed() ? -2 : -1);
      add(attention.getValueMutable(), -1);
    }
  }

  const Wants &getWants() const { return wants; }

private:
  static int64_t rankOf(Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? type.getRank() : 0;
  }

  /// A negative axis counts from the end.
  void add(OpOperand &use, int64_t axis, bool secondMoment = false) {
    Value value = use.get();
    int64_t rank = rankOf(value);
    axis = axis < 0 ? rank + axis : axis;
    if (axis < 0 || axis >= rank || value.getDefiningOp<ObserveOp>() ||
        !cast<ShapedType>(value.getType()).getElementType().isF32() ||
        constants.contains(value))
      return;
    Want &want = wants[{value, axis}];
    want.uses.push_back(&use);
    want.secondMoment |= secondMoment;
  }

  ConstantExpressions constants;
  Wants wants;
};

class Inserter {
public:
  Inserter(func::FuncOp func, ShapeAnalysis &shapes,
           const Statistics &statistics, ArrayRef<std::string> kinds)
      : func(func), shapes(shapes), statistics(statistics), kinds(kinds),
        points(ObservationPoints::compute(func)), builder(func.getContext()) {}

  /// Returns whether the value had to be observed.
  FailureOr<bool> insert(Value value, int64_t axis, const Want &want) {
    const ObservationPoint &point = points.get(value);
    // A second channel axis of one value is a point of its own.
    std::string name = point.name;
    if (!names.insert(name).second)
      name += "@" + std::to_string(axis);
    const PointStatistics *known = nullptr;
    if (auto error = statistics.find(name, point.key, known)) {
      emitError(value.getLoc()) << error->message;
      return failure();
    }
    SmallVector<StringRef> missing;
    for (StringRef kind : wantedKinds(value, axis, want))
      if (!known || !known->find(kind))
        missing.push_back(kind);
    if (missing.empty())
      return false;
    builder.setInsertionPointAfterValue(value);
    StringAttr mask;
    DenseI64ArrayAttr maskAxes = findPadding(value, axis, mask);
    auto observe = ObserveOp::create(
        builder, value.getLoc(), value.getType(), value, name,
        builder.getStrArrayAttr(missing), axis, mask, maskAxes);
    for (OpOperand *use : want.uses)
      use->set(observe.getResult());
    return true;
  }

private:
  SmallVector<StringRef> wantedKinds(Value value, int64_t axis,
                                     const Want &want) const {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<StringRef> wanted;
    for (const ObserverKind &kind : observerKinds()) {
      bool possible = !kind.perChannel || !type.isDynamicDim(axis);
      bool useful = kind.name != SecondMoment::kName || want.secondMoment;
      bool asked = kinds.empty() || llvm::is_contained(kinds, kind.name);
      if (possible && useful && asked)
        wanted.push_back(kind.name);
    }
    return wanted;
  }

  /// The axes of the value along which the padding mask runs.
  DenseI64ArrayAttr findPadding(Value value, int64_t axis, StringAttr &mask) {
    for (BlockArgument argument : func.getArguments()) {
      auto name =
          func.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kNameAttr);
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!name || name.getValue() != kPaddingMask || !type ||
          !type.getElementType().isInteger())
        continue;
      SmallVector<int64_t> axes;
      ArrayRef<AffineExpr> own = shapes.getShape(value);
      int64_t next = 0;
      for (AffineExpr dim : shapes.getShape(argument)) {
        while (next < int64_t(own.size()) && (next == axis || own[next] != dim))
          ++next;
        if (next == int64_t(own.size()))
          return {};
        axes.push_back(next++);
      }
      if (axes.empty())
        return {};
      mask = name;
      return builder.getDenseI64ArrayAttr(axes);
    }
    return {};
  }

  func::FuncOp func;
  ShapeAnalysis &shapes;
  const Statistics &statistics;
  ArrayRef<std::string> kinds;
  ObservationPoints points;
  OpBuilder builder;
  llvm::StringSet<> names;
};

struct InsertObserversPass
    : public quantc::impl::InsertObserversPassBase<InsertObserversPass> {
  using Base::Base;

  void runOnOperation() override {
    func::FuncOp func = getOperation();
    if (!func->hasAttr(kEntryAttr))
      return;
    for (const std::string &kind : observers)
      if (!createObserver(kind)) {
        func.emitError("there is no observer '") << kind << "'";
        return signalPassFailure();
      }
    Statistics known;
    if (!statistics.empty() && failed(loadStatistics(func, statistics, known)))
      return signalPassFailure();
    FailureOr<ShapeAnalysis> shapes = ShapeAnalysis::compute(func);
    if (failed(shapes))
      return signalPassFailure();
    FailureOr<Loops> loops = Loops::compute(func);
    if (failed(loops))
      return signalPassFailure();
    Collector collector;
    // What a loop computes is no result that a run could give.
    func.walk([&](Operation *op) {
      if (!loops->of(op))
        collector.visit(op);
    });
    SmallVector<std::string> kinds(observers.begin(), observers.end());
    Inserter inserter(func, *shapes, known, kinds);
    for (const auto &[place, want] : collector.getWants()) {
      FailureOr<bool> inserted =
          inserter.insert(place.first, place.second, want);
      if (failed(inserted))
        return signalPassFailure();
      numObserved += *inserted;
    }
  }
};

struct RemoveObserversPass
    : public quantc::impl::RemoveObserversPassBase<RemoveObserversPass> {
  using Base::Base;

  void runOnOperation() override {
    getOperation().walk([](ObserveOp op) {
      op.getResult().replaceAllUsesWith(op.getInput());
      op.erase();
    });
  }
};

} // namespace
