// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The machine that code is generated for: the one place for hardware questions.

#ifndef QUANTC_TARGET_TARGETDESCRIPTION_H
#define QUANTC_TARGET_TARGETDESCRIPTION_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>
#include <vector>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace quantc {

class TargetDescription {
public:
  /// `cpu` is an LLVM CPU name or "native"; `attributes` a list like
  /// "+avxvnni,-avx512f".  Fails for unknown names and for CPUs without FMA and
  /// AVX2 (the numerics need them; docs/numerics.md §1).
  static llvm::Expected<TargetDescription> create(llvm::StringRef cpu,
                                                  llvm::StringRef attributes);

  llvm::StringRef getCpu() const { return cpu; }
  llvm::StringRef getFeatureString() const { return features; }
  bool has(llvm::StringRef feature) const;
  /// Every feature of Runtime/Features.h that generated code may use.
  const std::vector<std::string> &getFeatures() const { return enabled; }

  /// A new target machine; one per thread.
  std::unique_ptr<llvm::TargetMachine> createTargetMachine() const;

private:
  std::string cpu, features;
  std::vector<std::string> enabled;
};

} // namespace quantc

#endif // QUANTC_TARGET_TARGETDESCRIPTION_H
