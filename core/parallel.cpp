#include "core/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/system_limits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ghost {
namespace {

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Waits until changed(value) holds: first awake for some microseconds, as the next loop usually follows at once, then
// asleep.
template <class V, class Changed>
V wait_until(const std::atomic<V>& at, Changed changed) {
  for (int i = 0; i < 4000; i++) {
    const V v = at.load(std::memory_order_acquire);
    if (changed(v)) return v;
    relax();
  }
  for (;;) {
    const V v = at.load(std::memory_order_acquire);
    if (changed(v)) return v;
    at.wait(v, std::memory_order_acquire);
  }
}

thread_local bool in_loop = false;

// Worker threads that take the indices of one loop at a time from a shared counter. Which thread runs an index is left
// to chance, which keeps both busy when one is held up; results may not depend on it. A loop is over when its indices
// are: nobody waits for a worker that has not come yet, because its core had something else to do.
class Pool {
 public:
  // False if another thread's loop has the workers: the caller then runs its loop alone.
  bool run(int64_t count, int team, LoopBody<int64_t> body) {
    const std::unique_lock hold(busy_, std::try_to_lock);
    if (!hold) return false;
    while (workers_.size() + 1 < static_cast<size_t>(team)) {
      const auto index = static_cast<uint64_t>(workers_.size());
      workers_.emplace_back([this, index, seen = signal_.load()] { work(index, seen); });
    }
    count_ = count, body_ = &body, error_ = nullptr, error_at_ = count;
    next_.store(0, std::memory_order_relaxed);
    // The gate lets workers in that come for this loop, whose number it shows, and counts them.
    const uint64_t loop = (signal_.load(std::memory_order_relaxed) >> kTeamBits) + 1;
    gate_.store(loop << kTeamBits, std::memory_order_release);
    signal_.store(loop << kTeamBits | static_cast<uint64_t>(team), std::memory_order_release);
    signal_.notify_all();
    take_indices();
    gate_.fetch_or(kClosed, std::memory_order_acq_rel);
    wait_until(gate_, [](uint64_t g) { return (g & kInside) == 0; });
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  static constexpr int kTeamBits = 16;
  static constexpr uint64_t kInside = (uint64_t{1} << kTeamBits) - 1, kClosed = uint64_t{1} << 63;

  void work(uint64_t index, uint64_t seen) {
    for (;;) {
      seen = wait_until(signal_, [&](uint64_t s) { return s != seen; });
      const uint64_t team = seen & kInside;
      if (index + 1 >= team || !enter(seen >> kTeamBits)) continue;
      take_indices();
      if ((gate_.fetch_sub(1, std::memory_order_acq_rel) & kInside) == 1) gate_.notify_all();
    }
  }
  // False if that loop is over.
  bool enter(uint64_t loop) {
    uint64_t gate = gate_.load(std::memory_order_acquire);
    while (gate >> kTeamBits == loop)
      if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  void take_indices() {
    in_loop = true;
    for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_;) {
      try {
        (*body_)(i);
      } catch (...) {
        const std::lock_guard hold(error_lock_);
        if (i < error_at_) error_at_ = i, error_ = std::current_exception();
      }
    }
    in_loop = false;
  }

  std::mutex busy_, error_lock_;
  std::vector<std::jthread> workers_;
  const LoopBody<int64_t>* body_ = nullptr;
  int64_t count_ = 0, error_at_ = 0;
  std::exception_ptr error_;
  alignas(64) std::atomic<uint64_t> signal_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  alignas(64) std::atomic<uint64_t> gate_{kClosed};
};

// Never destroyed: a worker may still be asleep in it when the process ends.
Pool& pool() {
  static auto* p = new Pool;
  return *p;
}

std::atomic<int>& thread_setting() {
  static std::atomic<int> n{core_limit().cores};
  return n;
}

}  // namespace

int threads() { return thread_setting(); }

void set_threads(int n) {
  if (n < 1 || n > 1024) fail_usage("threads: {} given, but 1 to 1024 are possible", n);
  thread_setting() = n;
}

void parallel_for(int64_t count, LoopBody<int64_t> body) {
  const int team = static_cast<int>(std::min<int64_t>(threads(), count));
  if (team > 1 && !in_loop && pool().run(count, team, body)) return;
  std::exception_ptr error;
  for (int64_t i = 0; i < count; i++) {
    try {
      body(i);
    } catch (...) {
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

int64_t chunk_count(int64_t items, int64_t bytes_per_chunk) {
  constexpr int64_t kChunks = 16, kPartialBytes = 64 << 20;
  const int64_t most = bytes_per_chunk ? std::clamp<int64_t>(kPartialBytes / bytes_per_chunk, 1, kChunks) : kChunks;
  return std::min(items, most);
}

void parallel_chunks(int64_t items, int64_t chunks, LoopBody<int64_t, int64_t, int64_t> body) {
  parallel_sweep(items, chunks, Sweep::there(), body);
}

Sweep Sweep::next() {
  thread_local bool backwards = true;
  backwards = !backwards;
  return Sweep(backwards);
}

int64_t Sweep::later(int64_t chunk, int64_t steps, int64_t chunks) const {
  const int64_t c = backwards_ ? chunk - steps : chunk + steps;
  return 0 <= c && c < chunks ? c : -1;
}

void parallel_sweep(int64_t items, int64_t chunks, Sweep sweep, LoopBody<int64_t, int64_t, int64_t> body) {
  parallel_for(chunks, [&](int64_t i) {
    const int64_t c = sweep.chunk(i, chunks);
    body(c, items * c / chunks, items * (c + 1) / chunks);
  });
}

void parallel_sweep(int64_t items, int64_t chunks, LoopBody<int64_t, int64_t, int64_t> body) {
  parallel_sweep(items, chunks, Sweep::next(), body);
}

}  // namespace ghost
