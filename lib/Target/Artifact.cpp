// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Emission: weights are streamed into their place first (inside an ELF object,
// or a weights file), then the program table is known, then everything is
// linked and renamed into place.  A failure at any point leaves the old files.

#include "quantc/Target/Artifact.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "quantc/Codegen/Passes.h"
#include "quantc/Dialect/QNN/QNN.h"
#include "quantc/Support/AtomicFile.h"
#include "quantc/Target/CompileKernels.h"
#include "quantc/Target/Link.h"
#include "quantc/Target/ProgramEmitter.h"
#include "quantc/Target/Weights.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace quantc {

namespace {

class ArtifactWriter {
public:
  ArtifactWriter(ModuleOp module, const TargetDescription &target,
                 const ArtifactOptions &options)
      : module(module), target(target), options(options) {}

  std::optional<Error> write();

private:
  std::optional<Error> writeWeights();
  std::optional<Error> writeObjects();
  std::optional<Error> addObject(const ObjectBytes &bytes);
  std::unique_ptr<AtomicFile> makeTemporary(StringRef suffix, Error &error) {
    return AtomicFile::create(options.output + suffix.str(), error);
  }
  static Error toError(llvm::Error error, Status status = Status::Internal) {
    return {status, llvm::toString(std::move(error))};
  }

  ModuleOp module;
  const TargetDescription &target;
  const ArtifactOptions &options;
  runtime::ProgramBuilder program;
  std::vector<std::string> kernelNames;
  // Never committed: removed when the writer goes.
  std::vector<std::unique_ptr<AtomicFile>> temporaries;
  std::vector<std::string> objects;
  std::unique_ptr<AtomicFile> weightsFile;
  StorageReport storage;
};

std::optional<Error> ArtifactWriter::addObject(const ObjectBytes &bytes) {
  Error error;
  auto file = makeTemporary("." + std::to_string(objects.size()) + ".o", error);
  if (!file)
    return error;
  file->os().write(bytes.data(), bytes.size());
  if (auto failed = file->sync())
    return failed;
  objects.push_back(file->getTemporaryPath());
  temporaries.push_back(std::move(file));
  return std::nullopt;
}

/// Constants may be expressions of others, whose bytes a file can multiply at
/// will.  Codes of 2 bits become floats 16 times their size.
static uint64_t weightsLimit(ModuleOp module) {
  llvm::DenseSet<Attribute> seen;
  uint64_t given = 0;
  module.walk([&](qnn::ConstantOp op) {
    if (!seen.insert(op.getValue()).second)
      return;
    if (auto dense = dyn_cast<DenseElementsAttr>(op.getValue()))
      given += dense.getRawData().size();
    else if (auto resource = dyn_cast<DenseResourceElementsAttr>(op.getValue()))
      if (const AsmResourceBlob *blob = resource.getRawHandle().getBlob())
        given += blob->getData().size();
  });
  return (uint64_t(1) << 30) + 16 * given;
}

// The stream begins where the data of the ELF object or of the weights file
// begins; both have a page before it.
std::optional<Error> ArtifactWriter::writeWeights() {
  Error error;
  auto file = makeTemporary(".weights.o", error);
  if (!file)
    return error;
  std::string zeros(runtime::program::kWeightsDataOffset, 0);
  file->os() << zeros;
  WeightsWriter weights(file->os(), weightsLimit(module));
  if (failed(emitProgram(module, program, weights, kernelNames, storage)))
    return Error{weights.getProblem().value_or(Status::Internal),
                 "cannot write the program table"};
  uint64_t bytes = weights.getSize();
  std::array<uint8_t, 32> hash = weights.finish();
  if (bytes == 0)
    return std::nullopt;
  if (bytes <= options.embedLimit) {
    WeightsObject object = makeWeightsObject(bytes);
    file->os().write(object.tail.data(), object.tail.size());
    file->os().pwrite(object.head.data(), object.head.size(), 0);
    program.setEmbeddedWeights(bytes, hash);
    if (auto failed = file->sync())
      return failed;
    objects.push_back(file->getTemporaryPath());
    temporaries.push_back(std::move(file));
    return std::nullopt;
  }
  SmallString<256> path(options.output);
  llvm::sys::path::replace_extension(
      path, "." + llvm::toHex(ArrayRef(hash).take_front(8), true) + ".weights");
  std::vector<uint8_t> head =
      runtime::ProgramBuilder::weightsFileHeader(bytes, hash);
  file->os().pwrite(reinterpret_cast<const char *>(head.data()), head.size(),
                    0);
  program.setWeightsFile(std::string(llvm::sys::path::filename(path)), bytes,
                         hash);
  if (auto failed = file->retarget(path))
    return failed;
  weightsFile = std::move(file);
  return std::nullopt;
}

std::optional<Error> ArtifactWriter::writeObjects() {
  SmallVector<ModuleOp> code;
  for (auto nested : module.getOps<ModuleOp>())
    code.push_back(nested);
  auto compiled = compileToObjects(code, target, options.threads);
  if (!compiled)
    return toError(compiled.takeError());
  for (const ObjectBytes &object : *compiled)
    if (auto failed = addObject(object))
      return failed;
  for (const std::string &feature : target.getFeatures())
    if (!program.requireFeature(feature))
      return Error{Status::Internal,
                   "the runtime does not know cpu feature '" + feature + "'"};
  for (const auto &[key, value] : options.metadata)
    program.addMetadata(key, value);
  auto bits = [](const StorageCount &count) {
    return llvm::formatv("{0:f3}", count.bitsPerWeight()).str();
  };
  program.addMetadata("quantc.stored_bits_all", bits(storage.all));
  program.addMetadata("quantc.stored_bits_linears", bits(storage.linears));
  std::vector<uint8_t> bytes = program.finish();
  auto table = compileProgramObject(bytes, kernelNames, target);
  if (!table)
    return toError(table.takeError());
  return addObject(*table);
}

std::optional<Error> ArtifactWriter::write() {
  Error error;
  auto library = makeTemporary("", error);
  if (!library)
    return error;
  SmallString<256> headerPath(options.output);
  llvm::sys::path::replace_extension(headerPath, ".h");
  auto header = AtomicFile::create(headerPath, error);
  if (!header)
    return error;
  header->os() << modelHeader(module, llvm::sys::path::stem(options.output),
                              options);
  if (auto failed = writeWeights())
    return failed;
  if (auto failed = writeObjects())
    return failed;
  // lld writes its own file; ours only reserved the name.
  if (auto failed = library->sync())
    return failed;
  if (llvm::Error failed =
          linkSharedLibrary(objects, library->getTemporaryPath(),
                            llvm::sys::path::filename(options.output)))
    return toError(std::move(failed), Status::IO);
  if (weightsFile)
    if (auto failed = weightsFile->commit())
      return failed;
  if (auto failed = header->commit())
    return failed;
  return library->commit();
}

} // namespace

std::optional<Error> writeArtifact(ModuleOp module,
                                   const TargetDescription &target,
                                   const ArtifactOptions &options) {
  return ArtifactWriter(module, target, options).write();
}

} // namespace quantc
