// Staging: how a convolution of rows sees its input. Pixels are copied into a padded scratch and what is pending is
// applied on the way, so that padding is zero after it. Where there is nothing to pad and nothing to apply, the input
// is read in place.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "core/body.h"
#include "core/kernels/ahead.h"
#include "core/kernels/chunked.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/scratch.h"

namespace ghost {

// One axis of a staged image: position i holds input position first + i · step, or zero where there is none.
struct StagedAxis {
  int64_t size, first, step;
  // Positions [begin, end) hold input of an axis with `input` positions.
  int64_t begin() const { return first >= 0 ? 0 : std::min(size, (-first + step - 1) / step); }
  int64_t end(int64_t input) const {
    return first >= input ? begin() : std::max(begin(), std::min(size, (input - 1 - first) / step + 1));
  }
  bool inside(int64_t input) const { return begin() == 0 && end(input) == size; }
};

// The pixels that outputs [begin, end) read. With a kernel of one, only those that are used are staged.
inline StagedAxis forward_axis(int64_t begin, int64_t end, int64_t kernel, int64_t stride, int64_t padding,
                               int64_t dilation) {
  if (kernel == 1) return {end - begin, begin * stride - padding, stride};
  return {(end - begin - 1) * stride + (kernel - 1) * dilation + 1, begin * stride - padding, 1};
}

// Pixels in memory with what is to be applied to them: x with its pending transform, or the gradient of z with its own.
// multiplier m > 1: channel c · m + j of a pixel is staged as channel c of plane j; a staged row is m planes then.
// S: how they are stored; they are staged as what is computed with.
template <class S>
class PixelReader {
  using T = Compute<S>;

 public:
  static PixelReader values(const Body& x, int64_t h, int64_t w) {
    PixelReader r(x.raw.shape.channels(), h, w, 1);
    r.has_transform_ = x.pending != nullptr;
    for_channel_runs({&x.raw}, [&](int64_t first, int64_t count) {
      const View<S> v = x.raw.view<S>(first, count);
      r.runs_.push_back({.first = first, .count = count, .data = v.data, .stride = v.stride});
      if (x.pending) r.runs_.back().transform = row_transform<T>(*x.pending, first);
    });
    return r;
  }
  static PixelReader gradient(const Gradient& g, int64_t h, int64_t w, int64_t multiplier) {
    PixelReader r(g.g.shape.channels(), h, w, multiplier);
    r.has_gradient_ = g.transform != nullptr;
    const Array* raw = g.transform ? &g.transform->raw->raw : nullptr;
    for_channel_runs({&g.g, raw}, [&](int64_t first, int64_t count) {
      const View<S> v = g.g.view<S>(first, count), z = raw ? raw->view<S>(first, count) : View<S>{};
      r.runs_.push_back({.first = first, .count = count, .data = v.data, .stride = v.stride});
      Run& run = r.runs_.back();
      if (raw) run.raw = z.data, run.raw_stride = z.stride, run.gradient = row_gradient<T>(*g.transform, first);
    });
    return r;
  }

  // Fixes the layout of all blocks of a call: x and y are the axes of the whole image.
  void plan(const StagedAxis& y, const StagedAxis& x) {
    in_place_ = std::is_same_v<S, T> && !has_transform_ && !has_gradient_ && multiplier_ == 1 && runs_.size() == 1 &&
                y.inside(h_) && x.inside(w_);
    step_ = in_place_ ? x.step * runs_[0].stride : channels_ / multiplier_;
    row_ = in_place_ ? y.step * w_ * runs_[0].stride : x.size * channels_;
    plane_ = x.size * (channels_ / multiplier_);
  }
  bool in_place() const { return in_place_; }  // nothing is staged: blocks are the pixels themselves
  int64_t step() const { return step_; }       // from one staged pixel to the next
  int64_t row() const { return row_; }         // from one staged row to the next
  int64_t plane() const { return plane_; }     // from plane to plane of a row

  // Pixels [begin, end) will be staged soon.
  void announce(Ahead& ahead, int64_t begin, int64_t end) const {
    for (const Run& r : runs_) {
      ahead.add(r.data + begin * r.stride, r.data + end * r.stride);
      if (has_gradient_) ahead.add(r.raw + begin * r.raw_stride, r.raw + end * r.raw_stride);
    }
  }

