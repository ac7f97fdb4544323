#include "nn/layers/grouped_bottleneck.h"

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"

namespace ghost {
namespace {

int64_t hidden_channels(const GroupedBottleneck::Options& o) {
  constexpr const char* kKind = "GroupedBottleneck";
  require_at_least(kKind, "in", o.in, 1), require_at_least(kKind, "out", o.out, 1);
  require_at_least(kKind, "groups", o.groups, 1), require_at_least(kKind, "stride", o.stride, 1);
  if (!(o.bottleneck_ratio > 0)) fail_usage("{}: bottleneck_ratio={}, but must be above 0", kKind, o.bottleneck_ratio);
  const int64_t hidden = round_half_to_even(static_cast<double>(o.out) * o.bottleneck_ratio);
  if (hidden < 1)
    fail_usage("{}: out={} at bottleneck_ratio={} leaves no hidden channels; nearest valid: bottleneck_ratio={}", kKind,
               o.out, o.bottleneck_ratio, 1 / static_cast<double>(o.out));
  if (hidden % o.groups != 0) {
    const int64_t below = hidden / o.groups * o.groups, above = below + o.groups;
    fail_usage(
        "{}: hidden={} (out={} at bottleneck_ratio={}) is not divisible by groups={}; nearest valid: groups={}, "
        "or hidden={}",
        kKind, hidden, o.out, o.bottleneck_ratio, o.groups, nearest_divisors(hidden, o.groups),
        below == 0 ? std::to_string(above) : fmt::format("{} or {}", below, above));
  }
  return hidden;
}

}  // namespace

GroupedBottleneck::GroupedBottleneck(const Options& o) {
  const int64_t hidden = hidden_channels(o);
  reduce_ = ConvUnit(this, "reduce", {.in = o.in, .out = hidden, .kernel = 1}, o.conv);
  group_conv_ =
      ConvUnit(this, "group_conv", {.in = hidden, .out = hidden, .stride = o.stride, .groups = o.groups}, o.conv);
  expand_ = ConvUnit(this, "expand", {.in = hidden, .out = o.out, .kernel = 1, .activation = Activation::none}, o.conv);
  drop_path_ = drop_path_child(this, o.drop_path);
  if (o.stride != 1 || o.in != o.out)
    skip_ = ConvUnit(this, "skip",
                     {.in = o.in, .out = o.out, .kernel = 1, .stride = o.stride, .activation = Activation::none});
}

Tensor GroupedBottleneck::forward(const Tensor& x) {
  Tensor y = expand_(group_conv_(reduce_(x)));
  if (drop_path_) y = drop_path_(y);
  return relu(y + (skip_ ? skip_(x) : x));
}

}  // namespace ghost
