#include "core/kernels/chunked.h"

#include <algorithm>

#include "core/parallel.h"

namespace ghost {

ChunkTotals::ChunkTotals(int64_t chunks, int64_t size)
    : size_(size),
      begun_(static_cast<size_t>(chunks), 0),
      totals_(std::make_unique_for_overwrite<double[]>(static_cast<size_t>(chunks * size))) {}

double* ChunkTotals::of(int64_t chunk) {
  double* totals = totals_.get() + chunk * size_;
  char& begun = begun_[static_cast<size_t>(chunk)];
  if (!begun) std::fill_n(totals, size_, 0.0), begun = 1;
  return totals;
}

const double* ChunkTotals::get(int64_t chunk) const {
  return begun_[static_cast<size_t>(chunk)] ? totals_.get() + chunk * size_ : nullptr;
}

template <class S>
ChunkedStatistics<S>::ChunkedStatistics(int64_t chunks, int64_t channels)
    : channels_(channels),
      count_(static_cast<size_t>(chunks), 0),
      pivot_(std::make_unique_for_overwrite<T[]>(static_cast<size_t>(chunks * channels))),
      totals_(chunks, 2 * channels) {}

template <class S>
void ChunkedStatistics<S>::add_row(int64_t chunk, const S* z, int64_t step, int64_t w) {
  if (w == 0) return;
  double& count = count_[static_cast<size_t>(chunk)];
  T* pivot = pivot_.get() + chunk * channels_;
  if (count == 0) passes<S>().stage({pivot, 0, channels_}, {z, 0, channels_}, 1, 1, channels_, nullptr);
  count += static_cast<double>(w);
  double* sum = totals_.of(chunk);
  passes<S>().statistics(sum, sum + channels_, pivot, z, step, w, channels_);
}

template <class S>
StatisticsPtr ChunkedStatistics<S>::merged() const {
  auto all = std::make_shared<Statistics>();
  all->mean.assign(static_cast<size_t>(channels_), 0), all->m2.assign(static_cast<size_t>(channels_), 0);
  double *mean = all->mean.data(), *m2 = all->m2.data();
  for (int64_t k = 0; k < totals_.chunks(); k++) {
    const double count = count_[static_cast<size_t>(k)], n = all->count + count;
    if (count == 0) continue;
    // Chan, Golub, LeVeque 1979: two sets' mean and M2 give those of their union
    const T* pivot = pivot_.get() + k * channels_;
    const double *sum = totals_.get(k), *square = sum + channels_;
    const double share = 1 / count, weight = count / n, between = all->count * weight;
    for (int64_t c = 0; c < channels_; c++) {
      const double offset = sum[c] * share, d = static_cast<double>(pivot[c]) + offset - mean[c];
      mean[c] += d * weight;
      m2[c] += std::max(square[c] - sum[c] * offset, 0.0) + d * d * between;
    }
    all->count = n;
  }
  return all;
}

template <class S>
ChunkedSums<S>::ChunkedSums(int64_t chunks, const Body& of, const Array& g)
    : pending_(*of.pending), totals_(chunks, 2 * of.pending->channels()) {
  for_channel_runs({&g, &of.raw}, [&](int64_t first, int64_t count) {
    const View<S> gradient = g.view<S>(first, count), raw = of.raw.view<S>(first, count);
    runs_.push_back({first, count, gradient.data, raw.data, gradient.stride, raw.stride});
  });
}

template <class S>
void ChunkedSums<S>::add(int64_t chunk, int64_t first, int64_t count) {
  using T = Compute<S>;
  double* sum = totals_.of(chunk);
  for (const Run& r : runs_)
    passes<S>().sums(sum + r.first, sum + pending_.channels() + r.first, r.g + first * r.g_stride, r.g_stride,
                     r.raw + first * r.raw_stride, r.raw_stride, count, r.count, row_transform<T>(pending_, r.first),
                     pending_.mean.data<T>() + r.first);
}

template <class S>
SumsPtr ChunkedSums<S>::merged() const {
  const int64_t channels = pending_.channels();
  const std::vector<double> zero(static_cast<size_t>(channels), 0);
  auto all = std::make_shared<Sums>(Sums{zero, zero});
  double *g = all->g.data(), *centred = all->g_centred.data();
  for (int64_t k = 0; k < totals_.chunks(); k++)
    if (const double* sum = totals_.get(k))
      for (int64_t c = 0; c < channels; c++) g[c] += sum[c], centred[c] += sum[channels + c];
  return all;
}

template <class S>
EpilogueRunner<S>::EpilogueRunner(const GradEpilogue& epilogue, const Array& g, int64_t chunks) : epilogue_(epilogue) {
  if (const GradTransform* mask = epilogue.mask.get())
    for_channel_runs({&g, &mask->raw->raw}, [&](int64_t first, int64_t count) {
      masked_.push_back(
          {g.view<S>(first, count), mask->raw->raw.view<S>(first, count), row_gradient<Compute<S>>(*mask, first)});
    });
  for (const BodyPtr& body : epilogue.sums_of)
    if (body) sums_.emplace_back(chunks, *body, g);
}

template <class S>
void EpilogueRunner<S>::add(int64_t chunk, int64_t first, int64_t count) {
  for (const Masked& m : masked_)
    passes<S>().gradient(m.g.pixel(first), m.g.stride, m.g.pixel(first), m.g.stride, m.raw.pixel(first), m.raw.stride,
                         count, m.g.channels(), &m.mask, false);
  for (ChunkedSums<S>& sums : sums_) sums.add(chunk, first, count);
}

template <class S>
EpilogueResult EpilogueRunner<S>::merged() const {
  EpilogueResult done{.masked = epilogue_.mask != nullptr};
  auto next = sums_.begin();
  for (const BodyPtr& body : epilogue_.sums_of) done.sums.push_back(body ? (next++)->merged() : nullptr);
  return done;
}

template class ChunkedStatistics<float>;
template class ChunkedStatistics<double>;
template class ChunkedStatistics<bf16>;
template class ChunkedSums<float>;
template class ChunkedSums<double>;
template class ChunkedSums<bf16>;
template class EpilogueRunner<float>;
template class EpilogueRunner<double>;
template class EpilogueRunner<bf16>;

StatisticsPtr take_statistics(const Array& values) {
  return with_storage(values.dtype, "batch_norm", [&]<class S>() {
    const View<S> v = values.view<S>();
    const int64_t chunks = chunk_count(v.pixels());
    ChunkedStatistics<S> statistics(chunks, v.channels());
    parallel_sweep(v.pixels(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
      // Short runs, so that the sums of squares in T stay short before they enter the f64 totals.
      constexpr int64_t kRun = 256;
      for (int64_t p = begin; p < end; p += kRun)
        statistics.add_row(chunk, v.pixel(p), v.stride, std::min(kRun, end - p));
    });
    return statistics.merged();
  });
}

}  // namespace ghost