  // Where zeros lie around the pixels that were staged last. They stay from block to block of a loop, which keeps this.
  struct Margins {
    const T* block = nullptr;
    int64_t rows = 0, begin = 0, end = 0, left = 0, columns = 0;
    bool operator==(const Margins&) const = default;
  };

  // Rows of one image; the axes may be shorter than those of plan().
  PixelBlock<T> stage(ScratchSlot slot, int64_t image, const StagedAxis& y, const StagedAxis& x, Margins& zero) const {
    const int64_t first = image * h_ * w_;
    if constexpr (std::is_same_v<S, T>)
      if (in_place_) return {runs_[0].data + (first + y.first * w_ + x.first) * runs_[0].stride, row_, step_};
    T* to = scratch<T>(slot, y.size * row_);
    const int64_t left = x.begin(), count = x.end(w_) - left;
    const int64_t begin = count > 0 ? y.begin() : y.size, end = count > 0 ? y.end(h_) : y.size;
    if (const Margins now{to, y.size, begin, end, left, count}; now != zero) clear(to, zero = now);
    if (begin < end)
      read(to + begin * row_ + left * step_,
           {.first = first + (y.first + begin * y.step) * w_ + x.first + left * x.step,
            .rows = end - begin,
            .columns = count,
            .row = y.step * w_,
            .step = x.step});
    return {to, row_, step_};
  }

 private:
  struct Run {  // of channels that lie in one array
    int64_t first = 0, count = 0;
    const S* data = nullptr;
    int64_t stride = 0;
    RowTransform<T> transform{};
    const S* raw = nullptr;
    int64_t raw_stride = 0;
    RowGradient<T> gradient{};
  };

  PixelReader(int64_t channels, int64_t h, int64_t w, int64_t multiplier)
      : channels_(channels), h_(h), w_(w), multiplier_(multiplier) {}

  void clear(T* to, const Margins& m) const {
    std::fill(to, to + m.begin * row_, T(0));
    std::fill(to + m.end * row_, to + m.rows * row_, T(0));
    for (T* line = to + m.begin * row_; line < to + m.end * row_; line += plane_) {
      std::fill(line, line + m.left * step_, T(0));
      std::fill(line + (m.left + m.columns) * step_, line + plane_, T(0));
    }
  }
  struct Pixels {  // where they lie in memory, counted in pixels
    int64_t first, rows, columns, row, step;
  };
  // to: of the first pixel, in rows of row_
  void read(T* to, const Pixels& p) const {
    if (multiplier_ == 1) return apply({to, row_, channels_}, p);
    T* line = scratch<T>(ScratchSlot::row, p.columns * channels_);
    const int64_t c = channels_ / multiplier_;
    for (int64_t y = 0; y < p.rows; y++) {
      apply({line, 0, channels_}, {p.first + y * p.row, 1, p.columns, p.row, p.step});
      for (int64_t j = 0; j < multiplier_; j++)
        for (int64_t i = 0; i < p.columns * c; i++) to[y * row_ + j * plane_ + i] = line[i * multiplier_ + j];
    }
  }
  void apply(const PixelRows<T>& to, const Pixels& p) const {
    const auto block = [&](const S* data, int64_t stride) {
      return PixelBlock<S>{data + p.first * stride, p.row * stride, p.step * stride};
    };
    for (const Run& r : runs_) {
      const PixelRows<T> part{to.data + r.first, to.row, to.step};
      if (has_gradient_)
        passes<S>().stage_gradient(part, block(r.data, r.stride), block(r.raw, r.raw_stride), p.rows, p.columns,
                                   r.count, r.gradient);
      else
        passes<S>().stage(part, block(r.data, r.stride), p.rows, p.columns, r.count,
                          has_transform_ ? &r.transform : nullptr);
    }
  }

  int64_t channels_, h_, w_, multiplier_;
  std::vector<Run> runs_;
  bool has_transform_ = false, has_gradient_ = false, in_place_ = false;
  int64_t step_ = 0, row_ = 0, plane_ = 0;
};

}  // namespace ghost
