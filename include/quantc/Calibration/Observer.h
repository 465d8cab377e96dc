// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What calibration measures at an observation point.
//
// In: the rows of a value, sample by sample.  Out: a statistic that is the same
// for any number of threads and any split of the samples into runs that are
// merged later, bit for bit.  Never here: what a statistic is used for.
//
// An observer is one class in one file of lib/Calibration, known by its name in
// the registry (kObservers).

#ifndef QUANTC_CALIBRATION_OBSERVER_H
#define QUANTC_CALIBRATION_OBSERVER_H

#include "quantc/Calibration/SafeTensors.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <memory>

namespace quantc {

/// A value of one sample as a matrix: finite numbers, row-major, padding left
/// out.  A row runs along the channel axis.
struct Rows {
  const float *data = nullptr;
  int64_t count = 0, channels = 0;
};

class Observer {
public:
  virtual ~Observer() = default;

  /// The name in the registry, in qnn.observe and in files.
  virtual llvm::StringRef getName() const = 0;

  /// Called before a sample is observed.  Returns into how many parts the work
  /// is cut, at least 1.
  virtual int64_t prepare(const Rows &rows) = 0;
  /// Does one part.  Parts may run at once and in any order.
  virtual void observe(const Rows &rows, int64_t part) = 0;

  /// Adds what an observer of the same kind has seen.  An error says what does
  /// not agree.
  virtual std::optional<Error> merge(const Observer &other) = 0;

  /// The state as arrays named `prefix + NAME`; they borrow from the observer.
  virtual void save(llvm::StringRef prefix, SafeTensorsWriter &file) const = 0;
  /// The reverse, for an observer that has seen nothing.
  virtual std::optional<Error> load(llvm::StringRef prefix,
                                    const SafeTensorsFile &file) = 0;

protected:
  /// Keeps the number of channels, or says that `got` differs from it.
  std::optional<Error> agree(int64_t &channels, int64_t got) const;
};

struct ObserverKind {
  llvm::StringRef name;
  llvm::StringRef summary;
  std::unique_ptr<Observer> (*create)();
  /// Has a state per channel: the number of channels must be fixed.
  bool perChannel;
};

/// All observers, by name.
llvm::ArrayRef<ObserverKind> observerKinds();

/// The kind of that name, or null.
const ObserverKind *findObserverKind(llvm::StringRef name);

/// A new observer of that name, or null.
std::unique_ptr<Observer> createObserver(llvm::StringRef name);

} // namespace quantc

#endif // QUANTC_CALIBRATION_OBSERVER_H
