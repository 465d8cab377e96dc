// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Changes to ONNX models that keep them well formed as messages: another
// attribute value, an extent at a limit, an input that became a constant, an
// operator with operands as its schema has them, a node moved into a branch, a
// loop or a function.  What is changed and how follows from the seed alone.

#ifndef QUANTC_TEST_FUZZ_MODELMUTATOR_H
#define QUANTC_TEST_FUZZ_MODELMUTATOR_H

#include "onnx/defs/schema.h"
#include "onnx/onnx_pb.h"
#include <random>
#include <string>
#include <vector>

namespace quantc {

class ModelMutator {
public:
  explicit ModelMutator(unsigned seed) : random(seed) {}

  /// One change, or a few.
  void mutate(onnx::ModelProto &model);
  /// Moves nodes and initializers of another model into this one.
  void splice(onnx::ModelProto &model, const onnx::ModelProto &other);

private:
  using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
  using Type = onnx::TensorProto_DataType;

  // Chance.
  uint64_t below(uint64_t limit) { return limit ? random() % limit : 0; }
  bool oneIn(uint64_t n) { return below(n) == 0; }
  template <typename T> const T &pick(const std::vector<T> &from) {
    return from[below(from.size())];
  }
  /// Small ones mostly, else next to a limit.
  int64_t integer();
  int64_t extent();
  float number();
  Type type();

  // Parts of the model.
  void collect(onnx::ModelProto &model);
  void collect(onnx::GraphProto &graph);
  void collect(Nodes &nodes);
  std::string newName();

  // Changes; true when there was something to change.
  void change(onnx::ModelProto &model);
  bool changeAttribute();
  bool changeTensor();
  bool changeNode();
  bool changeInput();
  bool changeVersion(onnx::ModelProto &model);
  bool addNode();
  bool fixInput();
  bool addOutput();
  bool wrap(onnx::ModelProto &model);
  bool wrapInFunction(onnx::ModelProto &model, onnx::NodeProto &node);
  bool renumber();

  // Content.
  void fill(onnx::TensorProto &tensor);
  void setValue(onnx::AttributeProto &attribute,
                onnx::AttributeProto_AttributeType type);
  void setGraph(onnx::GraphProto &graph, int inputs, int outputs);
  void setTensorType(onnx::ValueInfoProto &value);
  void addAttribute(onnx::NodeProto &node, const onnx::OpSchema &schema,
                    bool all);
  void addOperands(onnx::GraphProto &graph, onnx::NodeProto &node,
                   const onnx::OpSchema &schema);
  std::string constant(onnx::GraphProto &graph, Type type);
  const onnx::OpSchema *schema(const std::string &domain,
                               const std::string &name) const;

  std::mt19937 random;
  unsigned names = 0;
  int opset = 18;
  std::vector<onnx::GraphProto *> graphs;
  std::vector<Nodes *> lists;
  std::vector<onnx::NodeProto *> nodes;
  std::vector<onnx::TensorProto *> tensors;
  std::vector<onnx::AttributeProto *> attributes;
};

} // namespace quantc

#endif // QUANTC_TEST_FUZZ_MODELMUTATOR_H
