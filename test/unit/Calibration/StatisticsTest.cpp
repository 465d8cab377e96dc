// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Statistics as files, merged, and looked up under the right key.

#include "quantc/Calibration/Statistics.h"
#include "Samples.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

namespace quantc {
namespace {

class StatisticsTest : public testing::Test {
protected:
  StatisticsTest() {
    llvm::sys::fs::createUniqueDirectory("quantc-statistics", folder);
  }
  ~StatisticsTest() override { llvm::sys::fs::remove_directories(folder); }

  std::string path(llvm::StringRef name) {
    llvm::SmallString<128> result(folder);
    llvm::sys::path::append(result, name);
    return std::string(result);
  }
  static std::string bytesOf(const std::string &file) {
    return (*llvm::MemoryBuffer::getFile(file))->getBuffer().str();
  }

  static void measure(Statistics &statistics, llvm::ArrayRef<Sample> samples,
                      llvm::StringRef key = "k1") {
    for (llvm::StringRef name : {"layer/0", "b c"}) {
      PointStatistics *point = nullptr;
      ASSERT_FALSE(statistics.insert(name, key, point));
      for (const ObserverKind &kind : observerKinds()) {
        point->observers.push_back(kind.create());
        observe(*point->observers.back(), samples);
      }
    }
    statistics.samples = int64_t(samples.size());
    statistics.modelHash = "m";
  }

  llvm::SmallString<128> folder;
};

TEST_F(StatisticsTest, FilesAndHalves) {
  std::vector<Sample> samples = makeSamples(5);
  llvm::ArrayRef<Sample> all = samples;
  Statistics whole, left, right;
  measure(whole, all);
  measure(left, all.take_front(3));
  measure(right, all.drop_front(3));
  ASSERT_FALSE(whole.save(path("whole")));
  ASSERT_FALSE(left.save(path("left")));
  ASSERT_FALSE(right.save(path("right")));
  Statistics first, second;
  ASSERT_FALSE(Statistics::load(path("left"), first));
  ASSERT_FALSE(Statistics::load(path("right"), second));
  ASSERT_FALSE(first.merge(second));
  ASSERT_FALSE(first.save(path("merged")));
  EXPECT_EQ(bytesOf(path("merged")), bytesOf(path("whole")));
  EXPECT_EQ(first.samples, 7);
  const auto *moment = first.find("b c")->get<SecondMoment>();
  ASSERT_TRUE(moment);
  EXPECT_EQ(moment->getCount(), 504);
}

TEST_F(StatisticsTest, StaleKeysNameTheirPoint) {
  Statistics statistics, other;
  measure(statistics, makeSamples(2));
  measure(other, makeSamples(2), "k2");
  const PointStatistics *point = nullptr;
  EXPECT_FALSE(statistics.find("layer/0", "k1", point));
  EXPECT_TRUE(point);
  EXPECT_FALSE(statistics.find("layer/1", "k1", point));
  EXPECT_FALSE(point);
  std::optional<Error> error = statistics.find("layer/0", "k2", point);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message,
            "the statistics of 'layer/0' are stale: something before it "
            "changed since they were measured (expected key k2, got k1); "
            "calibrate again");
  error = statistics.merge(other);
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("'layer/0' are stale"), std::string::npos);
}

TEST_F(StatisticsTest, RefusesOtherPointsAndObservers) {
  Statistics statistics, less, fewer;
  measure(statistics, makeSamples(2));
  PointStatistics *point = nullptr;
  ASSERT_FALSE(less.insert("layer/0", "k1", point));
  EXPECT_TRUE(statistics.merge(less));
  EXPECT_TRUE(less.merge(statistics));
  measure(fewer, makeSamples(2));
  fewer.find("b c")->observers.pop_back();
  std::optional<Error> error = statistics.merge(fewer);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message,
            "expected 'b c' to have the observers "
            "channel-absmax,histogram,min-max,second-moment, got "
            "channel-absmax,histogram,min-max");
}

TEST_F(StatisticsTest, EveryChangedByteIsReadOrRefused) {
  Statistics statistics;
  measure(statistics, makeSamples(2));
  ASSERT_FALSE(statistics.save(path("good")));
  std::string good = bytesOf(path("good"));
  for (size_t i = 0; i < good.size(); i += 1 + i / 64) {
    std::string bad = good;
    bad[i] = char(bad[i] ^ 0x55);
    std::error_code code;
    llvm::raw_fd_ostream(path("bad"), code) << bad;
    Statistics loaded;
    if (!Statistics::load(path("bad"), loaded))
      for (const auto &point : loaded.getPoints())
        if (const auto *moment = point->get<SecondMoment>())
          moment->getMatrix();
  }
  EXPECT_TRUE(Statistics::load(path("none"), statistics));
}

} // namespace
} // namespace quantc
