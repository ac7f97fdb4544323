#include "core/kernels/weight_gradient.h"

#include <algorithm>
#include <numeric>

#include "core/parallel.h"

namespace ghost {
namespace {

// Whether vectors of input channels are better than vectors of output channels: they waste fewer lanes, or what they
// waste takes less time than to transpose the sums, which is about 64 multiplications for each of them.
bool vectors_of_input(int64_t in, int64_t out, int64_t lanes, int64_t pixels) {
  constexpr int64_t kTransposed = 64;
  const auto padded = [lanes](int64_t c) { return (c + lanes - 1) / lanes * lanes; };
  return (padded(in) * out - padded(out) * in) * pixels <= in * out * kTransposed;
}
int64_t joined_taps(const Conv2dShape& s, int64_t x_step) {
  return s.groups == 1 && x_step == s.ci && s.dw == 1 ? s.kw : 1;
}

}  // namespace

template <class T>
WeightGradient<T>::WeightGradient(const Conv2dShape& s, const GradSink::Slot& slot, int64_t chunks,
                                  const std::vector<AxisTap>& down, const std::vector<AxisTap>& across, int64_t x_row,
                                  int64_t x_step, int64_t plane, bool x_in_place)
    : s_(s),
      plane_(plane),
      x_in_place_(x_in_place),
      joined_(joined_taps(s, x_step)),
      grouped_(groups_share_vectors<T>(s)),
      x_is_wide_(!grouped_ && vectors_of_input(s.cig() * joined_, s.cog(), rows<T>().lanes, s.n * s.oh * s.ow)),
      slot_(slot),
      in_slot_(x_is_wide_ && !s.depthwise() && !slot.accumulate && slot.to.packed()),
      begun_(static_cast<size_t>(chunks), 0) {
  const int64_t kept = std::max<int64_t>(chunks, 1) - in_slot_;
  if (kept > 0) storage_ = std::make_unique<Storage>(static_cast<size_t>(kept * s.weights()) * sizeof(T));
  offset_.reserve(down.size() * across.size());
  for (const AxisTap& y : down)
    for (const AxisTap& x : across) offset_.push_back(y.offset * x_row + x.offset * x_step);
}

template <class T>
void WeightGradient<T>::add(int64_t chunk, int64_t rows, int64_t columns, const PixelBlock<T>& x,
                            const PixelBlock<T>& g) {
  char& begun = begun_[static_cast<size_t>(chunk)];
  if (s_.depthwise())
    add_depthwise(partial(chunk), rows, columns, x, g, begun);
  else if (grouped_)
    add_grouped(partial(chunk), rows, columns, x, g, begun);
  else
    add_dense(partial(chunk), rows, columns, x, g, begun);
  begun = 1;
}

template <class T>
OuterSums<T> WeightGradient<T>::outer_sums(T* to, int64_t tap, int64_t group, int64_t rows, int64_t columns,
                                           const PixelBlock<T>& x, const PixelBlock<T>& g, bool accumulate) const {
  const int64_t cig = s_.cig() * joined_, cog = s_.cog(), taps = s_.taps() / joined_;
  const PixelBlock<T> in{x.data + offset_[static_cast<size_t>(tap * joined_)] + group * cig, x.row, x.step};
  const PixelBlock<T> out{g.data + group * cog, g.row, g.step};
  OuterSums<T> of{.rows = rows,
                  .columns = columns,
                  .narrow = in,
                  .wide = out,
                  .narrow_channels = cig,
                  .wide_channels = cog,
                  .sums = to + (tap * s_.groups + group) * cig * cog,
                  .sums_step = cog,
                  .accumulate = accumulate,
                  .from_memory = x_in_place_};
  if (x_is_wide_) {
    of.narrow = out, of.wide = in, of.narrow_channels = cog, of.wide_channels = cig;
    of.sums = to + (group * cog * taps + tap) * cig, of.sums_step = taps * cig;
  }
  return of;
}

template <class T>
void WeightGradient<T>::add_dense(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x, const PixelBlock<T>& g,
                                  bool accumulate) const {
  for (int64_t tap = 0; tap < s_.taps() / joined_; tap++)
    for (int64_t group = 0; group < s_.groups; group++)
      ghost::rows<T>().outer_sums(outer_sums(to, tap, group, rows, columns, x, g, accumulate));
}

template <class T>
void WeightGradient<T>::add_grouped(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x,
                                    const PixelBlock<T>& g, bool accumulate) const {
  ghost::rows<T>().grouped_sums({.rows = rows,
                                 .columns = columns,
                                 .channels = s_.co,
                                 .group = s_.cog(),
                                 .x = x,
                                 .g = g,
                                 .taps = {s_.taps(), offset_.data(), 1},
                                 .sums = to,
                                 .accumulate = accumulate});
}

template <class T>
void WeightGradient<T>::add_pixels(int64_t pixels, const PixelBlock<T>& x, const PixelBlock<T>& g) {
  // A part is some rows of whole register tiles, and few enough pixels at a time to stay in the nearest cache.
  constexpr int64_t kNarrow = 48, kPixels = 128;
  const OuterSums<T> all = outer_sums(partial(0), 0, 0, 1, pixels, x, g, false);
  const int64_t lanes = ghost::rows<T>().lanes, most = ghost::rows<T>().max_vectors;
  const int64_t vectors = (all.wide_channels + lanes - 1) / lanes, across = (vectors + most - 1) / most;
  const int64_t down = (all.narrow_channels + kNarrow - 1) / kNarrow;
  parallel_for(down * across, [&](int64_t i) {
    const int64_t r = all.narrow_channels * (i / across) / down, c = vectors * (i % across) / across * lanes;
    OuterSums<T> part = all;
    part.narrow_channels = all.narrow_channels * (i / across + 1) / down - r;
    part.wide_channels = std::min(vectors * (i % across + 1) / across * lanes, all.wide_channels) - c;
    part.sums += r * all.sums_step + c;
    for (int64_t p = 0; p < pixels; p += kPixels) {
      part.columns = std::min(kPixels, pixels - p), part.accumulate = p > 0;
      part.narrow.data = all.narrow.data + p * all.narrow.step + r;
      part.wide.data = all.wide.data + p * all.wide.step + c;
      ghost::rows<T>().outer_sums(part);
    }
  });
  begun_[0] = 1;
}

template <class T>
void WeightGradient<T>::add_depthwise(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x,
                                      const PixelBlock<T>& g, bool accumulate) const {
  const int64_t c = s_.ci, lanes = ghost::rows<T>().lanes;
  // Rows as runs of numbers, where vectors of channels would leave many lanes empty and a row is long enough.
  int64_t repeat = lanes / std::gcd(c, lanes);
  const bool wasteful = 10 * ((c + lanes - 1) / lanes * lanes) > 18 * c;
  if (!wasteful || columns < 4 * repeat || x.step != c || g.step != c) repeat = 1;
  for (int64_t j = 0; j < s_.cog(); j++)
    ghost::rows<T>().depthwise_sums({.rows = rows,
                                     .columns = columns,
                                     .channels = c,
                                     .x = x,
                                     .g = {g.data + j * plane_, g.row, g.step},
                                     .taps = {s_.taps(), offset_.data(), 1},
                                     .repeat = repeat,
                                     .sums = to + j * s_.taps() * c,
                                     .accumulate = accumulate});
}

template <class T>
void WeightGradient<T>::write() {
  const int64_t size = s_.weights(), chunks = static_cast<int64_t>(begun_.size());
  const int64_t parts = size < (1 << 14) ? 1 : chunk_count(size);
  if (chunks == 0) std::fill_n(partial(0), size, T(0));  // no images
  parallel_chunks(size, parts, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t k = 1; k < chunks; k++)  // in chunk order
      passes<T>().gradient(partial(0) + begin, end - begin, partial(k) + begin, end - begin, nullptr, 0, 1, end - begin,
                           nullptr, true);
  });
  if (in_slot_) return;
  const View<T> to = slot_.to.view<T>();
  const int64_t taps = s_.taps(), cig = s_.cig(), cog = s_.cog();
  const auto put = [&](int64_t o, int64_t t, const T* from, int64_t step) {
    T* at = to.pixel(o * taps + t);
    for (int64_t i = 0; i < cig; i++) at[i] = slot_.accumulate ? at[i] + from[i * step] : from[i * step];
  };
  parallel_chunks(s_.co, parts == 1 ? 1 : chunk_count(s_.co), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      for (int64_t t = 0; t < taps; t++)
        if (s_.depthwise())
          put(o, t, partial(0) + (o % cog * taps + t) * s_.ci + o / cog, 1);
        else if (grouped_)
          put(o, t, partial(0) + t * cig * s_.co + o, s_.co);
        else if (x_is_wide_)
          put(o, t, partial(0) + (o * taps + t) * cig, 1);
        else
          put(o, t, partial(0) + (t * s_.groups + o / cog) * cig * cog + o % cog, cog);
  });
}

template class WeightGradient<float>;
template class WeightGradient<double>;

}  // namespace ghost
