// The checks and sizes of pooling, and its cases. Maximum and mean are in max_pool.cpp and avg_pool.cpp.
#include "core/ops/pool.h"

#include "core/op_case.h"
#include "core/ops/pool_window.h"

namespace ghost {
namespace {

int64_t output_size(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, bool ceil_mode) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  if (room < 0 && !(ceil_mode && room + stride - 1 >= 0)) return 0;
  const int64_t out = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  // a window must start in the input or in the padding before it
  return ceil_mode && (out - 1) * stride >= in + padding ? out - 1 : out;
}

}  // namespace

void check_pool_input(const char* op, const Tensor& x) {
  x.require_defined(op, "the input");
  if (x.rank() != 4) fail("{}: input is {}, but must be (N, H, W, C)", op, x.shape().str());
}

Shape pool_output_shape(const char* op, const Shape& x, const PoolOptions& o) {
  Shape y = x;
  for (int d = 0; d < 2; d++) {
    const auto i = static_cast<size_t>(d);
    const char* side = d == 0 ? "height" : "width";
    if (o.kernel[i] < 1 || o.stride[i] < 1 || o.dilation[i] < 1 || o.padding[i] < 0)
      fail(
          "{}: kernel {}, stride {}, dilation {} and padding {} given for the {}, but the first three must be at least "
          "1 "
          "and the last at least 0",
          op, o.kernel[i], o.stride[i], o.dilation[i], o.padding[i], side);
    if (o.padding[i] > o.kernel[i] / 2)
      fail("{}: padding {} given for the {}, but with kernel {} at most {} is possible", op, o.padding[i], side,
           o.kernel[i], o.kernel[i] / 2);
    y[d + 1] = output_size(x[d + 1], o.kernel[i], o.stride[i], o.padding[i], o.dilation[i], o.ceil_mode);
    if (y[d + 1] < 1)
      fail("{}: kernel {} with dilation {} and padding {} does not fit the {} of input {}", op, o.kernel[i],
           o.dilation[i], o.padding[i], side, x.str());
  }
  return y;
}

std::vector<OpCase> pool_cases() {
  std::vector<OpCase> cases;
  struct Row {
    const char* name;
    Shape x;
    PoolOptions o;
  };
  const Row table[] = {
      {"k2s2", {2, 8, 6, 3}, {}},
      {"k2s2_odd", {2, 7, 9, 3}, {}},
      {"k3s2p1", {2, 9, 8, 5}, {.kernel = {3, 3}, .padding = {1, 1}}},
      {"k3s1p1", {1, 6, 5, 4}, {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}}},
      {"k3s2_ceil", {2, 8, 10, 3}, {.kernel = {3, 3}, .ceil_mode = true}},
      {"k3s2p1_ceil", {1, 8, 7, 3}, {.kernel = {3, 3}, .padding = {1, 1}, .ceil_mode = true}},
      {"k2s2p1_ceil_clip", {1, 5, 5, 2}, {.padding = {1, 1}, .ceil_mode = true}},
      {"k2x3_s1x2", {2, 6, 9, 2}, {.kernel = {2, 3}, .stride = {1, 2}, .padding = {0, 1}}},
      {"k3s5_gaps", {1, 11, 12, 3}, {.kernel = {3, 3}, .stride = {5, 5}}},
      {"whole", {2, 7, 7, 4}, {.kernel = {7, 7}, .stride = {7, 7}}},
      {"1x1", {3, 1, 1, 17}, {.kernel = {1, 1}, .stride = {1, 1}}},
  };
  for (const Row& row : table) {
    cases.push_back({.name = std::string("max_") + row.name,
                     .inputs = {row.x},
                     .run = [o = row.o](const auto& in) { return max_pool2d(in[0], o); },
                     .distinct = true});
    for (const bool count : {true, false}) {
      PoolOptions o = row.o;
      o.count_include_pad = count;
      cases.push_back({.name = std::string("avg_") + row.name + (count ? "" : "_excluded"),
                       .inputs = {row.x},
                       .run = [o](const auto& in) { return avg_pool2d(in[0], o); }});
    }
  }
  cases.push_back(
      {.name = "max_dilation2",
       .inputs = {{1, 9, 9, 2}},
       .run =
           [](const auto& in) {
             return max_pool2d(in[0], {.kernel = {3, 3}, .stride = {1, 1}, .padding = {1, 1}, .dilation = {2, 2}});
           },
       .distinct = true});
  const std::pair<Shape, std::array<int64_t, 2>> adaptive[] = {{{2, 5, 7, 6}, {1, 1}},
                                                               {{3, 1, 1, 4}, {1, 1}},
                                                               {{2, 8, 11, 4}, {3, 5}},
                                                               {{1, 3, 3, 2}, {5, 5}},
                                                               {{1, 10, 13, 3}, {7, 7}}};
  for (const auto& [x, out] : adaptive)
    cases.push_back({.name = fmt::format("adaptive_{}x{}_of_{}", out[0], out[1], x.str()),
                     .inputs = {x},
                     .run = [size = out](const auto& in) { return adaptive_avg_pool2d(in[0], size); }});
  for (const Shape& x : {Shape{2, 5, 7, 6}, Shape{1, 1, 1, 17}, Shape{3, 6, 5, 8}})
    cases.push_back(
        {.name = "global" + x.str(), .inputs = {x}, .run = [](const auto& in) { return global_avg_pool(in[0]); }});
  return cases;
}

}  // namespace ghost
