// One output row of a convolution is a sum over taps. So is one row of the input's gradient, over other taps.
#pragma once
#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/kernels/packed_weights.h"
#include "core/kernels/rows.h"
#include "core/kernels/scratch.h"
#include "core/memory.h"

namespace ghost {

// A kernel position and the staged pixel it reads, relative to that of the output pixel.
struct AxisTap {
  int64_t kernel, offset;
};
struct ChannelRange {
  int64_t first, count;
};
// Output o reads o · stride + offset.
std::vector<AxisTap> forward_taps(int64_t kernel, int64_t dilation);
// Input residue + stride · i receives from outputs i + offset, ascending: those o with
// o · stride + kernel · dilation − padding = residue + stride · i.
std::vector<AxisTap> input_grad_taps(int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                                     int64_t residue);

// Whether all groups are computed at once, several in a vector (GroupedRow); else one after the other.
template <class T>
bool groups_share_vectors(const Conv2dShape& s) {
  return s.cig() == s.cog() && (s.cig() == 4 || s.cig() == 8) && s.groups > 1 && s.cig() < rows<T>().lanes;
}

// A convolution of rows: packed weights for a set of taps on a staged image.
template <class T>
class RowConvolution {
 public:
  struct Layout {
    int64_t row, step, plane;  // of the staged image (PixelReader)
    int64_t in_step;           // from what one output pixel reads to what the next one reads
    int64_t out_step;          // from one output pixel to the next
    bool in_place;             // whether the image is not staged but the pixels themselves
  };
  // transposed: sums over output channels, for the gradient of the input. w (O, KH, KW, I/groups); bias may be null.
  // made: the channels that are wanted of the result; fewer than all only if transposed, with one group or one for each
  // channel.
  RowConvolution(const Conv2dShape& s, const Array& weight, const T* bias, const std::vector<AxisTap>& down,
                 const std::vector<AxisTap>& across, const Layout& layout, bool transposed, const ChannelRange& made);

  // out (pixels, produced channels) = or += this row; `in` is the staged pixel that offset 0 of the first one means.
  void operator()(int64_t pixels, const T* in, T* out, bool accumulate) const;

 private:
  struct Panel {
    int64_t first, columns, vectors, weight;  // channels, and where its weights begin within its group's
  };
  // What `pack` writes: with the weights where they may stay (packed_weights.h), else in storage_.
  template <class Pack>
  void keep_packed(const Array& weight, size_t bytes, const Pack& pack);
  void pack_dense(const Array& weight, const T* bias);
  void pack_panel(const T* w, int64_t group, const Panel& panel, T* to) const;
  void pack_depthwise(const T* w, const T* bias);
  void pack_grouped(const Array& weight, const T* bias);
  int64_t depthwise_channels() const { return transposed_ ? made_.count : s_.ci; }  // of one plane
  void dense(int64_t pixels, const T* in, T* out, bool accumulate) const;
  void depthwise(int64_t pixels, const T* in, T* out, bool accumulate) const;
  void grouped(int64_t pixels, const T* in, T* out, bool accumulate) const;
  RowTaps taps() const { return {static_cast<int64_t>(offset_.size()), offset_.data(), run_, run_stride_}; }

  const Conv2dShape s_;
  const Layout layout_;
  const bool transposed_, grouped_;
  const ChannelRange made_;
  std::vector<int64_t> kernel_, offset_;  // of each tap: kh · KW + kw, and elements from `in`
  int64_t run_ = 1, run_stride_ = 1;
  std::unique_ptr<Storage> storage_;  // bias, and weights unless they are kept elsewhere
  const T *weight_ = nullptr, *bias_ = nullptr;
  // dense
  PackedWeightsPtr packed_;
  int64_t from_ = 0, to_ = 0, padded_to_ = 0, group_size_ = 0;  // channels of a group, and its packed weights
  std::vector<Panel> panels_;
  // depthwise
  int64_t repeat_ = 1;
  bool by_way_of_row_ = false;  // rows are computed packed and then copied to where they belong
};

// What a row is written to. Where values are stored otherwise than they are computed, the convolution writes a few
// pixels at a time into memory of this thread, close together, and they are rounded from there.
template <class S>
class RowTarget {
  using T = Compute<S>;

 public:
  RowTarget(int64_t step, int64_t channels) : step_(step), channels_(channels) {}
  // The out_step that the convolution is made with, for every `every`-th pixel of the target.
  int64_t out_step(int64_t every = 1) const { return std::is_same_v<S, T> ? every * step_ : channels_; }
  // Pixels of the convolution to every `every`-th one from `out` on.
  void write(const RowConvolution<T>& convolution, int64_t pixels, const T* in, int64_t in_step, S* out,
             bool accumulate, int64_t every = 1) const {
    if constexpr (std::is_same_v<S, T>) {
      convolution(pixels, in, out, accumulate);
    } else {
      constexpr int64_t kBytes = 16 << 10;
      const int64_t fit = kBytes / (channels_ * int64_t{sizeof(T)}) / 16 * 16, most = std::max<int64_t>(fit, 16);
      T* row = scratch<T>(ScratchSlot::result, std::min(most, pixels) * channels_);
      for (int64_t x = 0; x < pixels; x += most) {
        const int64_t count = std::min(most, pixels - x);
        convolution(count, in + x * in_step, row, false);
        passes<S>().put(out + x * every * step_, every * step_, row, channels_, count, channels_, accumulate);
      }
    }
  }

 private:
  int64_t step_, channels_;
};

}  // namespace ghost
