#include "nn/layers/merge.h"

#include <cmath>

#include "core/error.h"

namespace ghost {
namespace {

// The parameter or buffer of that name, in f64.
std::vector<double> values_of(const BatchNorm2d& norm, const std::string& name) {
  for (const Parameter& p : norm.own_parameters())
    if (p.name == name) return p.tensor.to_vector<double>();
  for (const Buffer& b : norm.own_buffers())
    if (b.name == name) return b.tensor.to_vector<double>();
  fail("a batch norm without {} cannot be merged into a convolution", name);
}

}  // namespace

BranchSum::BranchSum(const Conv2d& into)
    : into_(into),
      weight_(static_cast<size_t>(into.weight().numel()), 0),
      bias_(static_cast<size_t>(into.options().out), 0) {
  if (!into.options().bias) fail("branches are merged into a convolution without bias");
}

template <class F>
void BranchSum::add_kernel(Size2 kernel, const BatchNorm2d& norm, F value) {
  const Conv2d::Options& to = into_.options();
  const int64_t top = to.kernel.h - kernel.h, left = to.kernel.w - kernel.w, per_group = to.in / to.groups;
  if (top < 0 || left < 0 || top % 2 != 0 || left % 2 != 0 || norm.options().channels != to.out)
    fail("a branch with a kernel of {}x{} and {} channels does not fit in one with {}x{} and {}", kernel.h, kernel.w,
         norm.options().channels, to.kernel.h, to.kernel.w, to.out);
  const std::vector<double> gamma = values_of(norm, "weight"), beta = values_of(norm, "bias"),
                            mean = values_of(norm, "running_mean"), var = values_of(norm, "running_var");
  for (int64_t o = 0; o < to.out; o++) {
    const auto c = static_cast<size_t>(o);
    const double scale = gamma[c] / std::sqrt(var[c] + norm.options().eps);
    bias_[c] += beta[c] - mean[c] * scale;
    for (int64_t y = 0; y < kernel.h; y++)
      for (int64_t x = 0; x < kernel.w; x++)
        for (int64_t i = 0; i < per_group; i++)
          weight_[static_cast<size_t>(((o * to.kernel.h + y + top / 2) * to.kernel.w + x + left / 2) * per_group +
                                      i)] += value(o, y, x, i) * scale;
  }
}

void BranchSum::add(const Conv2d& conv, const BatchNorm2d& norm) {
  const Conv2d::Options &from = conv.options(), &to = into_.options();
  if (from.in != to.in || from.groups != to.groups || !(from.stride == to.stride) || from.bias)
    fail("a branch of {} channels, {} groups and stride {} does not fit in one of {}, {} and {}", from.in, from.groups,
         from.stride.h, to.in, to.groups, to.stride.h);
  const std::vector<double> weight = conv.weight().to_vector<double>();
  const int64_t per_group = from.in / from.groups;
  add_kernel(from.kernel, norm, [&](int64_t o, int64_t y, int64_t x, int64_t i) {
    return weight[static_cast<size_t>(((o * from.kernel.h + y) * from.kernel.w + x) * per_group + i)];
  });
}

void BranchSum::add_identity(const BatchNorm2d& norm) {
  const Conv2d::Options& to = into_.options();
  if (to.in != to.out) fail("an identity does not fit in a convolution from {} to {} channels", to.in, to.out);
  const int64_t per_group = to.in / to.groups;
  add_kernel(1, norm, [&](int64_t o, int64_t, int64_t, int64_t i) { return i == o % per_group ? 1.0 : 0.0; });
}

void BranchSum::write() const {
  const auto fill = [](Tensor to, const std::vector<double>& values) {
    to.copy_from(Tensor::from(values, to.shape()).to(to.dtype()));
  };
  fill(into_.weight(), weight_), fill(into_.bias(), bias_);
}

}  // namespace ghost
