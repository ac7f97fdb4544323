#include "core/parallel.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <gtest/gtest.h>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/error.h"
#include "support/programs.h"

namespace ghost::test {
namespace {

TEST(ParallelFor, CallsEachIndexOnce) {
  for (const int n : {1, 2, 3, 8}) {
    const Threads setting(n);
    for (const int64_t count : {0, 1, 2, 7, 1000}) {
      std::vector<std::atomic<int>> calls(static_cast<size_t>(count));
      parallel_for(count, [&](int64_t i) { calls[static_cast<size_t>(i)]++; });
      for (const auto& c : calls) EXPECT_EQ(c, 1);
    }
  }
}

TEST(ParallelSweep, CallsEachChunkOnceWithItsPart) {
  for (const int n : {1, 2, 3}) {
    const Threads setting(n);
    for (int pass = 0; pass < 2; pass++) {  // there and back
      std::vector<std::atomic<int64_t>> items(100);
      parallel_sweep(100, 7, [&](int64_t chunk, int64_t begin, int64_t end) {
        EXPECT_EQ(begin, 100 * chunk / 7);
        EXPECT_EQ(end, 100 * (chunk + 1) / 7);
        for (int64_t i = begin; i < end; i++) items[static_cast<size_t>(i)]++;
      });
      for (const auto& i : items) EXPECT_EQ(i, 1);
    }
  }
}

TEST(ParallelSweep, EveryOtherPassGoesBack) {
  const Threads setting(1);
  const auto order = [] {
    std::vector<int64_t> chunks;
    parallel_sweep(8, 4, [&](int64_t chunk, int64_t, int64_t) { chunks.push_back(chunk); });
    return chunks;
  };
  std::vector<std::vector<int64_t>> passes{order(), order(), order()};
  if (passes[0][0] != 0) passes.erase(passes.begin());
  EXPECT_EQ(passes[0], (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(passes[1], (std::vector<int64_t>{3, 2, 1, 0}));
}

TEST(ParallelSweep, TellsWhichChunkIsTakenLater) {
  for (int pass = 0; pass < 2; pass++) {
    const Sweep sweep = Sweep::next();
    std::vector<int64_t> order;
    for (int64_t i = 0; i < 5; i++) order.push_back(sweep.chunk(i, 5));
    for (int64_t i = 0; i < 5; i++) {
      EXPECT_EQ(sweep.later(order[static_cast<size_t>(i)], 2, 5), i + 2 < 5 ? order[static_cast<size_t>(i + 2)] : -1);
    }
  }
}

// Each call waits for all others: only n threads at once can get through.
TEST(ParallelFor, UsesAsManyThreadsAsSet) {
  for (const int n : {1, 2, 4}) {
    const Threads setting(n);
    std::mutex lock;
    std::condition_variable all_here;
    std::set<std::thread::id> seen;
    parallel_for(n, [&](int64_t) {
      std::unique_lock hold(lock);
      seen.insert(std::this_thread::get_id());
      all_here.notify_all();
      all_here.wait_for(hold, std::chrono::seconds(60), [&] { return seen.size() == static_cast<size_t>(n); });
    });
    EXPECT_EQ(seen.size(), static_cast<size_t>(n));
  }
}

TEST(ParallelFor, NeverUsesMoreThreadsThanSet) {
  for (const int n : {4, 2, 1}) {  // falling: threads of the earlier loop are still there
    const Threads setting(n);
    std::mutex lock;
    std::set<std::thread::id> seen;
    for (int loop = 0; loop < 100; loop++) {
      seen.clear();
      parallel_for(64, [&](int64_t) {
        const std::lock_guard hold(lock);
        seen.insert(std::this_thread::get_id());
      });
      ASSERT_LE(seen.size(), static_cast<size_t>(n));
    }
  }
}

TEST(ParallelFor, LoopsOfSeveralThreadsAtOnceAllFinish) {
  const Threads setting(3);
  std::atomic<int64_t> total{0};
  std::vector<std::jthread> callers;
  for (int c = 0; c < 4; c++)
    callers.emplace_back([&] {
      for (int loop = 0; loop < 200; loop++) parallel_for(10, [&](int64_t i) { total += i; });
    });
  callers.clear();
  EXPECT_EQ(total, 4 * 200 * 45);
}

TEST(ParallelFor, ThrowsTheFirstIndexesExceptionAfterAllCallsEnded) {
  for (const int n : {2, 4}) {
    const Threads setting(n);
    std::atomic<int> calls{0};
    try {
      parallel_for(40, [&](int64_t i) {
        calls++;
        if (i % 10 == 3) throw Error("at " + std::to_string(i));
      });
      FAIL() << "nothing was thrown";
    } catch (const Error& e) {
      EXPECT_STREQ(e.what(), "at 3");
    }
    EXPECT_EQ(calls, 40);
    // and the team is usable afterwards
    std::atomic<int> after{0};
    parallel_for(10, [&](int64_t) { after++; });
    EXPECT_EQ(after, 10);
  }
}

TEST(ParallelFor, ThrowsWithOneThreadToo) {
  const Threads setting(1);
  EXPECT_THROW(parallel_for(3, [](int64_t) { throw Error("x"); }), Error);
}

TEST(ParallelFor, NestedCallsRunInTheCallingThread) {
  const Threads setting(2);
  std::atomic<int> calls{0}, elsewhere{0};
  parallel_for(4, [&](int64_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(5, [&](int64_t) {
      calls++;
      if (std::this_thread::get_id() != outer) elsewhere++;
    });
  });
  EXPECT_EQ(calls, 20);
  EXPECT_EQ(elsewhere, 0);
}

TEST(Chunks, CoverAllItemsWithoutOverlap) {
  for (const int64_t items : {1, 5, 16, 17, 1000})
    for (const int64_t chunks : {int64_t{1}, int64_t{3}, chunk_count(items)}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(items));
      std::atomic<int64_t> calls{0};
      parallel_chunks(items, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
        calls++;
        EXPECT_GE(chunk, 0);
        EXPECT_LT(chunk, chunks);
        for (int64_t i = begin; i < end; i++) hits[static_cast<size_t>(i)]++;
      });
      EXPECT_EQ(calls, chunks);
      for (const auto& h : hits) EXPECT_EQ(h, 1);
    }
}

TEST(Chunks, AreCountedByShapeAlone) {
  std::vector<int64_t> counts;
  for (const int n : {1, 2, 7}) {
    const Threads setting(n);
    counts.push_back(chunk_count(1000, 1 << 10));
  }
  EXPECT_EQ(counts, std::vector<int64_t>(3, counts[0]));
  EXPECT_EQ(chunk_count(0), 0);
  EXPECT_EQ(chunk_count(3), 3);
}

TEST(Chunks, PartialResultsStayBelow64MiBTogether) {
  for (const int64_t bytes : {int64_t{1}, int64_t{5} << 20, int64_t{9} << 20, int64_t{64} << 20}) {
    EXPECT_LE(chunk_count(1'000'000, bytes) * bytes, int64_t{64} << 20);
    EXPECT_GE(chunk_count(1'000'000, bytes), 1);
  }
  EXPECT_EQ(chunk_count(1'000'000, int64_t{1} << 40), 1);
}

TEST(ThreadCount, IsRefusedOutsideOfItsRange) {
  const int before = threads();
  EXPECT_GE(before, 1);
  for (const int n : {0, -1, 1025}) EXPECT_THROW(set_threads(n), UsageError);
  EXPECT_EQ(threads(), before);
}

}  // namespace
}  // namespace ghost::test
