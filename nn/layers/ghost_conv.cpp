#include "nn/layers/ghost_conv.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/nearest.h"

namespace ghost {
namespace {

int64_t intrinsic_channels(int64_t out, double ratio) { return round_half_to_even(static_cast<double>(out) / ratio); }

// Appends the first valid number from `from` on, in steps of `step` up to `last`; nothing if there is none.
template <class Valid>
void add_first_valid(std::vector<std::string>& to, int64_t from, int64_t last, int64_t step, Valid valid) {
  for (int64_t i = from; step < 0 ? i >= last : i <= last; i += step)
    if (valid(i)) return to.push_back(std::to_string(i));
}

// The nearest valid numbers of output channels at this ratio, and the nearest valid whole ratios at this number.
std::string nearest_valid(int64_t out, double ratio) {
  std::vector<std::string> outs, ratios;
  const auto whole = static_cast<int64_t>(std::ceil(std::min(ratio, static_cast<double>(out) + 1)));
  const auto valid_out = [&](int64_t o) { return GhostConv::valid(o, ratio); };
  const auto valid_ratio = [&](int64_t r) { return GhostConv::valid(out, static_cast<double>(r)); };
  add_first_valid(outs, out - 1, 1, -1, valid_out), add_first_valid(outs, out + 1, out + whole, 1, valid_out);
  add_first_valid(ratios, whole - 1, 1, -1, valid_ratio), add_first_valid(ratios, whole, out, 1, valid_ratio);
  const std::string text = fmt::format("ratio={} at out={}", any_of(ratios), out);
  return outs.empty() ? text : fmt::format("out={} at ratio={}, or {}", any_of(outs), ratio, text);
}

}  // namespace

bool GhostConv::valid(int64_t out, double ratio) {
  if (out < 1 || !(ratio >= 1)) return false;
  const int64_t primary = intrinsic_channels(out, ratio);
  return primary >= 1 && (out - primary) % primary == 0;
}

GhostBase::Plan GhostConv::plan(const Options& o) {
  require_at_least("GhostConv", "in", o.in, 1), require_at_least("GhostConv", "out", o.out, 1);
  require_cheap_op("GhostConv", o.cheap_op, o.cheap_kernel);
  if (!(o.ratio >= 1) || !std::isfinite(o.ratio))
    fail_usage("GhostConv: ratio={}, but must be a number of at least 1; nearest valid: 1", o.ratio);
  const int64_t primary = intrinsic_channels(o.out, o.ratio), ghosts = o.out - primary;
  if (!valid(o.out, o.ratio))
    fail_usage(
        "GhostConv: out={} at ratio={} gives {} intrinsic and {} ghost channels, but the ghosts must be {}; "
        "nearest valid: {}",
        o.out, o.ratio, primary, ghosts,
        primary == 0 ? "made from at least 1" : fmt::format("a multiple of {}", primary),
        nearest_valid(o.out, o.ratio));
  return {.in = o.in,
          .intrinsic = primary,
          .ghosts = ghosts,
          .out = o.out,
          .kernel = o.kernel,
          .stride = o.stride,
          .padding = o.padding,
          .dilation = o.dilation,
          .cheap_op = o.cheap_op,
          .cheap_kernel = o.cheap_kernel,
          .activation = o.activation};
}

}  // namespace ghost
