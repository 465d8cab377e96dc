// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registry of sensitivity providers.

#include "quantc/Allocation/Sensitivity.h"
#include "Sensitivities.h"
#include "llvm/ADT/StringExtras.h"
#include <map>
#include <mutex>

using namespace mlir;

namespace quantc {

SensitivityProvider::~SensitivityProvider() = default;

namespace {
struct Registry {
  std::mutex mutex;
  std::map<StringRef, SensitivityProvider::Factory> factories = {
      {"output", createOutputSensitivity}, {"weight", createWeightSensitivity}};

  static Registry &get() {
    static Registry registry;
    return registry;
  }
};
} // namespace

void SensitivityProvider::add(StringRef name, Factory create) {
  Registry &registry = Registry::get();
  std::lock_guard lock(registry.mutex);
  registry.factories.try_emplace(name, create);
}

std::vector<StringRef> SensitivityProvider::getNames() {
  Registry &registry = Registry::get();
  std::lock_guard lock(registry.mutex);
  std::vector<StringRef> names;
  for (const auto &[name, create] : registry.factories)
    names.push_back(name);
  return names;
}

std::unique_ptr<SensitivityProvider> SensitivityProvider::find(StringRef name) {
  Registry &registry = Registry::get();
  std::lock_guard lock(registry.mutex);
  auto it = registry.factories.find(name);
  return it == registry.factories.end() ? nullptr : it->second();
}

std::unique_ptr<SensitivityProvider>
SensitivityProvider::create(EmitError emitError, StringRef name) {
  if (auto provider = find(name))
    return provider;
  emitError() << "there is no sensitivity '" << name
              << "'; expected one of: " << llvm::join(getNames(), ", ");
  return nullptr;
}

} // namespace quantc
