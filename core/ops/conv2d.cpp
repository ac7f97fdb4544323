#include "core/ops/conv2d.h"

#include <numeric>

#include "core/kernels/conv2d.h"
#include "core/nearest.h"
#include "core/numerics.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/cast.h"
#include "core/shapes_only.h"

namespace ghost {
namespace {

// ---- dimensions and checks

// "1, 2 or 4": the numbers of groups next to the wrong one that divide both C and O.
std::string nearest_groups(int64_t groups, int64_t channels) {
  int64_t below = 0, above = 0;
  for (int64_t g = 1; g <= channels; g++)
    if (channels % g == 0) {
      if (g < groups) below = g;
      if (g > groups && !above) above = g;
    }
  std::vector<std::string> names;
  for (const int64_t g : {below, above})
    if (g) names.push_back(std::to_string(g));
  return any_of(names);
}

void check_option(const std::array<int64_t, 2>& value, const char* what, int64_t least) {
  constexpr int64_t kMost = 1 << 20;
  for (const int64_t v : value)
    if (v < least || v > kMost)
      fail("conv2d: {} is ({}, {}), but both must lie in [{}, {}]", what, value[0], value[1], least, kMost);
}

Conv2dShape dimensions(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  if (x.rank() != 4) fail("conv2d: input is {}, but needs four dimensions (N, H, W, C)", x.str());
  if (weight.rank() != 4) fail("conv2d: weight is {}, but needs four dimensions (O, KH, KW, C/groups)", weight.str());
  check_option(options.stride, "stride", 1), check_option(options.padding, "padding", 0);
  check_option(options.dilation, "dilation", 1);
  const int64_t groups = options.groups, in = x[3], out = weight[0];
  for (int d = 1; d < 4; d++)
    if (x[d] < 1) fail("conv2d: input {} has no pixels or channels", x.str());
  for (const int64_t size : weight)
    if (size < 1) fail("conv2d: weight {} is empty", weight.str());
  if (groups < 1 || in % groups || out % groups)
    fail("conv2d: {} input and {} output channels cannot be divided into {} groups; the nearest that can: {}", in, out,
         groups, nearest_groups(groups, std::gcd(in, out)));
  if (in != weight[3] * groups)
    fail("conv2d: input has {} channels, but weight {} with groups={} expects {}", in, weight.str(), groups,
         weight[3] * groups);
  const auto size = [&](int d) {
    const auto i = static_cast<size_t>(d - 1);
    return conv2d_output_size(x[d], weight[d], options.stride[i], options.padding[i], options.dilation[i]);
  };
  const Conv2dShape s{.n = x[0],
                      .h = x[1],
                      .w = x[2],
                      .ci = in,
                      .co = out,
                      .kh = weight[1],
                      .kw = weight[2],
                      .sh = options.stride[0],
                      .sw = options.stride[1],
                      .ph = options.padding[0],
                      .pw = options.padding[1],
                      .dh = options.dilation[0],
                      .dw = options.dilation[1],
                      .groups = groups,
                      .oh = size(1),
                      .ow = size(2)};
  if (s.oh < 1 || s.ow < 1)
    fail(
        "conv2d: a {}x{} kernel with dilation {}x{} reaches over {}x{} pixels, but input {} with padding {}x{} has "
        "{}x{}",
        s.kh, s.kw, s.dh, s.dw, (s.kh - 1) * s.dh + 1, (s.kw - 1) * s.dw + 1, x.str(), s.ph, s.pw, s.h + 2 * s.ph,
        s.w + 2 * s.pw);
  return s;
}

void check_types(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!is_floating(x.dtype())) fail("conv2d: works on f32, f64 and bf16 tensors, but got {}", name_of(x.dtype()));
  const DType computed = compute_type(x.dtype());
  if (weight.dtype() != computed)
    fail("conv2d: input is {}, but weight is {}", name_of(x.dtype()), name_of(weight.dtype()));
  if (!bias.defined()) return;
  if (bias.dtype() != computed) fail("conv2d: input is {}, but bias is {}", name_of(x.dtype()), name_of(bias.dtype()));
  if (bias.rank() != 1 || bias.numel() != weight.size(0))
    fail("conv2d: bias is {}, but weight {} makes {} channels", bias.shape().str(), weight.shape().str(),
         weight.size(0));
}

// ---- node

class Conv2dNode final : public Node {
 public:
  Conv2dNode(const Conv2dShape& s, const Tensor& x, const Tensor& weight) : s_(s) {
    save(weight.node() ? x.body() : nullptr);
    save(x.node() ? weight.body() : nullptr);
  }
  const char* name() const override { return "conv2d"; }
  void backward(Gradient gy) override {
    GradSink *to_x = sink_of(0), *to_weight = sink_of(1), *to_bias = sink_of(2);
    const DType dtype = gy.g.dtype, computed = compute_type(dtype);
    GradSink::Slot gx, gw, gb;
    if (to_x) gx = to_x->open({s_.n, s_.h, s_.w, s_.ci}, dtype, conv2d_flexible(s_));
    if (to_weight) gw = to_weight->open({s_.co, s_.kh, s_.kw, s_.cig()}, computed);
    if (to_bias) gb = to_bias->open({s_.co}, computed);
    const Array weight = to_x ? packed(values(saved(1, "weight"))) : Array{};
    EpilogueResult done = conv2d_backward(
        s_, to_weight ? saved(0, "input") : nullptr, weight, gy,
        {.x = to_x ? &gx : nullptr, .weight = to_weight ? &gw : nullptr, .bias = to_bias ? &gb : nullptr});
    if (to_x) to_x->close(std::move(done));
    if (to_weight) to_weight->close();
    if (to_bias) to_bias->close();
  }

