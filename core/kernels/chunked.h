// Per-channel reductions in two steps: each chunk of a parallel loop gathers its own, then all are merged in chunk
// order in f64, so that the bits do not depend on the number of threads.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/rows.h"

namespace ghost {

// How many pixels of this many channels stay in the nearest cache.
inline int64_t pixels_per_run(int64_t channels) { return std::max<int64_t>(1, 4096 / std::max<int64_t>(channels, 1)); }

// Sums per channel over fewer pixels than this cost more to end than to make.
constexpr int64_t kPixelsPerSum = 16;

// Totals of all chunks in one block of memory; those of a chunk are 0 from its first row on.
class ChunkTotals {
 public:
  ChunkTotals(int64_t chunks, int64_t size);
  double* of(int64_t chunk);               // size; one thread at a time for each chunk
  const double* get(int64_t chunk) const;  // null: of() was never called for this chunk
  int64_t chunks() const { return static_cast<int64_t>(begun_.size()); }

 private:
  int64_t size_;
  std::vector<char> begun_;
  std::unique_ptr<double[]> totals_;
};

// Count, mean and M2 of each channel. Every chunk sums about a pivot, its first pixel, so that a large mean costs no
// digits.
template <class S>
class ChunkedStatistics {
  using T = Compute<S>;

 public:
  ChunkedStatistics(int64_t chunks, int64_t channels);
  void add_row(int64_t chunk, const S* z, int64_t step, int64_t w);  // z (W, C)
  StatisticsPtr merged() const;

 private:
  int64_t channels_;
  std::vector<double> count_;   // [chunk]
  std::unique_ptr<T[]> pivot_;  // [chunk][channel]
  ChunkTotals totals_;          // Σ and Σ² about the pivot
};

// Σ m·g and Σ m·g·(raw − mean) of the gradient g of a body with a pending transform.
template <class S>
class ChunkedSums {
 public:
  ChunkedSums(int64_t chunks, const Body& of, const Array& g);
  void add(int64_t chunk, int64_t first, int64_t count);  // pixels whose gradient has got its last write
  SumsPtr merged() const;

 private:
  struct Run {  // of channels that lie in one part of both
    int64_t first, count;
    const S *g, *raw;
    int64_t g_stride, raw_stride;
  };
  const Pending& pending_;
  std::vector<Run> runs_;
  ChunkTotals totals_;  // both sums
};

// Does what an epilogue asks for, on pixels that have just been written.
template <class S>
class EpilogueRunner {
 public:
  EpilogueRunner(const GradEpilogue& epilogue, const Array& g, int64_t chunks);
  EpilogueRunner(const GradSink::Slot& slot, int64_t chunks) : EpilogueRunner(slot.epilogue, slot.to, chunks) {}
  void add(int64_t chunk, int64_t first, int64_t count);  // pixels whose gradient has got its last write
  EpilogueResult merged() const;

 private:
  struct Masked {  // channels that lie in one part of the gradient and what its mask is of
    View<S> g, raw;
    RowGradient<Compute<S>> mask;
  };
  GradEpilogue epilogue_;
  std::vector<Masked> masked_;
  std::vector<ChunkedSums<S>> sums_;  // for those of epilogue_.sums_of that are not null
};

// The transform of a body or gradient from this channel on, as the row kernels take it.
template <class T>
RowTransform<T> row_transform(const Pending& p, int64_t first = 0) {
  return {.scale = p.scale.data<T>() + first,
          .shift = p.shift.data<T>() + first,
          .floor = p.floor.data<T>() + first,
          .ceiling = p.ceiling.size() > 0 ? p.ceiling.data<T>() + first : nullptr,
          .function = p.function};
}
template <class T>
RowGradient<T> row_gradient(const GradTransform& t, int64_t first = 0) {
  return {row_transform<T>(*t.mask, first), t.on_g.data<T>() + first, t.on_raw.data<T>() + first,
          t.offset.data<T>() + first};
}

// Statistics of values whose writer took none in an epilogue.
StatisticsPtr take_statistics(const Array& values);

}  // namespace ghost
