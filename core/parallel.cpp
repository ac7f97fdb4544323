#include "core/parallel.h"

#include <algorithm>
#include <exception>
#include <omp.h>

#include "core/error.h"

namespace ghost {
namespace {

int& thread_setting() {
  static int n = std::max(1, omp_get_num_procs());
  return n;
}

}  // namespace

int threads() { return thread_setting(); }

void set_threads(int n) {
  if (n < 1 || n > 1024) fail_usage("threads: {} given, but 1 to 1024 are possible", n);
  thread_setting() = n;
}

void parallel_for(int64_t count, const std::function<void(int64_t)>& body) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), count));
  if (team <= 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < count; i++) body(i);
    return;
  }
  std::exception_ptr error;
  int64_t error_at = count;
  // An explicit num_threads: openblas_set_num_threads(1) resets OpenMP's global count on the OpenMP build.
#pragma omp parallel for schedule(static) num_threads(team)
  for (int64_t i = 0; i < count; i++) {
    try {
      body(i);
    } catch (...) {
#pragma omp critical(ghost_parallel_error)
      if (i < error_at) error_at = i, error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

int64_t chunk_count(int64_t items, int64_t bytes_per_chunk) {
  constexpr int64_t kChunks = 16, kPartialBytes = 64 << 20;
  const int64_t most = bytes_per_chunk ? std::clamp<int64_t>(kPartialBytes / bytes_per_chunk, 1, kChunks) : kChunks;
  return std::min(items, most);
}

void parallel_chunks(int64_t items, int64_t chunks, const std::function<void(int64_t, int64_t, int64_t)>& body) {
  parallel_for(chunks, [&](int64_t c) { body(c, items * c / chunks, items * (c + 1) / chunks); });
}

}  // namespace ghost
