// Staging: how a convolution of rows sees its input. Pixels are copied into a padded scratch and what is pending is
// applied on the way, so that padding is zero after it. Where there is nothing to pad and nothing to apply, the input
// is read in place.
#pragma once
#include <algorithm>

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
template <class T>
class PixelReader {
 public:
  static PixelReader values(const Body& x, int64_t h, int64_t w) {
    PixelReader r(x.raw.view<T>(), h, w, 1);
    if (x.pending) r.transform_ = row_transform<T>(*x.pending), r.has_transform_ = true;
    return r;
  }
  static PixelReader gradient(const Gradient& g, int64_t h, int64_t w, int64_t multiplier) {
    PixelReader r(g.g.view<T>(), h, w, multiplier);
    if (g.transform) {
      r.gradient_ = row_gradient<T>(*g.transform), r.has_gradient_ = true;
      r.raw_ = g.transform->raw->raw.data<T>(), r.raw_stride_ = g.transform->raw->raw.stride;
    }
    return r;
  }

  // Fixes the layout of all blocks of a call: x and y are the axes of the whole image.
  void plan(const StagedAxis& y, const StagedAxis& x) {
    in_place_ = !has_transform_ && !has_gradient_ && multiplier_ == 1 && y.inside(h_) && x.inside(w_);
    step_ = in_place_ ? x.step * stride_ : channels_ / multiplier_;
    row_ = in_place_ ? y.step * w_ * stride_ : x.size * channels_;
    plane_ = x.size * (channels_ / multiplier_);
  }
  bool in_place() const { return in_place_; }  // nothing is staged: blocks are the pixels themselves
  int64_t step() const { return step_; }       // from one staged pixel to the next
  int64_t row() const { return row_; }         // from one staged row to the next
  int64_t plane() const { return plane_; }     // from plane to plane of a row

  // Pixels [begin, end) will be staged soon.
  void announce(Ahead& ahead, int64_t begin, int64_t end) const {
    ahead.add(data_ + begin * stride_, data_ + end * stride_);
    if (has_gradient_) ahead.add(raw_ + begin * raw_stride_, raw_ + end * raw_stride_);
  }

  // Rows of one image; the axes may be shorter than those of plan().
  PixelBlock<T> stage(ScratchSlot slot, int64_t image, const StagedAxis& y, const StagedAxis& x) const {
    const int64_t first = image * h_ * w_;
    if (in_place_) return {data_ + (first + y.first * w_ + x.first) * stride_, row_, step_};
    T* to = scratch<T>(slot, y.size * row_);
    const int64_t begin = x.begin(), count = x.end(w_) - begin;
    for (int64_t i = 0; i < y.size; i++) {
      T* line = to + i * row_;
      const int64_t at = y.first + i * y.step;
      if (at < 0 || at >= h_ || count == 0) {
        std::fill_n(line, row_, T(0));
        continue;
      }
      for (int64_t j = 0; j < multiplier_; j++) {
        std::fill_n(line + j * plane_, begin * step_, T(0));
        std::fill(line + j * plane_ + (begin + count) * step_, line + (j + 1) * plane_, T(0));
      }
      read(line + begin * step_, first + at * w_ + x.first + begin * x.step, x.step, count);
    }
    return {to, row_, step_};
  }

 private:
  PixelReader(const View<T>& v, int64_t h, int64_t w, int64_t multiplier)
      : data_(v.data), stride_(v.stride), channels_(v.channels()), h_(h), w_(w), multiplier_(multiplier) {}

  // to (count, C) = pixels p, p + step, …
  void read(T* to, int64_t p, int64_t step, int64_t count) const {
    if (multiplier_ == 1) return apply(to, p, step, count);
    T* row = scratch<T>(ScratchSlot::row, count * channels_);
    apply(row, p, step, count);
    const int64_t c = channels_ / multiplier_;
    for (int64_t j = 0; j < multiplier_; j++)
      for (int64_t i = 0; i < count * c; i++) to[j * plane_ + i] = row[i * multiplier_ + j];
  }
  void apply(T* to, int64_t p, int64_t step, int64_t count) const {
    const T* from = data_ + p * stride_;
    if (has_gradient_)
      rows<T>().gradient(to, channels_, from, step * stride_, raw_ + p * raw_stride_, step * raw_stride_, count,
                         channels_, &gradient_, false);
    else
      rows<T>().transform(to, channels_, from, step * stride_, count, channels_,
                          has_transform_ ? &transform_ : nullptr);
  }

  const T* data_;
  int64_t stride_, channels_, h_, w_, multiplier_;
  const T* raw_ = nullptr;
  int64_t raw_stride_ = 0;
  RowTransform<T> transform_{};
  RowGradient<T> gradient_{};
  bool has_transform_ = false, has_gradient_ = false, in_place_ = false;
  int64_t step_ = 0, row_ = 0, plane_ = 0;
};

}  // namespace ghost
