// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The table of operators.

#include "Importer.h"

using namespace mlir;

namespace quantc::onnx_frontend {

static std::string operatorName(StringRef domain, StringRef op) {
  return (domain.empty() ? "ai.onnx" : domain).str() + "." + op.str();
}

const Registry &Registry::get() {
  static const Registry registry = [] {
    Registry table;
    registerElementwise(table);
    registerActivations(table);
    registerConstants(table);
    registerTensor(table);
    registerLayout(table);
    registerSlice(table);
    registerNetwork(table);
    registerReduce(table);
    registerNormalization(table);
    registerAttention(table);
    registerScalar(table);
    registerIndexing(table);
    registerSearch(table);
    registerTopK(table);
    registerResize(table);
    registerQuantized(table);
    registerBlocks(table);
    registerContrib(table);
    registerQLinear(table);
    registerContribAttention(table);
    registerRecurrent(table);
    registerWindows(table);
    registerConvTranspose(table);
    registerSignal(table);
    registerFourier(table);
    registerTfIdf(table);
    registerSelection(table);
    registerControl(table);
    registerLoops(table);
    registerEinsum(table);
    registerSequence(table);
    return table;
  }();
  return registry;
}

void Registry::add(StringRef op, Handler handler, int64_t since,
                   StringRef domain) {
  handlers[operatorName(domain, op)].emplace_back(since, handler);
}

Handler Registry::lookup(StringRef domain, StringRef op, int64_t opset) const {
  auto found = handlers.find(operatorName(domain, op));
  if (found == handlers.end())
    return nullptr;
  Handler newest = nullptr;
  int64_t best = 0;
  for (auto [since, handler] : found->second) {
    if (since > opset || since < best)
      continue;
    best = since;
    newest = handler;
  }
  return newest;
}

std::vector<std::pair<std::string, std::string>> Registry::names() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto &entry : handlers) {
    auto [domain, name] = entry.first().rsplit('.');
    result.emplace_back(domain == "ai.onnx" ? "" : domain.str(), name.str());
  }
  llvm::sort(result);
  return result;
}

} // namespace quantc::onnx_frontend