 private:
  const Conv2dShape s_;
};

}  // namespace

// ---- public functions

int64_t conv2d_output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

Shape conv2d_output_shape(const Shape& x, const Shape& weight, const Conv2dOptions& options) {
  const Conv2dShape s = dimensions(x, weight, options);
  return {s.n, s.oh, s.ow, s.co};
}

Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dOptions& options) {
  x.require_defined("conv2d", "the input"), weight.require_defined("conv2d", "the weight");
  check_types(x, weight, bias);
  Conv2dShape s = dimensions(x.shape(), weight.shape(), options);
  s.stored_as_bf16 = x.dtype() == DType::bf16;
  if (x.dtype() == DType::f32 && activation_type() == DType::bf16 && s.oh * s.ow > 1)
    return conv2d(cast(x, DType::bf16), weight, bias, options);
  const Shape shape{s.n, s.oh, s.ow, s.co};
  const Array z = Array::empty(shape, x.dtype());
  if (shapes_only()) return make_result(make_body(z), nullptr, {});
  const Array b = bias.defined() ? packed(bias.values()) : Array{};
  StatisticsPtr statistics = conv2d_forward(s, x.body(), packed(weight.values()), b, z, folding() && grad_enabled());
  NodePtr node;
  if (wants_grad({&x, &weight, &bias})) node = std::make_shared<Conv2dNode>(s, x, weight);
  return recorded("conv2d", {&x, &weight, &bias},
                  make_result(make_body(z, std::move(statistics)), node, {&x, &weight, &bias}), [&] {
                    return OpAttributes{{"stride", as_attribute(options.stride)},
                                        {"padding", as_attribute(options.padding)},
                                        {"dilation", as_attribute(options.dilation)},
                                        {"groups", {static_cast<double>(options.groups)}}};
                  });
}

// ---- cases

