#include "bench/limits.h"

#include <algorithm>
#include <chrono>
#include <unistd.h>

#include "core/kernels/rows.h"
#include "core/memory.h"
#include "core/memory_cache.h"
#include "core/parallel.h"

namespace ghost::bench {
namespace {

// The shortest of some calls, after one that is not counted.
template <class F>
double best_seconds(int repeats, F&& call) {
  call();
  double best = 1e30;
  for (int i = 0; i < repeats; i++) {
    const auto start = std::chrono::steady_clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double peak_flops() {
  const RowKernels<float>& kernels = rows<float>();
  constexpr int64_t kRounds = 1'000'000;  // about 2 ms: longer than threads take to start, shorter than their turns
  const auto parts = static_cast<int64_t>(threads());
  std::vector<std::vector<float>> results(static_cast<size_t>(parts));
  const double seconds = best_seconds(60, [&] {
    parallel_for(parts, [&](int64_t i) {
      std::vector<float>& result = results[static_cast<size_t>(i)];
      result.assign(static_cast<size_t>(kernels.lanes), 0.5f);
      kernels.peak(result.data(), kRounds);
    });
  });
  return static_cast<double>(kRounds * kernels.peak_flops * parts) / seconds;
}

// Large enough that nothing of one pass is left in a cache for the next.
int64_t triad_length() {
  const int64_t cache = std::max<int64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE), int64_t{8} << 20);
  return std::min<int64_t>(4 * cache, int64_t{512} << 20) / static_cast<int64_t>(sizeof(float));
}

double triad_bytes() {
  const int64_t length = triad_length();
  const size_t bytes = static_cast<size_t>(length) * sizeof(float);
  double seconds = 0;
  {
    const Storage a(bytes), b(bytes), c(bytes);
    float* const to = static_cast<float*>(a.data());
    float *const x = static_cast<float*>(b.data()), *const y = static_cast<float*>(c.data());
    const auto each_part = [&](auto&& body) {
      parallel_chunks(length, 64, [&](int64_t, int64_t begin, int64_t end) { body(begin, end); });
    };
    each_part([&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) to[i] = 0, x[i] = 1, y[i] = 2;
    });
    seconds = best_seconds(10, [&] {
      each_part([&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i++) to[i] = x[i] + 3 * y[i];
      });
    });
  }
  release_cached_memory();
  return 3 * static_cast<double>(bytes) / seconds;
}

}  // namespace

Limits measure_limits() { return {.flops = peak_flops(), .bytes = triad_bytes()}; }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace ghost::bench
