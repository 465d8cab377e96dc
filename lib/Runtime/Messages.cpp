// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How tensors, element types and status codes are named to the caller.

#include "Api.h"
#include "Context.h"

namespace quantc::runtime {

void Where::write(Error &error) const {
  const program::Value *value = input ? view.inputs : view.outputs;
  while (tensor - value->firstTensor >= value->count)
    ++value;
  error.append(input ? "input '" : "output '");
  error.append(view.string(value->name));
  error.append("'");
  if (value->kind != program::ValueKind::Sequence)
    return;
  error.append(" element ");
  error.append(tensor - value->firstTensor);
}

void TypeName::write(Error &error) const {
  const char *name = nullptr;
  switch (dtype.code) {
  case QUANTC_INT:
    name = "int";
    break;
  case QUANTC_UINT:
    name = "uint";
    break;
  case QUANTC_FLOAT:
    name = "float";
    break;
  case QUANTC_BFLOAT:
    name = "bfloat";
    break;
  case QUANTC_COMPLEX:
    name = "complex";
    break;
  case QUANTC_BOOL:
    return error.append("bool");
  case QUANTC_FLOAT8_E4M3FN:
    return error.append("float8_e4m3fn");
  case QUANTC_FLOAT8_E4M3FNUZ:
    return error.append("float8_e4m3fnuz");
  case QUANTC_FLOAT8_E5M2:
    return error.append("float8_e5m2");
  case QUANTC_FLOAT8_E5M2FNUZ:
    return error.append("float8_e5m2fnuz");
  case QUANTC_FLOAT8_E8M0FNU:
    return error.append("float8_e8m0fnu");
  case QUANTC_FLOAT6_E2M3FN:
    return error.append("float6_e2m3fn");
  case QUANTC_FLOAT6_E3M2FN:
    return error.append("float6_e3m2fn");
  case QUANTC_FLOAT4_E2M1FN:
    return error.append("float4_e2m1fn");
  default:
    error.append("type code ");
    error.append(dtype.code);
    name = " with bits ";
    break;
  }
  error.append(name);
  error.append(dtype.bits);
  if (dtype.lanes == 1)
    return;
  error.append("x");
  error.append(dtype.lanes);
}

const char *statusName(quantc_status status) {
  static constexpr const char *kNames[] = {
      "ok",
      "invalid argument",
      "not found",
      "type mismatch",
      "rank mismatch",
      "shape mismatch",
      "not contiguous",
      "misaligned",
      "wrong device",
      "aliasing",
      "unsupported cpu",
      "out of memory",
      "size overflow",
      "weights not found",
      "weights mismatch",
      "invalid program",
      "busy",
      "check failed",
  };
  bool known = status >= 0 && size_t(status) < sizeof(kNames) / sizeof(*kNames);
  return known ? kNames[status] : "unknown status";
}

} // namespace quantc::runtime
