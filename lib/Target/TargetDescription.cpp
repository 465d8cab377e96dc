// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Resolves CPU names and attributes through LLVM's own tables.

#include "quantc/Target/TargetDescription.h"
#include "quantc/Runtime/Features.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

using namespace llvm;

namespace quantc {

static const Triple &targetTriple() {
  static const Triple triple("x86_64-unknown-linux-gnu");
  return triple;
}

static Expected<const Target *> findTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeX86AsmParser();
  });
  std::string message;
  const Target *target = TargetRegistry::lookupTarget(targetTriple(), message);
  if (!target)
    return createStringError("no x86-64 code generator: " + message);
  return target;
}

static std::string hostFeatureString() {
  std::vector<std::string> parts;
  for (auto &feature : sys::getHostCPUFeatures())
    parts.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(parts);
  return llvm::join(parts, ",");
}

Expected<TargetDescription> TargetDescription::create(StringRef cpu,
                                                      StringRef attributes) {
  Expected<const Target *> target = findTarget();
  if (!target)
    return target.takeError();
  TargetDescription result;
  result.cpu = cpu.str();
  if (cpu == "native") {
    result.cpu = sys::getHostCPUName().str();
    result.features = hostFeatureString();
  }
  if (!attributes.empty()) {
    if (!result.features.empty())
      result.features += ",";
    result.features += attributes.str();
  }
  std::unique_ptr<MCSubtargetInfo> known(
      (*target)->createMCSubtargetInfo(targetTriple(), "", ""));
  if (!known->isCPUStringValid(result.cpu))
    return createStringError("unknown cpu '" + result.cpu +
                             "'; llc -mcpu=help lists the names");
  SmallVector<StringRef> names;
  attributes.split(names, ',', -1, /*KeepEmpty=*/false);
  for (StringRef name : names) {
    bool found = (name.starts_with("+") || name.starts_with("-")) &&
                 llvm::any_of(known->getAllProcessorFeatures(),
                              [&](const SubtargetFeatureKV &feature) {
                                return name.drop_front() == feature.Key;
                              });
    if (!found)
      return createStringError("unknown cpu feature '" + name.str() +
                               "', expected +NAME or -NAME");
  }
  std::unique_ptr<MCSubtargetInfo> subtarget((*target)->createMCSubtargetInfo(
      targetTriple(), result.cpu, result.features));
#define QUANTC_FEATURE(NUMBER, NAME, LEAF, SUBLEAF, REG, BIT, STATE)           \
  if (subtarget->checkFeatures("+" NAME))                                      \
    result.enabled.push_back(NAME);
  QUANTC_X86_FEATURES(QUANTC_FEATURE)
#undef QUANTC_FEATURE
  for (StringRef needed : {"avx2", "fma", "f16c"})
    if (!result.has(needed))
      return createStringError("cpu '" + result.cpu + "' lacks " +
                               needed.str() +
                               "; x86-64-v3 is the least that is supported");
  return result;
}

bool TargetDescription::has(StringRef feature) const {
  return llvm::is_contained(enabled, feature);
}

std::unique_ptr<TargetMachine> TargetDescription::createTargetMachine() const {
  const Target *target = cantFail(findTarget());
  TargetOptions options;
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      targetTriple(), cpu, features, options, Reloc::PIC_, CodeModel::Small,
      CodeGenOptLevel::Aggressive));
}

} // namespace quantc
