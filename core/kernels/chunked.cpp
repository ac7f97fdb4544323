#include "core/kernels/chunked.h"

#include <algorithm>

#include "core/parallel.h"

namespace ghost {

template <class T>
ChunkedStatistics<T>::ChunkedStatistics(int64_t chunks, int64_t channels)
    : channels_(channels), chunks_(static_cast<size_t>(chunks)) {}

template <class T>
void ChunkedStatistics<T>::add_row(int64_t chunk, const T* z, int64_t step, int64_t w) {
  if (w == 0) return;
  Chunk& k = chunks_[static_cast<size_t>(chunk)];
  if (k.pivot.empty()) {
    k.pivot.assign(z, z + channels_);
    k.sum.assign(static_cast<size_t>(channels_), 0), k.square.assign(static_cast<size_t>(channels_), 0);
  }
  k.count += static_cast<double>(w);
  rows<T>().statistics(k.sum.data(), k.square.data(), k.pivot.data(), z, step, w, channels_);
}

template <class T>
StatisticsPtr ChunkedStatistics<T>::merged() const {
  auto all = std::make_shared<Statistics>();
  all->mean.assign(static_cast<size_t>(channels_), 0), all->m2.assign(static_cast<size_t>(channels_), 0);
  for (const Chunk& k : chunks_) {
    if (k.count == 0) continue;
    // Chan, Golub, LeVeque 1979: two sets' mean and M2 give those of their union
    const double n = all->count + k.count;
    for (size_t c = 0; c < static_cast<size_t>(channels_); c++) {
      const double mean = k.pivot[c] + k.sum[c] / k.count, m2 = k.square[c] - k.sum[c] * k.sum[c] / k.count;
      const double d = mean - all->mean[c];
      all->mean[c] += d * k.count / n;
      all->m2[c] += std::max(m2, 0.0) + d * d * all->count * k.count / n;
    }
    all->count = n;
  }
  return all;
}

template <class T>
ChunkedSums<T>::ChunkedSums(int64_t chunks, const Body& of) : pending_(*of.pending) {
  const std::vector<double> zero(static_cast<size_t>(pending_.channels()), 0);
  chunks_.assign(static_cast<size_t>(chunks), Sums{zero, zero});
}

template <class T>
void ChunkedSums<T>::add_row(int64_t chunk, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w) {
  Sums& s = chunks_[static_cast<size_t>(chunk)];
  rows<T>().sums(s.g.data(), s.g_centred.data(), g, g_step, raw, raw_step, w, pending_.channels(),
                 row_transform<T>(pending_), pending_.mean.data<T>());
}

template <class T>
SumsPtr ChunkedSums<T>::merged() const {
  auto all = std::make_shared<Sums>(chunks_.front());
  for (size_t k = 1; k < chunks_.size(); k++)
    for (size_t c = 0; c < all->g.size(); c++)
      all->g[c] += chunks_[k].g[c], all->g_centred[c] += chunks_[k].g_centred[c];
  return all;
}

template class ChunkedStatistics<float>;
template class ChunkedStatistics<double>;
template class ChunkedSums<float>;
template class ChunkedSums<double>;

StatisticsPtr take_statistics(const Array& values) {
  return with_floating(values.dtype, "batch_norm", [&]<class T>() {
    const View<T> v = values.view<T>();
    const int64_t chunks = chunk_count(v.pixels());
    ChunkedStatistics<T> statistics(chunks, v.channels());
    parallel_chunks(v.pixels(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
      // Short runs, so that the sums of squares in T stay short before they enter the f64 totals.
      constexpr int64_t kRun = 256;
      for (int64_t p = begin; p < end; p += kRun)
        statistics.add_row(chunk, v.pixel(p), v.stride, std::min(kRun, end - p));
    });
    return statistics.merged();
  });
}

}  // namespace ghost
