#include "core/kernels/paired_weights.h"

#include <algorithm>

#include "core/half.h"
#include "core/kernels/rows.h"
#include "core/kernels/scratch.h"
#include "core/parallel.h"

namespace ghost {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

PairedWeights::PairedWeights(const Bf16Products& products, const Conv2dShape& s, const Array& weight, const float* bias,
                             bool transposed, int64_t first, int64_t columns)
    : products_(products), from_(transposed ? s.co : s.ci), taps_(s.taps()) {
  const int64_t lanes = products.lanes, vectors = ceil_div(columns, lanes);
  const int64_t panels = ceil_div(vectors, products.max_vectors), step = from_, pitch = s.w + s.kw - 1;
  for (int64_t y = 0; y < s.kh; y++)
    for (int64_t x = 0; x < s.kw; x++) offset_.push_back((y * pitch + x) * step);
  for (int64_t i = 0; i < panels; i++) {
    const int64_t begin = vectors * i / panels, end = vectors * (i + 1) / panels;
    panels_.push_back(
        {.first = begin * lanes, .columns = std::min(end * lanes, columns) - begin * lanes, .vectors = end - begin});
  }
  const float* w = weight.data<float>();
  const auto pack = [&](void* memory) {
    parallel_for(panels * taps_, [&](int64_t i) {
      const Panel& p = panels_[static_cast<size_t>(i / taps_)];
      const int64_t tap = i % taps_, width = p.vectors * lanes;
      bf16* to = static_cast<bf16*>(memory) + (p.first * taps_ + tap * width) * from_;
      if (p.columns < width) std::fill_n(to, width * from_, bf16{});
      if (transposed)
        pack_rows(w + (taps_ - 1 - tap) * s.ci + first + p.first, taps_ * s.ci, p.columns, width, to);
      else
        pack_columns(w + ((first + p.first) * taps_ + tap) * s.ci, taps_ * s.ci, p.columns, width, to);
    });
  };
  const size_t bytes = static_cast<size_t>(vectors * lanes * from_ * taps_) * sizeof(bf16);
  if (transposed) {
    storage_ = std::make_unique<Storage>(bytes);
    pack(storage_->data());
    weight_ = static_cast<const bf16*>(storage_->data());
  } else {
    packed_ = packed_weights(weight, {&products, {s.co, s.ci, taps_, 0}}, bytes, pack);
    weight_ = static_cast<const bf16*>(packed_->memory->data());
  }
  if (!bias) return;
  bias_.assign(static_cast<size_t>(vectors * lanes), 0);
  std::copy_n(bias, columns, bias_.begin());
}

void PairedWeights::multiply(int64_t pixels, int64_t width, const PairedBlock& in, bf16* out, int64_t out_step,
                             bool accumulate) const {
  const int64_t rows = in.pitch > 0 ? pixels / width : 1;
  const int64_t positions = in.pitch > 0 ? (rows - 1) * in.pitch + width : pixels;
  for (const Panel& p : panels_)
    products_.row({.positions = positions,
                   .in = in.data,
                   .in_step = in.step,
                   .pairs = from_ / 2,
                   .taps = taps_,
                   .offset = offset_.data(),
                   .weight = weight_ + p.first * taps_ * from_,
                   .bias = bias_.empty() ? nullptr : bias_.data() + p.first,
                   .vectors = p.vectors,
                   .out = out + p.first,
                   .out_step = out_step,
                   .columns = p.columns,
                   .length = in.pitch > 0 ? width : positions,
                   .pitch = in.pitch > 0 ? in.pitch : positions,
                   .accumulate = accumulate});
}

// [pair][width][2] of rows that are summed over, or of columns of the result, `step` apart.
void PairedWeights::pack_rows(const float* w, int64_t step, int64_t columns, int64_t width, bf16* to) const {
  for (int64_t k = 0; k < from_; k += 2, w += 2 * step, to += 2 * width)
    for (int64_t j = 0; j < columns; j++) to[2 * j] = {to_bf16(w[j])}, to[2 * j + 1] = {to_bf16(w[step + j])};
}

void PairedWeights::pack_columns(const float* w, int64_t step, int64_t columns, int64_t width, bf16* to) const {
  constexpr int64_t kAtOnce = 32;  // whose lines stay in the nearest cache
  for (int64_t first = 0; first < from_; first += kAtOnce)
    for (int64_t j = 0; j < columns; j++)
      for (int64_t k = first; k < std::min(first + kAtOnce, from_); k++)
        to[(k / 2 * width + j) * 2 + k % 2] = {to_bf16(w[j * step + k])};
}

int64_t PairedWeightGradient::padded(int64_t channels) const {
  return ceil_div(channels, products_.lanes) * products_.lanes;
}

PairedWeightGradient::PairedWeightGradient(const Bf16Products& products, const Conv2dShape& s, int64_t chunks)
    : products_(products),
      s_(s),
      x_is_wide_(s.taps() > 1 || padded(s.ci) * s.co <= padded(s.co) * s.ci),
      begun_(static_cast<size_t>(chunks), 0),
      storage_(static_cast<size_t>(std::max<int64_t>(chunks, 1) * s.weights()) * sizeof(float)) {}

void PairedWeightGradient::add(int64_t chunk, int64_t positions, const PairedBlock& x, const PairedBlock& g) {
  const int64_t pairs = ceil_div(positions, 2), taps = s_.taps(), pitch = s_.w + s_.kw - 1;
  const int64_t reach = (s_.kh - 1) * pitch + s_.kw - 1;  // of the last tap
  bf16* gs = scratch<bf16>(ScratchSlot::gradient_elements, 2 * pairs * s_.co + kReadBeyond);
  products_.pair_pixels(gs, g.data, g.step, positions, s_.co);
  // A tap at an odd distance reads other pairs of pixels.
  const int64_t pairs_of_x = pairs + reach / 2 + 1, size = 2 * pairs_of_x * s_.ci + kReadBeyond;
  bf16* xs = scratch<bf16>(ScratchSlot::elements, (taps > 1 ? 2 : 1) * size);
  products_.pair_pixels(xs, x.data, x.step, positions + reach, s_.ci);
  if (taps > 1) products_.pair_pixels(xs + size, x.data + x.step, x.step, positions + reach - 1, s_.ci);
  std::vector<const bf16*> wide;
  for (int64_t y = 0; y < s_.kh; y++)
    for (int64_t u = 0; u < s_.kw; u++) {
      const int64_t distance = y * pitch + u;
      wide.push_back(xs + distance % 2 * size + distance / 2 * 2 * s_.ci);
    }
  PairedSums of{.pairs = pairs,
                .narrow = gs,
                .taps = taps,
                .wide = wide.data(),
                .narrow_channels = s_.co,
                .wide_channels = s_.ci,
                .sums = partial(chunk),
                .sums_step = taps * s_.ci,
                .tap_step = s_.ci,
                .accumulate = begun_[static_cast<size_t>(chunk)] != 0};
  const bf16* const wide_gradient = gs;
  if (!x_is_wide_) {
    of.narrow = xs, of.wide = &wide_gradient;
    of.narrow_channels = s_.ci, of.wide_channels = of.sums_step = s_.co;
  }
  products_.sums(of);
  begun_[static_cast<size_t>(chunk)] = 1;
}

void PairedWeightGradient::write(const GradSink::Slot& slot) {
  const int64_t size = s_.weights(), row = s_.taps() * s_.ci, chunks = std::ssize(begun_);
  if (chunks == 0) std::fill_n(partial(0), size, 0.0F);  // no images
  const int64_t parts = size < (1 << 14) ? 1 : chunk_count(size);
  parallel_chunks(size, parts, [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t k = 1; k < chunks; k++)
      passes<float>().put(partial(0) + begin, end - begin, partial(k) + begin, end - begin, 1, end - begin, true);
  });
  const View<float> to = slot.to.view<float>();  // (O, KH, KW, I)
  const int64_t next = x_is_wide_ ? row : 1, step = x_is_wide_ ? 1 : s_.co;
  parallel_chunks(s_.co, parts == 1 ? 1 : chunk_count(s_.co), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; o++)
      for (int64_t t = 0; t < s_.taps(); t++) {
        const float* from = partial(0) + o * next + t * s_.ci;
        float* at = to.pixel(o * s_.taps() + t);
        for (int64_t i = 0; i < s_.ci; i++) at[i] = slot.accumulate ? at[i] + from[i * step] : from[i * step];
      }
  });
}

}  // namespace ghost
