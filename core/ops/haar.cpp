// A mixture of the four bands is a 2×2 kernel, so it costs one depthwise convolution however it is learned. The kernel
// stands in the lower right of a 3×3 one, whose padding of 1 is then the zeros beyond the end.
#include "core/ops/haar.h"

#include "core/op_case.h"
#include "core/ops/cast.h"
#include "core/ops/conv2d.h"
#include "core/ops/linear.h"
#include "core/ops/shape_ops.h"

namespace ghost {
namespace {

constexpr int64_t kBands = 4;

// (9, 4): what LL, LH, HL and HH each give to the taps of the 3×3 kernel.
Tensor basis(DType dtype) {
  std::vector<double> taps(9 * kBands, 0.0);
  const auto set = [&](size_t tap, std::array<double, kBands> signs) {
    for (size_t k = 0; k < kBands; k++) taps[tap * kBands + k] = signs[k] / 2;
  };
  set(4, {1, 1, 1, 1}), set(5, {1, 1, -1, -1});
  set(7, {1, -1, 1, -1}), set(8, {1, -1, -1, 1});
  return Tensor::from(taps, {9, kBands}).to(dtype);
}

}  // namespace

Tensor haar_mix(const Tensor& x, const Tensor& coefficients) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(haar_mix(cast(x, DType::f32), coefficients), DType::bf16);
  x.require_defined("haar_mix", "the input"), coefficients.require_defined("haar_mix", "the coefficients");
  if (x.rank() != 4) fail("haar_mix: input is {}, but must be (N, H, W, C)", x.shape().str());
  const int64_t channels = x.size(3);
  const Shape& c = coefficients.shape();
  if (c.rank() != 2 || c[1] != kBands || channels < 1 || c[0] < 1 || c[0] % channels != 0)
    fail("haar_mix: coefficients are {}, but for input {} must be (a multiple of {}, {})", c.str(), x.shape().str(),
         channels, kBands);
  const Tensor kernel = reshape(linear(coefficients, basis(coefficients.dtype())), {c[0], 3, 3, 1});
  return conv2d(x, kernel, {}, {.padding = {1, 1}, .groups = channels});
}

std::vector<OpCase> haar_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, int64_t out) {
    cases.push_back(
        {.name = name, .inputs = {x, {out, kBands}}, .run = [](const auto& in) { return haar_mix(in[0], in[1]); }});
  };
  add("one_each", {2, 5, 4, 3}, 3);
  add("three_each", {1, 4, 7, 2}, 6);
  add("wide", {1, 3, 5, 20}, 20);
  add("one_pixel", {3, 1, 1, 2}, 4);
  return cases;
}

}  // namespace ghost
