// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registry of observers.

#include "quantc/Calibration/Observer.h"
#include "quantc/Calibration/Observers.h"

using namespace llvm;

namespace quantc {

template <typename T> static std::unique_ptr<Observer> make() {
  return std::make_unique<T>();
}

ArrayRef<ObserverKind> observerKinds() {
  static const ObserverKind kinds[] = {
      {ChannelAbsMax::kName, "the greatest absolute value of every channel",
       make<ChannelAbsMax>, true},
      {Histogram::kName, "how many numbers fell into each of 65536 fixed bins",
       make<Histogram>, false},
      {MinMax::kName, "the least and the greatest number", make<MinMax>, false},
      {SecondMoment::kName, "X^T X, and the sum of the rows of X",
       make<SecondMoment>, true},
  };
  return kinds;
}

const ObserverKind *findObserverKind(StringRef name) {
  for (const ObserverKind &kind : observerKinds())
    if (kind.name == name)
      return &kind;
  return nullptr;
}

std::unique_ptr<Observer> createObserver(StringRef name) {
  const ObserverKind *kind = findObserverKind(name);
  return kind ? kind->create() : nullptr;
}

std::optional<Error> Observer::agree(int64_t &channels, int64_t got) const {
  if (channels == 0)
    channels = got;
  if (channels == got || got == 0)
    return std::nullopt;
  return Error{Status::Refused, "expected " + getName().str() + " of " +
                                    std::to_string(channels) +
                                    " channels, got " + std::to_string(got)};
}

} // namespace quantc
