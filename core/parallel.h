// The one place that owns compute threads. Work is cut into chunks by shape alone and results are combined in chunk
// order, so the bits of a result do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <type_traits>

namespace ghost {

int threads();            // compute threads used by parallel_for; at first core_limit().cores (core/system_limits.h)
void set_threads(int n);  // throws UsageError unless 1 ≤ n ≤ 1024

// What a loop calls: a reference to a callable that lives until the loop is over. std::function would ask the heap for
// a copy of whatever the callable captures, at every loop.
template <class... Args>
class LoopBody {
 public:
  template <class F>
  requires std::is_invocable_v<const F&, Args...> LoopBody(const F& f)  // NOLINT(google-explicit-constructor): a lambda
      : at_(&f), call_([](const void* at, Args... args) { (*static_cast<const F*>(at))(args...); }) {}
  void operator()(Args... args) const { call_(at_, args...); }

 private:
  const void* at_;
  void (*call_)(const void* at, Args... args);
};

// Calls body(i) for i in [0, count); whichever thread is free takes the next i. An exception thrown by body is thrown
// here after all calls have ended (the one of the lowest i). Nested calls run serially.
void parallel_for(int64_t count, LoopBody<int64_t> body);

// How many chunks `items` are cut into: by shape only. `bytes_per_chunk` is the partial result that each chunk keeps
// (0: none): together they stay below 64 MiB.
int64_t chunk_count(int64_t items, int64_t bytes_per_chunk = 0);

// Calls body(chunk, begin, end) for each of `chunks` even parts of [0, items).
void parallel_chunks(int64_t items, int64_t chunks, LoopBody<int64_t, int64_t, int64_t> body);

// The order in which a pass over a large array takes its chunks: from the first to the last, or back. Every other pass
// of a thread goes back, so that it begins with what the one before has left in the caches, instead of with what has
// long been replaced. Only the order of work is different, never a result.
class Sweep {
 public:
  static Sweep there() { return Sweep(false); }  // from the first to the last
  static Sweep next();                           // the other way than the last one of this thread
  int64_t chunk(int64_t i, int64_t chunks) const { return backwards_ ? chunks - 1 - i : i; }  // the one taken i-th
  int64_t later(int64_t chunk, int64_t steps, int64_t chunks) const;  // taken so many after this one, or −1

 private:
  explicit Sweep(bool backwards) : backwards_(backwards) {}
  bool backwards_;
};
// parallel_chunks for a pass over an array of activations.
void parallel_sweep(int64_t items, int64_t chunks, LoopBody<int64_t, int64_t, int64_t> body);
void parallel_sweep(int64_t items, int64_t chunks, Sweep sweep, LoopBody<int64_t, int64_t, int64_t> body);

}  // namespace ghost
