// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics in memory, merged, and as a file.
//
// The metadata key "quantc.points" has one line for each point: its key, its
// observers with commas between, and its name.  The arrays of an observer are
// named POINT/OBSERVER/ARRAY.

#include "quantc/Calibration/Statistics.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;

namespace quantc {

namespace {

constexpr StringLiteral kVersionKey = "quantc.statistics";
constexpr StringLiteral kVersion = "1";
constexpr StringLiteral kModelKey = "quantc.model_sha256";
constexpr StringLiteral kSamplesKey = "quantc.samples";
constexpr StringLiteral kPointsKey = "quantc.points";

std::string prefixOf(const PointStatistics &point, const Observer &observer) {
  return point.name + "/" + observer.getName().str() + "/";
}

std::string observerNames(const PointStatistics &point) {
  std::string names;
  for (const auto &observer : point.observers)
    names += (names.empty() ? "" : ",") + observer->getName().str();
  return names;
}

} // namespace

Observer *PointStatistics::find(StringRef observer) const {
  for (const auto &candidate : observers)
    if (candidate->getName() == observer)
      return candidate.get();
  return nullptr;
}

PointStatistics *Statistics::find(StringRef name) const {
  return byName.lookup(name);
}

std::optional<Error> Statistics::find(StringRef name, StringRef key,
                                      const PointStatistics *&point) const {
  point = find(name);
  if (!point || point->key == key)
    return std::nullopt;
  return Error{Status::Refused,
               "the statistics of '" + name.str() +
                   "' are stale: something before it changed since they were "
                   "measured (expected key " +
                   key.str() + ", got " + point->key + "); calibrate again"};
}

std::optional<Error> Statistics::insert(StringRef name, StringRef key,
                                        PointStatistics *&point) {
  const PointStatistics *known = nullptr;
  if (auto error = find(name, key, known))
    return error;
  if (!known) {
    points.push_back(std::make_unique<PointStatistics>());
    points.back()->name = name.str();
    points.back()->key = key.str();
    byName[name] = points.back().get();
  }
  point = byName[name];
  return std::nullopt;
}

std::optional<Error> Statistics::merge(const Statistics &other) {
  for (const auto &theirs : other.points)
    if (!find(theirs->name))
      return Error{Status::Refused, "'" + theirs->name +
                                        "' is in one of the files only; "
                                        "calibrate both with the same options"};
  for (const auto &point : points) {
    const PointStatistics *theirs = nullptr;
    if (auto error = other.find(point->name, point->key, theirs))
      return error;
    if (!theirs)
      return Error{Status::Refused, "'" + point->name +
                                        "' is in one of the files only; "
                                        "calibrate both with the same options"};
    if (observerNames(*point) != observerNames(*theirs))
      return Error{Status::Refused, "expected '" + point->name +
                                        "' to have the observers " +
                                        observerNames(*point) + ", got " +
                                        observerNames(*theirs)};
    for (auto [mine, added] : zip(point->observers, theirs->observers))
      if (auto error = mine->merge(*added)) {
        error->message = "'" + point->name + "': " + error->message;
        return error;
      }
  }
  samples += other.samples;
  return std::nullopt;
}

std::optional<Error> Statistics::save(StringRef path) const {
  SafeTensorsWriter file;
  file.addMetadata(kVersionKey, kVersion);
  file.addMetadata(kModelKey, modelHash);
  file.addMetadata(kSamplesKey, std::to_string(samples));
  std::string text;
  for (const auto &point : points)
    text += point->key + " " + observerNames(*point) + " " + point->name + "\n";
  file.addMetadata(kPointsKey, text);
  for (const auto &point : points)
    for (const auto &observer : point->observers)
      observer->save(prefixOf(*point, *observer), file);
  return file.write(path);
}

static std::optional<Error>
readPoint(StringRef line, const SafeTensorsFile &file, Statistics &statistics) {
  auto [key, rest] = line.split(' ');
  auto [observers, name] = rest.split(' ');
  if (key.empty() || observers.empty() || name.empty())
    return Error{Status::Refused, "its list of points is damaged"};
  if (statistics.find(name))
    return Error{Status::Refused, "'" + name.str() + "' occurs twice"};
  PointStatistics *point = nullptr;
  if (auto error = statistics.insert(name, key, point))
    return error;
  for (StringRef kind : split(observers, ',')) {
    std::unique_ptr<Observer> observer = createObserver(kind);
    if (!observer || point->find(kind))
      return Error{Status::Refused, "'" + name.str() +
                                        "' has an unknown or repeated "
                                        "observer '" +
                                        kind.str() + "'"};
    if (auto error = observer->load(prefixOf(*point, *observer), file))
      return error;
    point->observers.push_back(std::move(observer));
  }
  return std::nullopt;
}

std::optional<Error> Statistics::read(const SafeTensorsFile &file,
                                      Statistics &statistics) {
  std::optional<StringRef> version = file.getMetadata(kVersionKey);
  if (version != kVersion)
    return Error{Status::Refused,
                 version ? "expected statistics of version " + kVersion.str() +
                               ", got '" + version->str() + "'"
                         : "it holds no statistics of quantc calibrate"};
  statistics.modelHash = file.getMetadata(kModelKey).value_or("");
  if (file.getMetadata(kSamplesKey)
          .value_or("")
          .getAsInteger(10, statistics.samples) ||
      statistics.samples < 0 || statistics.samples > (int64_t(1) << 47))
    return Error{Status::Refused, "its number of samples is damaged"};
  StringRef text = file.getMetadata(kPointsKey).value_or("");
  if (text.empty())
    return std::nullopt;
  for (StringRef line : split(text.rtrim('\n'), '\n'))
    if (auto error = readPoint(line, file, statistics))
      return error;
  return std::nullopt;
}

std::optional<Error> Statistics::load(StringRef path, Statistics &statistics) {
  SafeTensorsFile file;
  if (auto error = SafeTensorsFile::open(path, file))
    return error;
  Statistics loaded;
  if (auto error = read(file, loaded)) {
    if (!StringRef(error->message).contains(path))
      error->message = "'" + path.str() + "': " + error->message;
    return error;
  }
  statistics = std::move(loaded);
  return std::nullopt;
}

mlir::LogicalResult loadStatistics(mlir::Operation *op, StringRef path,
                                   Statistics &statistics) {
  if (auto error = Statistics::load(path, statistics))
    return op->emitError(error->message);
  return mlir::success();
}

} // namespace quantc
