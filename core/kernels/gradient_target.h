// Where a flexible kernel (GradSink::open) writes the gradient of its input.
#pragma once
#include <vector>

#include "core/autograd.h"
#include "core/kernels/rows.h"

namespace ghost {

// Channels [first, first + to.channels()) of the gradient, which lie in one part of it and of its base.
template <class S>
struct GradientTarget {
  int64_t first;
  View<S> to, base;  // base.data null: none

  // Copies the base, before the kernel adds to these pixels. They are few, so that they are still in a cache then.
  void begin(int64_t pixel, int64_t count) const {
    if (base.data)
      passes<S>().transform(to.pixel(pixel), to.stride, base.pixel(pixel), base.stride, count, to.channels(), nullptr);
  }
};

// f(target) for all runs of these channels.
template <class S, class F>
void for_targets(const GradSink::Slot& slot, int64_t first, int64_t count, F f) {
  const Array to = slot.to.slice_channels(first, count);
  const Array base = slot.base.defined() ? slot.base.slice_channels(first, count) : Array{};
  const bool based = base.defined();
  for_channel_runs({&to, based ? &base : nullptr}, [&](int64_t begin, int64_t run) {
    f(GradientTarget<S>{begin, to.view<S>(begin, run), based ? base.view<S>(begin, run) : View<S>{}});
  });
}

}  // namespace ghost
