#include "core/kernels/row_convolution.h"

#include <algorithm>
#include <numeric>

#include "core/kernels/scratch.h"
#include "core/kernels/transpose.h"
#include "core/parallel.h"

namespace ghost {

std::vector<AxisTap> forward_taps(int64_t kernel, int64_t dilation) {
  std::vector<AxisTap> taps;
  taps.reserve(static_cast<size_t>(kernel));
  for (int64_t k = 0; k < kernel; k++) taps.push_back({k, k * dilation});
  return taps;
}

std::vector<AxisTap> input_grad_taps(int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                                     int64_t residue) {
  std::vector<AxisTap> taps;
  taps.reserve(static_cast<size_t>(kernel));
  for (int64_t k = kernel; k-- > 0;) {
    const int64_t distance = residue + padding - k * dilation;
    if (distance % stride == 0) taps.push_back({k, distance / stride});
  }
  return taps;
}

namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

template <class T>
RowConvolution<T>::RowConvolution(const Conv2dShape& s, const Array& weight, const T* bias,
                                  const std::vector<AxisTap>& down, const std::vector<AxisTap>& across,
                                  const Layout& layout, bool transposed, const ChannelRange& made)
    : s_(s), layout_(layout), transposed_(transposed), grouped_(groups_share_vectors<T>(s)), made_(made) {
  const int64_t planes = s.depthwise() && transposed ? s.cog() : 1;
  const size_t taps = static_cast<size_t>(planes) * down.size() * across.size();
  kernel_.reserve(taps), offset_.reserve(taps);
  for (int64_t j = 0; j < planes; j++)
    for (const AxisTap& y : down)
      for (const AxisTap& x : across) {
        kernel_.push_back(y.kernel * s.kw + x.kernel);
        offset_.push_back(j * layout.plane + y.offset * layout.row + x.offset * layout.step);
      }
  const int64_t apart = across.size() > 1 ? (across[1].offset - across[0].offset) * layout.step : 0;
  if (apart > 0 && layout.in_step % apart == 0)
    run_ = static_cast<int64_t>(across.size()), run_stride_ = layout.in_step / apart;
  if (s.depthwise())
    pack_depthwise(weight.data<T>(), bias);
  else if (grouped_)
    pack_grouped(weight, bias);
  else
    pack_dense(weight, bias);
}

template <class T>
template <class Pack>
void RowConvolution<T>::keep_packed(const Array& weight, size_t bytes, const Pack& pack) {
  if (transposed_) {
    storage_ = std::make_unique<Storage>(bytes);
    pack(storage_->data());
    weight_ = static_cast<const T*>(storage_->data());
    return;
  }
  packed_ = packed_weights(weight, {&rows<T>(), {s_.groups, s_.co, s_.taps(), s_.cig()}}, bytes, pack);
  weight_ = static_cast<const T*>(packed_->memory->data());
}

template <class T>
void RowConvolution<T>::pack_dense(const Array& weight, const T* bias) {
  const int64_t lanes = rows<T>().lanes, taps = static_cast<int64_t>(kernel_.size());
  from_ = transposed_ ? s_.cog() : s_.cig(), to_ = made_.count / s_.groups;
  const int64_t vectors = ceil_div(to_, lanes), panels = ceil_div(vectors, rows<T>().max_vectors);
  padded_to_ = vectors * lanes;
  panels_.reserve(static_cast<size_t>(panels));
  for (int64_t i = 0; i < panels; i++) {
    const int64_t first = vectors * i / panels, end = vectors * (i + 1) / panels;
    panels_.push_back({.first = first * lanes,
                       .columns = std::min(end * lanes, to_) - first * lanes,
                       .vectors = end - first,
                       .weight = first * lanes * taps * from_});
  }
  group_size_ = taps * from_ * padded_to_;
  const int64_t weights = s_.groups * group_size_;
  const auto pack = [&](void* memory) {
    const auto one = [&](int64_t i) {
      const Panel& p = panels_[static_cast<size_t>(i % panels)];
      pack_panel(weight.data<T>(), i / panels, p, static_cast<T*>(memory) + i / panels * group_size_ + p.weight);
    };
    if (weights < (1 << 14))
      for (int64_t i = 0; i < s_.groups * panels; i++) one(i);
    else
      parallel_for(s_.groups * panels, one);
  };
  const size_t bytes = static_cast<size_t>(weights) * sizeof(T);
  keep_packed(weight, bytes, pack);
  if (!bias) return;
  storage_ = std::make_unique<Storage>(static_cast<size_t>(s_.groups * padded_to_) * sizeof(T));
  T* to = static_cast<T*>(storage_->data());
  std::fill_n(to, s_.groups * padded_to_, T(0));
  for (int64_t g = 0; g < s_.groups; g++) std::copy_n(bias + g * to_, to_, to + g * padded_to_);
  bias_ = to;
}

template <class T>
void RowConvolution<T>::pack_panel(const T* w, int64_t group, const Panel& p, T* to) const {
  const int64_t kk = s_.taps(), cig = s_.cig(), width = p.vectors * rows<T>().lanes;
  for (const int64_t kernel : kernel_) {
    const auto weight = [&](int64_t o, int64_t in) { return w + ((group * s_.cog() + o) * kk + kernel) * cig + in; };
    if (transposed_)
      for (int64_t k = 0; k < from_; k++) std::copy_n(weight(k, made_.first + p.first), p.columns, to + k * width);
    else
      transpose(to, width, weight(p.first, 0), kk * cig, p.columns, from_);
    for (int64_t k = 0; k < from_; k++, to += width) std::fill(to + p.columns, to + width, T(0));
  }
}

template <class T>
void RowConvolution<T>::pack_depthwise(const T* w, const T* bias) {
  const int64_t c = depthwise_channels(), m = s_.cog(), kk = s_.taps(), lanes = rows<T>().lanes;
  const int64_t taps = static_cast<int64_t>(kernel_.size()) / (transposed_ ? m : 1);  // of one plane
  // With channels that do not fill vectors, one vector spans several pixels of a packed row.
  const bool planes = m > 1 && !transposed_, packed_out = planes || layout_.out_step == c;
  const int64_t repeat = lanes / std::gcd(c, lanes);
  const double saving = static_cast<double>(ceil_div(c, lanes) * lanes) / static_cast<double>(c);
  constexpr int64_t kMostBytes = 24 << 10;  // the repeated weights stay in the nearest cache
  if (repeat > 1 && layout_.in_step == c && taps * c * repeat * int64_t{sizeof(T)} <= kMostBytes &&
      saving > (packed_out ? 1.8 : 2.0))
    repeat_ = repeat;
  by_way_of_row_ = planes || (repeat_ > 1 && !packed_out);

  const int64_t period = c * repeat_, weights = m * taps * period;
  storage_ = std::make_unique<Storage>(static_cast<size_t>(weights + m * period) * sizeof(T));
  T* to = static_cast<T*>(storage_->data());
  weight_ = to;
  for (int64_t j = 0; j < m; j++)
    for (int64_t t = 0; t < taps; t++, to += period) {
      for (int64_t i = 0; i < c; i++) to[i] = w[((made_.first + i) * m + j) * kk + kernel_[static_cast<size_t>(t)]];
      for (int64_t r = 1; r < repeat_; r++) std::copy_n(to, c, to + r * c);
    }
  if (!bias) return;
  bias_ = to;
  for (int64_t j = 0; j < m; j++)
    for (int64_t i = 0; i < period; i++) *to++ = bias[i % c * m + j];
}

template <class T>
void RowConvolution<T>::pack_grouped(const Array& weight, const T* bias) {
  const int64_t c = s_.co, group = s_.cog();
  const size_t bytes = kernel_.size() * static_cast<size_t>(group * c) * sizeof(T);
  const auto pack = [&](void* memory) {
    T* to = static_cast<T*>(memory);
    for (const int64_t kernel : kernel_)
      for (int64_t k = 0; k < group; k++)
        for (int64_t base = 0; base < c; base += group)
          for (int64_t j = 0; j < group; j++) {
            const int64_t out = base + (transposed_ ? k : j), in = transposed_ ? j : k;
            *to++ = weight.data<T>()[(out * s_.taps() + kernel) * group + in];
          }
  };
  keep_packed(weight, bytes, pack);
  if (!bias) return;
  storage_ = std::make_unique<Storage>(static_cast<size_t>(c) * sizeof(T));
  T* to = static_cast<T*>(storage_->data());
  std::copy_n(bias, c, to);
  bias_ = to;
}

template <class T>
void RowConvolution<T>::operator()(int64_t pixels, const T* in, T* out, bool accumulate) const {
  if (offset_.empty() && accumulate) return;  // pixels that a strided kernel skips
  if (s_.depthwise())
    depthwise(pixels, in, out, accumulate);
  else if (grouped_)
    grouped(pixels, in, out, accumulate);
  else
    dense(pixels, in, out, accumulate);
}

template <class T>
void RowConvolution<T>::dense(int64_t pixels, const T* in, T* out, bool accumulate) const {
  const RowKernels<T>& kernels = rows<T>();
  for (int64_t g = 0; g < s_.groups; g++)
    for (const Panel& p : panels_)
      kernels.dense({.pixels = pixels,
                     .in = in + g * from_,
                     .in_step = layout_.in_step,
                     .channels = from_,
                     .taps = taps(),
                     .weight = weight_ + g * group_size_ + p.weight,
                     .bias = bias_ ? bias_ + g * padded_to_ + p.first : nullptr,
                     .vectors = p.vectors,
                     .out = out + g * to_ + p.first,
                     .out_step = layout_.out_step,
                     .columns = p.columns,
                     .accumulate = accumulate,
                     .from_memory = layout_.in_place && taps().count == 1,
                     .to_memory = true});
}

template <class T>
void RowConvolution<T>::depthwise(int64_t pixels, const T* in, T* out, bool accumulate) const {
  const RowKernels<T>& kernels = rows<T>();
  const int64_t c = depthwise_channels(), planes = transposed_ ? 1 : s_.cog();
  T* row = by_way_of_row_ ? scratch<T>(ScratchSlot::row, planes * pixels * c) : out;
  for (int64_t j = 0; j < planes; j++)
    kernels.depthwise({.pixels = pixels,
                       .in = in + made_.first,
                       .in_step = layout_.in_step,
                       .channels = c,
                       .taps = taps(),
                       .weight = weight_ + j * taps().count * c * repeat_,
                       .bias = bias_ ? bias_ + j * c * repeat_ : nullptr,
                       .repeat = repeat_,
                       .out = by_way_of_row_ ? row + j * pixels * c : out,
                       .out_step = by_way_of_row_ ? c : layout_.out_step,
                       .accumulate = accumulate && !by_way_of_row_});
  if (!by_way_of_row_) return;
  if (planes == 1) return passes<T>().put(out, layout_.out_step, row, c, pixels, c, accumulate);
  for (int64_t x = 0; x < pixels; x++)
    for (int64_t j = 0; j < planes; j++) {
      const T* from = row + (j * pixels + x) * c;
      T* to = out + x * layout_.out_step + j;
      if (accumulate)
        for (int64_t i = 0; i < c; i++) to[i * planes] += from[i];
      else
        for (int64_t i = 0; i < c; i++) to[i * planes] = from[i];
    }
}

template <class T>
void RowConvolution<T>::grouped(int64_t pixels, const T* in, T* out, bool accumulate) const {
  rows<T>().grouped({.pixels = pixels,
                     .in = in,
                     .in_step = layout_.in_step,
                     .channels = s_.co,
                     .group = s_.cog(),
                     .taps = taps(),
                     .weight = weight_,
                     .bias = bias_,
                     .out = out,
                     .out_step = layout_.out_step,
                     .accumulate = accumulate});
}

template class RowConvolution<float>;
template class RowConvolution<double>;

}  // namespace ghost