std::vector<OpCase> conv2d_cases() {
  std::vector<OpCase> cases;
  struct Sizes {
    int64_t channels, out;
    bool bias = false;
    int64_t h = 7, w = 9, n = 2;
  };
  const auto add = [&](const std::string& name, const Sizes& of, std::array<int64_t, 2> kernel,
                       const Conv2dOptions& options) {
    OpCase c{.name = name,
             .inputs = {{of.n, of.h, of.w, of.channels}, {of.out, kernel[0], kernel[1], of.channels / options.groups}},
             .run = [options](const std::vector<Tensor>& in) {
               return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), options);
             }};
    if (of.bias) c.inputs.push_back({of.out});
    cases.push_back(std::move(c));
  };

  struct Groups {
    const char* name;
    int64_t channels, out, groups;
  };
  // one, some, of 4 channels, depthwise and depthwise with a multiplier
  constexpr Groups kGroups[] = {
      {"g1", 5, 7, 1}, {"g3", 6, 9, 3}, {"fours", 12, 12, 3}, {"depthwise", 6, 6, 6}, {"multiplier", 5, 15, 5}};
  for (const Groups& g : kGroups)
    for (const int64_t stride : {1, 2})
      for (const int64_t kernel : {1, 3, 5, 7})
        add(fmt::format("{}_s{}_k{}", g.name, stride, kernel), {g.channels, g.out}, {kernel, kernel},
            {.stride = {stride, stride}, .padding = {kernel / 2, kernel / 2}, .groups = g.groups});

  for (const Groups& g : kGroups) {
    const std::string name = std::string(g.name) + "_";
    const Sizes plain{g.channels, g.out}, with_bias{.channels = g.channels, .out = g.out, .bias = true};
    add(name + "bias", with_bias, {3, 3}, {.padding = {1, 1}, .groups = g.groups});
    add(name + "bias_k1", with_bias, {1, 1}, {.groups = g.groups});
    add(name + "unpadded", plain, {3, 3}, {.groups = g.groups});
    add(name + "k3x1_s2x1", plain, {3, 1}, {.stride = {2, 1}, .padding = {1, 0}, .groups = g.groups});
    add(name + "k2x5_s1x3", plain, {2, 5}, {.stride = {1, 3}, .padding = {0, 2}, .groups = g.groups});
    add(name + "dilated", plain, {3, 3}, {.padding = {2, 3}, .dilation = {2, 3}, .groups = g.groups});
    add(name + "dilated_s2", plain, {3, 2},
        {.stride = {2, 2}, .padding = {1, 1}, .dilation = {3, 2}, .groups = g.groups});
    add(name + "overpadded", plain, {3, 3}, {.stride = {1, 2}, .padding = {4, 5}, .groups = g.groups});
    add(name + "overpadded_k1", plain, {1, 1}, {.stride = {2, 3}, .padding = {2, 1}, .groups = g.groups});
    add(name + "stride_beyond_kernel", plain, {2, 2}, {.stride = {4, 3}, .groups = g.groups});
    add(name + "one_pixel", {.channels = g.channels, .out = g.out, .h = 1, .w = 1, .n = 3}, {3, 3},
        {.padding = {1, 1}, .groups = g.groups});
  }
  add("single_channel", {1, 6}, {3, 3}, {.padding = {1, 1}});
  add("single_filter", {6, 1}, {3, 3}, {.padding = {1, 1}});
  add("two_groups_of_one", {2, 6}, {3, 3}, {.padding = {1, 1}, .groups = 2});
  add("wide", {.channels = 37, .out = 71, .h = 3, .w = 5, .n = 1}, {3, 3}, {.padding = {1, 1}});
  add("half_a_vector", {.channels = 16, .out = 8, .h = 6, .w = 13, .n = 1}, {3, 3}, {.padding = {1, 1}});
  add("wide_k1", {.channels = 71, .out = 37, .h = 5, .w = 5, .n = 3}, {1, 1}, {});
  add("wide_fours", {.channels = 36, .out = 36, .h = 5, .w = 14, .n = 1}, {3, 3}, {.padding = {1, 1}, .groups = 9});
  add("eights", {.channels = 24, .out = 24, .bias = true, .h = 5, .w = 14}, {3, 3}, {.padding = {1, 1}, .groups = 3});
  add("wide_depthwise", {.channels = 36, .out = 36, .h = 5, .w = 11, .n = 1}, {3, 3},
      {.padding = {1, 1}, .groups = 36});
  add("wide_multiplier", {.channels = 20, .out = 40, .h = 5, .w = 5, .n = 1}, {5, 5},
      {.padding = {2, 2}, .groups = 20});
  add("tall", {.channels = 4, .out = 4, .h = 41, .w = 3, .n = 1}, {3, 3}, {.stride = {2, 1}, .padding = {1, 1}});
  return cases;
}

}  // namespace ghost
