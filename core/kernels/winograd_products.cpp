#include "core/kernels/winograd_products.h"

#include <algorithm>

#include "core/kernels/rows.h"
#include "core/kernels/scratch.h"
#include "core/parallel.h"

namespace ghost {

// taps [row][tap][to][Joined] of `count` rows of weights, Joined channels each.
template <class T>
template <int64_t Joined>
void WinogradProducts<T>::gather(T* taps, const T* w, bool transposed, int64_t row, int64_t count) const {
  const int64_t width = Joined * to_;
  for (int64_t t = 0; t < 9; t++)
    for (int64_t o = 0; o < to_; o++) {
      T* to = taps + t * width + o * Joined;
      const T* from =
          transposed ? w + (row * Joined * 9 + 8 - t) * all_to_ + o : w + (o * 9 + t) * from_ + row * Joined;
      for (int64_t j = 0; j < count; j++)
        for (int64_t p = 0; p < Joined; p++)
          to[j * 9 * width + p] = transposed ? from[(j * Joined + p) * 9 * all_to_] : from[j * Joined + p];
    }
}

template <class T>
WinogradProducts<T>::WinogradProducts(const Conv2dShape& s, const T* w, bool transposed, int64_t first_column,
                                      int64_t columns)
    : from_(transposed ? s.co : s.ci),
      to_(columns),
      all_to_(transposed ? s.ci : s.co),
      joined_(to_ == rows<T>().paired_columns && from_ % 2 == 0 ? 2 : 1) {
  w += first_column * (transposed ? 1 : 9 * from_);
  const int64_t lanes = rows<T>().lanes, width = joined_ * to_, vectors = (width + lanes - 1) / lanes;
  const int64_t panels = (vectors + rows<T>().max_vectors - 1) / rows<T>().max_vectors;
  for (int64_t i = 0; i < panels; i++) {
    const int64_t first = vectors * i / panels * lanes, end = vectors * (i + 1) / panels * lanes;
    panels_.push_back({first, std::min(end, width) - first, (end - first) / lanes});
  }
  padded_ = vectors * lanes / joined_;
  storage_ = std::make_unique<Storage>(static_cast<size_t>(kWinogradElements * element_step()) * sizeof(T));
  const int64_t rows_of_weights = from_ / joined_;
  parallel_chunks(rows_of_weights, chunk_count(rows_of_weights), [&](int64_t, int64_t begin, int64_t end) {
    // Row k: the 9 taps of all weights that channel k (or pair k of them) is multiplied with, side by side. They are
    // gathered for some rows at a time, whose channels lie next to each other.
    constexpr int64_t kAtOnce = 16;
    T* taps = scratch<T>(ScratchSlot::row, kAtOnce * 9 * width);
    for (int64_t k = begin; k < end; k++) {
      const int64_t i = (k - begin) % kAtOnce;
      const T* at = taps + i * 9 * width;
      int64_t tap_step = width;
      if (transposed && joined_ == 1) {
        at = w + (k * 9 + 8) * all_to_, tap_step = -all_to_;
      } else if (i == 0) {
        const int64_t count = std::min(kAtOnce, end - k);
        if (joined_ == 1)
          gather<1>(taps, w, transposed, k, count);
        else
          gather<2>(taps, w, transposed, k, count);
      }
      for (const Panel& p : panels_) {
        T* to = elements(0, p) + k * p.vectors * lanes;
        rows<T>().winograd_weights(to, element_step(), at + p.first, tap_step, p.columns);
        for (int64_t e = 0; e < kWinogradElements; e++)
          std::fill(to + e * element_step() + p.columns, to + e * element_step() + p.vectors * lanes, T(0));
      }
    }
  });
}

template <class T>
void WinogradProducts<T>::operator()(int64_t tiles, const T* in, T* out, const Ahead& ahead) const {
  constexpr int64_t kHere = 0;
  for (int64_t e = 0; e < kWinogradElements; e++) {
    ahead.fetch(e, kWinogradElements);
    for (const Panel& p : panels_)
      rows<T>().dense({.pixels = tiles,
                       .in = in + e * winograd_element_step(tiles, from_),
                       .in_step = from_,
                       .channels = from_,
                       .taps = {1, &kHere, 1},
                       .weight = elements(e, p),
                       .bias = nullptr,
                       .vectors = p.vectors,
                       .out = out + e * winograd_element_step(tiles, to_) + p.first,
                       .out_step = to_,
                       .columns = p.columns / joined_,
                       .accumulate = false,
                       .pairs = joined_ == 2});
  }
}

template <class T>
WinogradWeightSums<T>::WinogradWeightSums(const Conv2dShape& s, int64_t tiles, int64_t blocks, int64_t most_tiles)
    : ci_(s.ci), co_(s.co), rows_(s.co) {
  // A chunk that sums few tiles costs more to combine than to make, and where sums are large, more than eight of them
  // would be the most memory that any part of a step needs.
  constexpr int64_t kTiles = 128, kChunks = 8, kElementBytes = 64 << 20, kSumBytes = 16 << 20;
  const int64_t bytes = size() * int64_t{sizeof(T)};
  const int64_t most = std::min(blocks, std::max(kChunks, std::min(tiles / kTiles, kSumBytes / bytes)));
  const int64_t chunks = std::min(chunk_count(most), chunk_count(blocks, bytes));
  const auto elements_of = [&](int64_t count) {
    return kWinogradElements * (winograd_element_step(count, ci_) + winograd_element_step(count, co_));
  };
  const int64_t elements = elements_of(tiles);
  keeps_ = tiles > 0 && elements < std::min(chunk_count(most), kChunks) * size() &&
           elements * int64_t{sizeof(T)} <= kElementBytes;
  chunks_ = keeps_ ? chunk_count(blocks) : chunks;
  if (keeps_) {
    const int64_t times = (elements + size() - 1) / size();
    blocks_kept_ = (blocks + times - 1) / times;
    tiles_ = std::min(blocks_kept_ * most_tiles, tiles);
    constexpr int64_t kSums = 5 << 18, kRows = 16;  // 5 MiB of f32, which stay in the last cache; whole register tiles
    if (times == 1) rows_ = std::min(co_, std::max(kSums / (kWinogradElements * ci_) / kRows, int64_t{1}) * kRows);
  }
  begun_.assign(static_cast<size_t>(keeps_ ? 1 : std::max<int64_t>(chunks_, 1)), 0);
  const int64_t count = std::ssize(begun_) * kWinogradElements * sum_step() + (keeps_ ? elements_of(tiles_) : 0);
  storage_ = std::make_unique<Storage>(static_cast<size_t>(count) * sizeof(T));
}

template <class T>
typename WinogradWeightSums<T>::Place WinogradWeightSums<T>::place(int64_t tile) const {
  T* all = partial(1);
  return {all + tile * co_, all + kWinogradElements * winograd_element_step(tiles_, co_) + tile * ci_, tiles_};
}

template <class T>
void WinogradWeightSums<T>::add_block(int64_t chunk, const Place& at, const Ahead& ahead) {
  char& begun = begun_[static_cast<size_t>(chunk)];
  for (int64_t e = 0; e < kWinogradElements; e++) {
    ahead.fetch(e, kWinogradElements);
    add(chunk, e, at, at.tiles, 0, co_, begun);
  }
  begun = 1;
}

template <class T>
void WinogradWeightSums<T>::write(const GradSink::Slot& slot) {
  if (!begun_.front()) std::fill_n(partial(0), kWinogradElements * sum_step(), T(0));  // no images
  const auto chunks = static_cast<int64_t>(begun_.size());
  constexpr int64_t kRows = 4;  // at least, of a part: runs worth a call
  parallel_chunks(co_, chunk_count((co_ + kRows - 1) / kRows), [&](int64_t, int64_t begin, int64_t end) {
    const int64_t run = (end - begin) * ci_;
    for (int64_t k = 1; k < chunks; k++)  // in chunk order
      for (int64_t e = 0; e < kWinogradElements; e++) {
        const int64_t at = e * sum_step() + begin * ci_;
        passes<T>().gradient(partial(0) + at, run, partial(k) + at, run, nullptr, 0, 1, run, nullptr, true);
      }
    put(slot, 0, begin, end);
  });
}

template <class T>
void WinogradWeightSums<T>::write_kept(const GradSink::Slot& slot, int64_t tiles, bool last) {
  const Place at = place(0);
  for (int64_t first = 0; first < co_; first += rows_) {
    const int64_t count = std::min(rows_, co_ - first);
    parallel_for(kWinogradElements, [&](int64_t e) { add(0, e, at, tiles, first, count, begun_.front()); });
    if (last)
      parallel_chunks(count, chunk_count(count),
                      [&](int64_t, int64_t begin, int64_t end) { put(slot, first, begin, end); });
  }
  begun_.front() = !last;
}

// The weight's rows [first + begin, first + end) from the sums' rows [begin, end).
template <class T>
void WinogradWeightSums<T>::put(const GradSink::Slot& slot, int64_t first, int64_t begin, int64_t end) const {
  const View<T> to = slot.to.view<T>();  // (co · 9 pixels, ci)
  for (int64_t o = begin; o < end; o++)
    rows<T>().winograd_weight_gradient(to.pixel((first + o) * 9), to.stride, partial(0) + o * ci_, sum_step(), ci_,
                                       slot.accumulate);
}

template <class T>
void WinogradWeightSums<T>::add(int64_t chunk, int64_t element, const Place& at, int64_t tiles, int64_t first,
                                int64_t count, bool accumulate) {
  rows<T>().outer_sums({.rows = 1,
                        .columns = tiles,
                        .narrow = {at.q + element * winograd_element_step(at.tiles, co_) + first, 0, co_},
                        .wide = {at.v + element * winograd_element_step(at.tiles, ci_), 0, ci_},
                        .narrow_channels = count,
                        .wide_channels = ci_,
                        .sums = partial(chunk) + element * sum_step(),
                        .sums_step = ci_,
                        .accumulate = accumulate});
}

template class WinogradProducts<float>;
template class WinogradProducts<double>;
template class WinogradWeightSums<float>;
template class WinogradWeightSums<double>;

}  // namespace ghost
