#include "bench/op_rows.h"

#include <fmt/format.h>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/linear.h"
#include "core/ops/pool.h"

namespace ghost::bench {
namespace {

// Padding is kernel / 2 everywhere.
struct Conv {
  int64_t n, side, in, out, kernel, stride, groups;
};
const Conv kConvs[] = {
    // GhostNet 224×224: first layer, then by resolution the halves of ghost modules and depthwise layers
    {16, 224, 3, 16, 3, 2, 1},
    {16, 112, 16, 8, 1, 1, 1},
    {16, 112, 8, 8, 3, 1, 8},
    {16, 112, 16, 24, 1, 1, 1},
    {16, 112, 24, 24, 3, 1, 24},
    {16, 112, 48, 48, 3, 2, 48},
    {16, 56, 48, 12, 1, 1, 1},
    {16, 56, 24, 36, 1, 1, 1},
    {16, 56, 36, 36, 3, 1, 36},
    {16, 56, 72, 72, 5, 2, 72},
    {16, 28, 40, 60, 1, 1, 1},
    {16, 28, 60, 60, 3, 1, 60},
    {16, 28, 240, 240, 3, 2, 240},
    {16, 14, 80, 100, 1, 1, 1},
    {16, 14, 100, 100, 3, 1, 100},
    {16, 14, 92, 92, 3, 1, 92},
    {16, 14, 112, 336, 1, 1, 1},
    {16, 14, 672, 672, 5, 2, 672},
    {16, 7, 160, 480, 1, 1, 1},
    {16, 7, 480, 480, 3, 1, 480},
    {16, 7, 960, 80, 1, 1, 1},
    // GhostNet 32×32
    {128, 32, 3, 16, 3, 1, 1},
    {128, 32, 16, 8, 1, 1, 1},
    {128, 32, 8, 8, 3, 1, 8},
    {128, 16, 72, 72, 5, 2, 72},
    {128, 4, 80, 100, 1, 1, 1},
    {128, 2, 160, 480, 1, 1, 1},
    {128, 2, 480, 480, 3, 1, 480},
    // MiniGroupNet
    {128, 32, 3, 64, 3, 1, 1},
    {128, 32, 64, 64, 1, 1, 1},
    {128, 32, 64, 64, 3, 2, 4},
    {128, 32, 64, 64, 3, 2, 8},
    {128, 16, 128, 128, 3, 2, 4},
    {128, 16, 128, 128, 3, 2, 8},
    {128, 16, 64, 128, 1, 1, 1},
    {128, 8, 128, 256, 1, 1, 1},
    // ResNet and its ghost
    {128, 32, 16, 16, 3, 1, 1},
    {128, 32, 16, 32, 3, 2, 1},
    {128, 16, 32, 32, 3, 1, 1},
    {128, 8, 64, 64, 3, 1, 1},
    {128, 32, 16, 8, 3, 1, 1},
    {128, 16, 32, 16, 3, 1, 1},
    {128, 16, 16, 16, 3, 1, 16},
    {128, 8, 64, 32, 3, 1, 1},
    {128, 8, 32, 32, 3, 1, 32},
    // VGG-16 and its ghost
    {128, 32, 64, 64, 3, 1, 1},
    {128, 16, 128, 128, 3, 1, 1},
    {128, 8, 256, 256, 3, 1, 1},
    {128, 4, 512, 512, 3, 1, 1},
    {128, 2, 512, 512, 3, 1, 1},
    {128, 32, 64, 32, 3, 1, 1},
    {128, 32, 32, 32, 3, 1, 32},
    {128, 4, 512, 256, 3, 1, 1},
    {128, 2, 256, 256, 3, 1, 256},
};

OpRow conv(const Conv& c) {
  const Shape x{c.n, c.side, c.side, c.in}, weight{c.out, c.kernel, c.kernel, c.in / c.groups};
  const Conv2dOptions options{
      .stride = {c.stride, c.stride}, .padding = {c.kernel / 2, c.kernel / 2}, .dilation = {1, 1}, .groups = c.groups};
  return {.op = "conv2d",
          .at_size = {.name = fmt::format("{}*{}{}", x.str(), weight.str(), c.stride > 1 ? "/2" : ""),
                      .inputs = {x, weight},
                      .run = [options](const std::vector<Tensor>& in) { return conv2d(in[0], in[1], {}, options); }}};
}

// The name is made of the shapes.
OpRow other(const char* op, std::vector<Shape> inputs, std::function<Tensor(const std::vector<Tensor>&)> run) {
  std::string name;
  for (const Shape& shape : inputs) name += (name.empty() ? "" : ",") + shape.str();
  return {.op = op, .at_size = {.name = name, .inputs = std::move(inputs), .run = std::move(run)}};
}

OpRow linear_layer(int64_t n, int64_t in, int64_t out) {
  OpRow row = other("linear", {{n, in}, {out, in}, {out}},
                    [](const std::vector<Tensor>& x) { return linear(x[0], x[1], x[2]); });
  row.macs = static_cast<double>(n * in * out);
  return row;
}

}  // namespace

std::vector<OpRow> network_rows() {
  std::vector<OpRow> rows;
  for (const Conv& c : kConvs) rows.push_back(conv(c));
  for (const Shape& x : {Shape{16, 112, 112, 48}, Shape{128, 32, 32, 16}, Shape{128, 8, 8, 256}})
    rows.push_back(other("batch_norm+relu", {x, {x.channels()}, {x.channels()}}, [](const std::vector<Tensor>& in) {
      return relu(batch_norm(in[0], in[1], in[2], RunningStatistics{}));
    }));
  for (const Shape& x : {Shape{16, 56, 56, 24}, Shape{128, 32, 32, 16}})
    rows.push_back(other("add", {x, x}, [](const std::vector<Tensor>& in) { return add(in[0], in[1]); }));
  rows.push_back(other("squeeze_excite_gate", {{16, 28, 28, 120}, {16, 1, 1, 120}},
                       [](const std::vector<Tensor>& in) { return mul(in[0], in[1]); }));
  rows.push_back(other("global_avg_pool", {{16, 7, 7, 960}},
                       [](const std::vector<Tensor>& in) { return global_avg_pool(in[0]); }));
  rows.push_back(other("max_pool2d", {{128, 32, 32, 64}}, [](const std::vector<Tensor>& in) {
    return max_pool2d(in[0], {.kernel = {2, 2}});
  }));
  rows.push_back(linear_layer(16, 1280, 1000));
  rows.push_back(linear_layer(128, 512, 512));
  rows.push_back(other("cross_entropy", {{16, 1000}}, [](const std::vector<Tensor>& in) {
    return cross_entropy(in[0], Tensor::zeros({in[0].size(0)}, DType::i64));
  }));
  return rows;
}

}  // namespace ghost::bench
