// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TensorProto files, through the same checks as a model's initializers.

#include "quantc/Frontend/ONNX/TensorFile.h"
#include "Model.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include <google/protobuf/stubs/logging.h>

using namespace mlir;

namespace quantc {

using namespace onnx_frontend;

static FailureOr<HostTensor> readChecked(ArrayRef<char> bytes,
                                         MLIRContext &context,
                                         std::string &name, Error &error) {
  if (bytes.size() > size_t(std::numeric_limits<int32_t>::max()))
    return refuse(error, "it is over protobuf's limit of 2 GiB");
  onnx::TensorProto tensor;
  google::protobuf::LogSilencer silence;
  if (!tensor.ParseFromArray(bytes.data(), int(bytes.size())))
    return refuse(error, "it is not a serialized TensorProto");
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    return refuse(error, "its data is external; store it inline");
  name = tensor.name();
  FailureOr<TensorData> data =
      readTensor(tensor, std::make_shared<Model>(), &context, error);
  if (failed(data))
    return failure();
  std::optional<HostTensor> result =
      HostTensor::allocate(data->elementType, data->shape);
  if (!result || size_t(result->getByteSize()) != data->bytes.size())
    return refuse(error, "no memory for it", Status::Limit);
  llvm::copy(data->bytes, result->getMutableBytes().begin());
  return *result;
}

FailureOr<HostTensor> readOnnxTensor(StringRef path, MLIRContext &context,
                                     std::string &name, Error &error) {
  if (!llvm::sys::fs::is_regular_file(path))
    return refuse(error, "'" + path + "': cannot read it: not a file",
                  Status::IO);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return refuse(
        error, "'" + path + "': cannot read it: " + buffer.getError().message(),
        Status::IO);
  StringRef bytes = (*buffer)->getBuffer();
  auto result =
      readChecked(ArrayRef(bytes.data(), bytes.size()), context, name, error);
  if (failed(result))
    error.message = "'" + path.str() + "': " + error.message;
  return result;
}

} // namespace quantc
