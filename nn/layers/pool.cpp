#include "nn/layers/pool.h"

namespace ghost {
namespace {

template <class Options>
void check(const char* kind, const Options& o) {
  require_at_least(kind, "kernel", o.kernel, 1), require_at_least(kind, "padding", o.padding, 0);
  if (o.stride) require_at_least(kind, "stride", *o.stride, 1);
  if (o.padding.h * 2 > o.kernel.h || o.padding.w * 2 > o.kernel.w)
    fail_usage("{}: padding={}x{} exceeds half the kernel {}x{}; at most {}x{}", kind, o.padding.h, o.padding.w,
               o.kernel.h, o.kernel.w, o.kernel.h / 2, o.kernel.w / 2);
}

}  // namespace

MaxPool2d::MaxPool2d(const Options& o)
    : options_{.kernel = o.kernel,
               .stride = o.stride.value_or(o.kernel),
               .padding = o.padding,
               .dilation = o.dilation,
               .ceil_mode = o.ceil_mode} {
  check("MaxPool2d", o);
  require_at_least("MaxPool2d", "dilation", o.dilation, 1);
}

AvgPool2d::AvgPool2d(const Options& o)
    : options_{.kernel = o.kernel,
               .stride = o.stride.value_or(o.kernel),
               .padding = o.padding,
               .ceil_mode = o.ceil_mode,
               .count_include_pad = o.count_include_pad} {
  check("AvgPool2d", o);
}

AdaptiveAvgPool2d::AdaptiveAvgPool2d(Size2 output_size) : output_size_(output_size) {
  require_at_least("AdaptiveAvgPool2d", "output_size", output_size, 1);
}

}  // namespace ghost
