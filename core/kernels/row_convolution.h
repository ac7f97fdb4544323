// One output row of a convolution is a sum over taps. So is one row of the input's gradient, over other taps.
#pragma once
#include <cstdint>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/kernels/packed_weights.h"
#include "core/kernels/rows.h"
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

}  // namespace ghost
