// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers that look like activations and are the same everywhere.

#ifndef QUANTC_TEST_UNIT_CALIBRATION_SAMPLES_H
#define QUANTC_TEST_UNIT_CALIBRATION_SAMPLES_H

#include "quantc/Calibration/Observers.h"
#include <vector>

namespace quantc {

struct Sample {
  int64_t rows, channels;
  std::vector<float> data;
  Rows view() const { return {data.data(), rows, channels}; }
};

/// Channel c has numbers of about 10^(c % 5 - 2).
inline Sample makeSample(int64_t rows, int64_t channels, uint32_t seed) {
  Sample sample{rows, channels, {}};
  const float scales[] = {0.01f, 0.1f, 1, 10, 1000};
  for (int64_t i = 0; i < rows * channels; ++i) {
    seed = seed * 1664525u + 1013904223u;
    float unit = float(int32_t(seed >> 8) - (1 << 23)) * 0x1p-23f;
    sample.data.push_back(unit * scales[i % channels % 5]);
  }
  return sample;
}

/// Samples of different lengths; the last has no row.
inline std::vector<Sample> makeSamples(int64_t channels) {
  std::vector<Sample> samples;
  uint32_t seed = 1;
  for (int64_t rows : {1, 7, 130, 64, 2, 300, 0})
    samples.push_back(makeSample(rows, channels, seed++));
  return samples;
}

template <typename T>
void observe(T &observer, llvm::ArrayRef<Sample> samples,
             bool backwards = false) {
  for (const Sample &sample : samples) {
    int64_t parts = observer.prepare(sample.view());
    for (int64_t part = 0; part < parts; ++part)
      observer.observe(sample.view(), backwards ? parts - 1 - part : part);
  }
}

/// All bytes that an observer saves.
inline std::string savedBytes(const Observer &observer) {
  SafeTensorsWriter writer;
  observer.save("p/o/", writer);
  return writer.toBytes();
}

} // namespace quantc

#endif // QUANTC_TEST_UNIT_CALIBRATION_SAMPLES_H
