// The weight gradient of a convolution, gathered chunk by chunk and combined in chunk order.
#pragma once
#include <memory>
#include <vector>

#include "core/autograd.h"
#include "core/kernels/conv2d.h"
#include "core/kernels/row_convolution.h"
#include "core/kernels/rows.h"

namespace ghost {

template <class T>
class WeightGradient {
 public:
  // x_row, x_step: of the staged input; plane: from plane to plane of the staged gradient (PixelReader); x_in_place:
  // the input is not staged.
  WeightGradient(const Conv2dShape& s, const GradSink::Slot& slot, int64_t chunks, const std::vector<AxisTap>& down,
                 const std::vector<AxisTap>& across, int64_t x_row, int64_t x_step, int64_t plane, bool x_in_place);
  // Adds rows × columns of outputs: g is the staged gradient of the first one, x the staged input it reads, x.row and
  // x.step those from one output to the next.
  void add(int64_t chunk, int64_t rows, int64_t columns, const PixelBlock<T>& x, const PixelBlock<T>& g);
  // Adds all pixels of a pointwise convolution as the only chunk, with the gradient itself cut among the threads. Meant
  // for few pixels: they would make fewer chunks than threads, and partial sums that are more work than the pixels.
  void add_pixels(int64_t pixels, const PixelBlock<T>& x, const PixelBlock<T>& g);
  void write();  // to the slot, once all has been added

 private:
  T* partial(int64_t chunk) const {
    if (in_slot_ && chunk == 0) return slot_.to.data<T>();
    return static_cast<T*>(storage_->data()) + (chunk - in_slot_) * s_.weights();
  }
  OuterSums<T> outer_sums(T* to, int64_t tap, int64_t group, int64_t rows, int64_t columns, const PixelBlock<T>& x,
                          const PixelBlock<T>& g, bool accumulate) const;
  void add_dense(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x, const PixelBlock<T>& g,
                 bool accumulate) const;
  void add_grouped(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x, const PixelBlock<T>& g,
                   bool accumulate) const;
  void add_depthwise(T* to, int64_t rows, int64_t columns, const PixelBlock<T>& x, const PixelBlock<T>& g,
                     bool accumulate) const;

  const Conv2dShape s_;
  const int64_t plane_;
  const bool x_in_place_;
  std::vector<int64_t> offset_;  // of each tap in the staged input
  // Taps of a row that read one pixel after the other are summed as one tap with that many times the channels: three
  // channels alone would leave most of a register tile empty.
  int64_t joined_ = 1;
  // A partial sum is laid out as its kernel writes it: depthwise [plane][tap][C]; several groups in a vector
  // [tap][I/groups][O]; dense, with vectors of the input's channels, as the weight; else
  // [tap][group][I/groups][O/groups].
  const bool grouped_, x_is_wide_;
  const GradSink::Slot slot_;
  const bool in_slot_;       // the first partial sum is gathered where the gradient belongs
  std::vector<char> begun_;  // of each chunk
  std::unique_ptr<Storage> storage_;
};

}  // namespace ghost
