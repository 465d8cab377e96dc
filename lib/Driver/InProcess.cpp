// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Code generation into a temporary library, and runs of it.

#include "quantc/Driver/InProcess.h"
#include "quantc/Driver/FirstError.h"
#include "quantc/Driver/Pipelines.h"
#include "quantc/Target/Artifact.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace quantc {

static std::optional<Error> writeLibrary(ModuleOp module, StringRef name,
                                         unsigned threads,
                                         const TargetDescription &target,
                                         StringRef path) {
  FirstError first(*module.getContext());
  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  buildCodegenPipeline(pm, target);
  if (failed(pm.run(module)))
    return first.get(name, Status::Internal);
  ArtifactOptions artifact;
  artifact.output = path.str();
  artifact.threads = threads;
  auto error = writeArtifact(module, target, artifact);
  if (error)
    return first.explain(name, *error);
  return std::nullopt;
}

std::optional<Error>
InProcessProgram::compile(ModuleOp module, StringRef name, unsigned threads,
                          std::unique_ptr<InProcessProgram> &program) {
  auto target = TargetDescription::create("native", "");
  if (!target)
    return Error{Status::IO, llvm::toString(target.takeError())};
  SmallString<128> path;
  if (std::error_code code =
          llvm::sys::fs::createUniqueDirectory("quantc-program", path))
    return Error{Status::IO,
                 "cannot make a folder for temporary files: " + code.message()};
  std::string folder(path);
  llvm::scope_exit remove([&] { llvm::sys::fs::remove_directories(folder); });
  llvm::sys::path::append(path, "program.so");
  if (auto error = writeLibrary(module, name, threads, *target, path))
    return error;
  std::shared_ptr<Artifact> loaded;
  if (auto error = Artifact::load(path, loaded))
    return error;
  SessionOptions options;
  options.threads = int32_t(threads);
  program = std::make_unique<InProcessProgram>();
  return Session::create(loaded, options, program->session);
}

std::optional<Error> InProcessProgram::run(MutableArrayRef<NamedArray> inputs,
                                           std::vector<quantc_tensor> &results,
                                           ArrayRef<quantc_value> more) {
  std::vector<quantc_tensor> tensors;
  tensors.reserve(inputs.size());
  std::vector<quantc_value> values, outputs;
  for (NamedArray &input : inputs) {
    tensors.push_back(input.array.getTensor());
    values.push_back(quantc_tensor_value(input.name.c_str(), &tensors.back()));
  }
  llvm::append_range(values, more);
  for (const ValueSpec &output : getEntry().outputs)
    outputs.push_back(quantc_tensor_value(output.name.c_str(), nullptr));
  if (auto error = session->run(0, values, outputs))
    return error;
  results.clear();
  for (const quantc_value &output : outputs)
    results.push_back(output.tensors[0]);
  return std::nullopt;
}

} // namespace quantc
