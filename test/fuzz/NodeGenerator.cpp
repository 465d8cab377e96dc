// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Nodes of any operator, with operands and attributes as ONNX's schema names
// them, and the numbers that code tends to forget.

#include "ModelMutator.h"
#include "quantc/Frontend/ONNX/Import.h"
#include <cstring>

using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::NodeProto;
using onnx::OpSchema;
using onnx::TensorProto;

namespace quantc {

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

int64_t ModelMutator::integer() {
  static const std::vector<int64_t> odd = {
      INT64_MIN,  INT64_MIN + 1, INT64_MAX,    INT64_MAX - 1,
      INT32_MIN,  INT32_MAX,     1LL << 31,    1LL << 32,
      1LL << 40,  1LL << 62,     -(1LL << 40), 1LL << 20,
      65536,      65535,         32768,        -32769,
      256,        255,           128,          -129,
      1000000007, 100,           64,           33,
      17};
  if (oneIn(4))
    return pick(odd);
  return int64_t(below(9)) - 2;
}

int64_t ModelMutator::extent() {
  return oneIn(20) ? integer() : int64_t(below(6));
}

float ModelMutator::number() {
  static const std::vector<float> odd = {
      0.f,       -0.f, 1e-42f,  3.4e38f, -3.4e38f, 1e-8f,    NAN, INFINITY,
      -INFINITY, 0.5f, 65504.f, 1e10f,   9.3e18f,  -9.3e18f, 2.5f};
  return oneIn(3) ? pick(odd) : float(int64_t(below(17)) - 8) / 4;
}

ModelMutator::Type ModelMutator::type() {
  static const std::vector<Type> common = {
      TensorProto::FLOAT, TensorProto::FLOAT,  TensorProto::INT64,
      TensorProto::BOOL,  TensorProto::UINT8,  TensorProto::INT8,
      TensorProto::INT32, TensorProto::FLOAT16};
  return oneIn(6) ? Type(below(28)) : pick(common);
}

/// Bits of an element in raw_data; 0 for strings and unknown types.
static int bitsOf(int type) {
  switch (type) {
  case TensorProto::DOUBLE:
  case TensorProto::INT64:
  case TensorProto::UINT64:
  case TensorProto::COMPLEX64:
    return 64;
  case TensorProto::COMPLEX128:
    return 128;
  case TensorProto::FLOAT:
  case TensorProto::INT32:
  case TensorProto::UINT32:
    return 32;
  case TensorProto::FLOAT16:
  case TensorProto::BFLOAT16:
  case TensorProto::INT16:
  case TensorProto::UINT16:
    return 16;
  case TensorProto::UINT4:
  case TensorProto::INT4:
  case TensorProto::FLOAT4E2M1:
    return 4;
  case TensorProto::STRING:
  case TensorProto::UNDEFINED:
    return 0;
  case TensorProto::UINT2:
  case TensorProto::INT2:
    return 2;
  default:
    return 8;
  }
}

void ModelMutator::fill(TensorProto &tensor) {
  onnx::TensorProto empty;
  empty.set_name(tensor.name());
  empty.set_data_type(tensor.data_type());
  *empty.mutable_dims() = tensor.dims();
  tensor = empty;
  int64_t count = 1, bits = bitsOf(tensor.data_type());
  for (int64_t dim : tensor.dims())
    count = dim < 0 || dim > 64 || count > 1024 ? 0 : count * dim;
  if (bits == 0)
    return;
  std::string &raw = *tensor.mutable_raw_data();
  // All elements alike, or each by itself.
  bool same = oneIn(2), isFloat = tensor.data_type() == TensorProto::FLOAT;
  int64_t whole = integer();
  float real = number();
  for (int64_t i = 0; i < count * bits / 8 + (count * bits % 8 != 0);) {
    if (!same) {
      whole = integer();
      real = number();
    }
    char bytes[16] = {};
    if (isFloat)
      std::memcpy(bytes, &real, 4);
    else
      std::memcpy(bytes, &whole, 8);
    if (tensor.data_type() == TensorProto::BOOL)
      bytes[0] &= 1;
    int64_t size = std::max<int64_t>(1, bits / 8);
    raw.append(bytes, size);
    i += size;
  }
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

void ModelMutator::setValue(AttributeProto &attribute,
                            onnx::AttributeProto_AttributeType type) {
  static const std::vector<std::string> words = {"constant",
                                                 "reflect",
                                                 "edge",
                                                 "wrap",
                                                 "nearest",
                                                 "linear",
                                                 "cubic",
                                                 "bilinear",
                                                 "bicubic",
                                                 "SAME_UPPER",
                                                 "SAME_LOWER",
                                                 "VALID",
                                                 "NOTSET",
                                                 "forward",
                                                 "reverse",
                                                 "bidirectional",
                                                 "none",
                                                 "add",
                                                 "mul",
                                                 "max",
                                                 "min",
                                                 "mean",
                                                 "sum",
                                                 "tanh",
                                                 "DCR",
                                                 "CRD",
                                                 "align_corners",
                                                 "asymmetric",
                                                 "half_pixel",
                                                 "pytorch_half_pixel",
                                                 "tf_crop_and_resize",
                                                 "floor",
                                                 "ceil",
                                                 "round_prefer_ceil",
                                                 "zeros",
                                                 "border",
                                                 "reflection",
                                                 "ij,jk->ik",
                                                 "ii->i",
                                                 "...ij->...",
                                                 "i->ii",
                                                 "->",
                                                 "",
                                                 "LEFT",
                                                 "RIGHT",
                                                 "stretch",
                                                 "not_larger",
                                                 "not_smaller",
                                                 "Relu",
                                                 "Sigmoid",
                                                 "\n",
                                                 "\xff",
                                                 "%s"};
  std::string name = attribute.name(), reference = attribute.ref_attr_name();
  attribute.Clear();
  attribute.set_name(name);
  attribute.set_ref_attr_name(reference);
  attribute.set_type(type);
  uint64_t size = below(6);
  switch (type) {
  case AttributeProto::INT:
    attribute.set_i(integer());
    break;
  case AttributeProto::FLOAT:
    attribute.set_f(number());
    break;
  case AttributeProto::STRING:
    attribute.set_s(pick(words));
    break;
  case AttributeProto::TENSOR:
    attribute.mutable_t()->set_data_type(this->type());
    for (uint64_t i = 0; i < below(3); ++i)
      attribute.mutable_t()->add_dims(extent());
    fill(*attribute.mutable_t());
    break;
  case AttributeProto::INTS:
    for (uint64_t i = 0; i < size; ++i)
      attribute.add_ints(integer());
    break;
  case AttributeProto::FLOATS:
    for (uint64_t i = 0; i < size; ++i)
      attribute.add_floats(number());
    break;
  case AttributeProto::STRINGS:
    for (uint64_t i = 0; i < size; ++i)
      attribute.add_strings(pick(words));
    break;
  case AttributeProto::GRAPH:
    setGraph(*attribute.mutable_g(), int(below(4)), int(1 + below(3)));
    break;
  default:
    break;
  }
}

/// A body that passes its inputs on.
void ModelMutator::setGraph(GraphProto &graph, int inputs, int outputs) {
  graph.set_name("body");
  for (int i = 0; i < inputs; ++i)
    graph.add_input()->set_name(newName());
  for (int i = 0; i < outputs; ++i) {
    std::string name = inputs ? graph.input(int(below(inputs))).name()
                              : constant(graph, type());
    graph.add_output()->set_name(name);
  }
}

void ModelMutator::addAttribute(NodeProto &node, const OpSchema &schema,
                                bool all) {
  for (const auto &[name, known] : schema.attributes()) {
    bool wanted =
        all ? known.required || oneIn(3) : oneIn(schema.attributes().size());
    bool given = std::any_of(
        node.attribute().begin(), node.attribute().end(),
        [&, &key = name](const auto &other) { return other.name() == key; });
    if (!wanted || given)
      continue;
    AttributeProto &attribute = *node.add_attribute();
    attribute.set_name(name);
    if (known.type == AttributeProto::INT &&
        (name == "to" || name == "dtype" || name == "output_dtype")) {
      attribute.set_type(known.type);
      attribute.set_i(type());
    } else {
      setValue(attribute, known.type);
    }
  }
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

const OpSchema *ModelMutator::schema(const std::string &domain,
                                     const std::string &name) const {
  return onnx::OpSchemaRegistry::Schema(name, opset,
                                        domain == "ai.onnx" ? "" : domain);
}

/// A new initializer: a scalar or of low rank.
std::string ModelMutator::constant(GraphProto &graph, Type type) {
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(newName());
  tensor.set_data_type(type);
  uint64_t rank = below(4);
  for (uint64_t i = 0; i < rank; ++i)
    tensor.add_dims(extent());
  fill(tensor);
  return tensor.name();
}

/// The element type in `tensor(float)`.
static TensorProto::DataType typeOf(const std::string &text) {
  static const std::vector<std::pair<const char *, TensorProto::DataType>>
      names = {{"tensor(float)", TensorProto::FLOAT},
               {"tensor(int64)", TensorProto::INT64},
               {"tensor(int32)", TensorProto::INT32},
               {"tensor(bool)", TensorProto::BOOL},
               {"tensor(uint8)", TensorProto::UINT8},
               {"tensor(int8)", TensorProto::INT8},
               {"tensor(float16)", TensorProto::FLOAT16},
               {"tensor(bfloat16)", TensorProto::BFLOAT16},
               {"tensor(double)", TensorProto::DOUBLE},
               {"tensor(uint16)", TensorProto::UINT16},
               {"tensor(uint64)", TensorProto::UINT64}};
  for (const auto &[name, type] : names)
    if (text == name)
      return type;
  return TensorProto::UNDEFINED;
}

void ModelMutator::addOperands(GraphProto &graph, NodeProto &node,
                               const OpSchema &schema) {
  // One type per variable of the schema.
  std::map<std::string, Type> types;
  auto typeFor = [&](const OpSchema::FormalParameter &formal) {
    Type &chosen = types[formal.GetTypeStr()];
    std::vector<Type> allowed;
    for (const auto *text : formal.GetTypes())
      if (Type known = typeOf(*text))
        allowed.push_back(known);
    bool isFree = std::find(allowed.begin(), allowed.end(),
                            TensorProto::FLOAT) == allowed.end() ||
                  oneIn(3);
    if (chosen == TensorProto::UNDEFINED)
      chosen = allowed.empty() || oneIn(20) ? type()
               : isFree                     ? pick(allowed)
                                            : TensorProto::FLOAT;
    return chosen;
  };
  std::vector<std::string> known;
  for (const NodeProto &other : graph.node())
    for (const std::string &output : other.output())
      if (!output.empty())
        known.push_back(output);
  for (const auto &input : graph.input())
    known.push_back(input.name());
  for (const auto &formal : schema.inputs()) {
    bool isVariadic = formal.GetOption() == OpSchema::Variadic;
    uint64_t times = isVariadic ? 1 + below(3) : 1;
    for (uint64_t i = 0; i < times; ++i) {
      if (formal.GetOption() == OpSchema::Optional && oneIn(2))
        node.add_input("");
      else if (!known.empty() && !oneIn(3))
        node.add_input(pick(known));
      else if (&graph == graphs.front() && oneIn(3)) {
        auto &value = *graph.add_input();
        value.set_name(newName());
        auto &tensor = *value.mutable_type()->mutable_tensor_type();
        tensor.set_elem_type(typeFor(formal));
        uint64_t rank = below(5);
        tensor.mutable_shape();
        for (uint64_t dim = 0; dim < rank; ++dim)
          if (auto *added = tensor.mutable_shape()->add_dim(); oneIn(3))
            added->set_dim_param(oneIn(2) ? "n" : "m");
          else
            added->set_dim_value(extent());
        node.add_input(value.name());
      } else
        node.add_input(constant(graph, typeFor(formal)));
    }
  }
  while (node.input_size() && node.input(node.input_size() - 1).empty())
    node.mutable_input()->RemoveLast();
}

bool ModelMutator::addNode() {
  static const std::vector<OnnxOperator> operators = supportedOnnxOperators();
  const OnnxOperator &chosen = pick(operators);
  const OpSchema *known = schema(chosen.domain, chosen.name);
  GraphProto &graph = *pick(graphs);
  NodeProto node;
  node.set_op_type(chosen.name);
  node.set_domain(chosen.domain);
  node.set_name(newName());
  if (known) {
    addOperands(graph, node, *known);
    addAttribute(node, *known, true);
  } else {
    // Domains without schemas: operands of any number.
    for (uint64_t i = 0; i < 1 + below(6); ++i)
      node.add_input(constant(graph, type()));
  }
  uint64_t outputs = known ? std::max(1, known->min_output()) : 1;
  if (known && oneIn(3))
    outputs = std::min<uint64_t>(known->max_output(), outputs + below(3));
  for (uint64_t i = 0; i < outputs; ++i) {
    node.add_output(newName());
    graph.add_output()->set_name(node.output(int(i)));
  }
  *graph.add_node() = node;
  return true;
}

} // namespace quantc
