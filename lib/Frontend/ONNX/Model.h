// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model in memory before it becomes IR: the parsed message, its mapped
// external data and its tensors as borrowed bytes.  Everything that comes out
// of here was checked against the file's size and the declared shapes.

#ifndef QUANTC_LIB_FRONTEND_ONNX_MODEL_H
#define QUANTC_LIB_FRONTEND_ONNX_MODEL_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "onnx/onnx_pb.h"
#include "quantc/Frontend/ONNX/Import.h"
#include "llvm/ADT/StringMap.h"
#include <memory>

namespace quantc::onnx_frontend {

/// Text for messages: quoted, control characters and non-ASCII bytes escaped,
/// shortened in the middle when long.
std::string quote(llvm::StringRef text);
/// A message of another library as one line of printable text.
std::string oneLine(llvm::StringRef text);

/// Sets `error` and returns failure.
mlir::LogicalResult refuse(Error &error, const llvm::Twine &message,
                           Status status = Status::Refused);

/// A file mapped read-only, unmapped with its last user.
class MappedFile {
public:
  /// Maps an open file; takes over the descriptor.
  static std::shared_ptr<MappedFile> map(int descriptor, size_t size);
  ~MappedFile();
  llvm::ArrayRef<char> bytes() const { return {data, size}; }

private:
  MappedFile(const char *data, size_t size) : data(data), size(size) {}
  const char *data;
  size_t size;
};

/// The files beside a model that hold tensors, each mapped once.  A location is
/// followed only downwards from the folder, never through a link.
class ExternalData {
public:
  std::string directory;

  /// The bytes of `tensor`, which must be exactly `size`.
  mlir::FailureOr<llvm::ArrayRef<char>> get(const onnx::TensorProto &tensor,
                                            int64_t size, Error &error);
  std::shared_ptr<MappedFile> owner(llvm::ArrayRef<char> bytes) const;

private:
  std::shared_ptr<MappedFile> open(llvm::StringRef location,
                                   llvm::StringRef tensor, Error &error);
  llvm::StringMap<std::shared_ptr<MappedFile>> files;
};

/// What a type says under its optional and sequence, as far as quantc takes it.
struct ValueForm {
  explicit ValueForm(const onnx::TypeProto &type);
  bool isOptional = false, isSequence = false;
  /// Null for anything but (optional) (sequences of) tensors.
  const onnx::TypeProto::Tensor *tensor = nullptr;
};

struct Model {
  onnx::ModelProto proto;
  /// What messages call the model: the path as the user gave it.
  std::string name;
  ExternalData external;
};

/// Reads a model file.  Its suffix says whether it is ONNX text.
std::shared_ptr<Model> loadModel(llvm::StringRef path,
                                 const ImportOptions &options, Error &error);
std::shared_ptr<Model> parseModel(llvm::ArrayRef<char> bytes,
                                  llvm::StringRef name,
                                  const ImportOptions &options, Error &error);
std::shared_ptr<Model> parseModelText(llvm::StringRef text,
                                      llvm::StringRef name,
                                      const ImportOptions &options,
                                      Error &error);

/// What can be checked before any node is read: versions, names, graph inputs
/// and outputs, initializers.  Needs no context.
mlir::LogicalResult checkModel(Model &model, const ImportOptions &options,
                               Error &error);

/// The domain as it is compared: "ai.onnx" is the empty domain.
llvm::StringRef normalDomain(llvm::StringRef domain);

/// A constant: row-major bytes, narrow floats as their bits, bool one byte (0
/// or 1) each.
struct TensorData {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  int64_t count = 0;
  llvm::ArrayRef<char> bytes;
  /// Keeps `bytes` alive.
  std::shared_ptr<const void> owner;

  double getFloat(int64_t index) const;
  int64_t getInt(int64_t index) const;
};

/// The MLIR type of an ONNX element type; null when quantc has none for it.
mlir::Type elementTypeOf(int32_t dataType, mlir::MLIRContext *context);
/// The ONNX element type of an MLIR type, 0 when there is none.
int32_t elementTypeNumber(mlir::Type type);
/// `FLOAT`, or the number when there is no such type.
std::string elementTypeName(int32_t dataType);
/// Is it a supported element type?
bool isElementType(int32_t dataType);

/// Checks dimensions, data fields and sizes without reading any element.
mlir::LogicalResult checkTensor(const onnx::TensorProto &tensor, Model &model,
                                Error &error);
/// Reads a checked tensor; borrows wherever the representation permits.
mlir::FailureOr<TensorData> readTensor(const onnx::TensorProto &tensor,
                                       const std::shared_ptr<Model> &model,
                                       mlir::MLIRContext *context,
                                       Error &error);
/// A tensor that owns a copy of its bytes.
TensorData ownTensor(mlir::Type elementType, llvm::ArrayRef<int64_t> shape,
                     std::vector<char> bytes);
/// `dense` for small tensors, else `dense_resource` that borrows the bytes.
mlir::ElementsAttr toAttribute(const TensorData &data, llvm::StringRef name);

inline constexpr int64_t kMaxRank = 32;
/// Tensors up to this size become `dense` attributes.
inline constexpr int64_t kDenseBytes = 1024;

} // namespace quantc::onnx_frontend

#endif // QUANTC_LIB_FRONTEND_ONNX_MODEL_H
