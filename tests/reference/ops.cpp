
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/channel_shuffle.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/linear.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/resize.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"
#include "reference/kinds.h"
#include "reference/op_run.h"

namespace ghost::reference {
namespace {

void run_conv2d(OpRun& run) {
  const Args& args = run.args();
  const Shape weight = run.shape("weight");
  const auto kernel = args.pair("kernel", {weight[2], weight[3]});
  if (kernel != std::array{weight[2], weight[3]})
    fail("conv2d: kernel ({}, {}), but the weight is {}", kernel[0], kernel[1], weight.str());
  const Conv2dOptions options{.stride = args.pair("stride", {1, 1}),
                              .padding = args.pair("padding", {0, 0}),
                              .dilation = args.pair("dilation", {1, 1}),
                              .groups = args.integer("groups", 1)};
  const Tensor bias = run.optional("bias", args.boolean("bias", run.has("bias")));
  run.output("y", conv2d(run.input("x"), run.input("weight"), bias, options));
}

// Acts on the last dimension whatever the rank, so nothing is permuted.
void run_linear(OpRun& run) {
  const Tensor bias = run.optional("bias", run.args().boolean("bias", run.has("bias")));
  const Tensor y = linear(run.plain_input("x"), run.plain_input("weight"), bias);
  run.output("y", y, plain(y.rank()));
}

void run_batch_norm(OpRun& run) {
  const Args& args = run.args();
  BatchNormOptions options{.training = args.boolean("training"), .momentum = {}, .eps = args.number("eps", 1e-5)};
  if (args.has("momentum")) options.momentum = args.number("momentum");
  const bool affine = args.boolean("affine", run.has("weight"));
  const bool tracked = args.boolean("track_running_stats", run.has("running_mean"));

  // (N, C) has its channels last already; (N, C, L) and (N, C, H, W) do not.
  Layout layout = channels_last(run.shape("x").rank());
  if (run.shape("x").rank() == 3) layout.axes = {0, 2, 1};
  const RunningStatistics running{.mean = run.optional("running_mean", tracked),
                                  .var = run.optional("running_var", tracked),
                                  .num_batches_tracked = run.optional("num_batches_tracked", tracked)};
  const Tensor weight = run.optional("weight", affine), bias = run.optional("bias", affine);
  run.output("y", batch_norm(run.input("x", layout), weight, bias, running, options), layout);
  if (tracked && options.training) {
    run.output("running_mean", running.mean);
    run.output("running_var", running.var);
    run.output("num_batches_tracked", running.num_batches_tracked);
  }
}

PoolOptions pool_options(const Args& args) {
  PoolOptions options;
  options.kernel = args.pair("kernel", options.kernel);
  options.stride = args.pair("stride", options.kernel);
  options.padding = args.pair("padding", {0, 0});
  options.ceil_mode = args.boolean("ceil_mode", false);
  return options;
}

void run_max_pool2d(OpRun& run) {
  PoolOptions options = pool_options(run.args());
  options.dilation = run.args().pair("dilation", {1, 1});
  run.output("y", max_pool2d(run.input("x"), options));
}

void run_avg_pool2d(OpRun& run) {
  PoolOptions options = pool_options(run.args());
  options.count_include_pad = run.args().boolean("count_include_pad", true);
  run.output("y", avg_pool2d(run.input("x"), options));
}

void run_adaptive_avg_pool2d(OpRun& run) {
  run.output("y", adaptive_avg_pool2d(run.input("x"), run.args().pair("output_size", {1, 1})));
}

void run_resize_nearest(OpRun& run) {
  run.output("y", resize_nearest(run.input("x"), run.args().pair("output_size", {1, 1})));
}

void run_channel_shuffle(OpRun& run) { run.output("y", channel_shuffle(run.input("x"), run.args().integer("groups"))); }

void run_cat(OpRun& run) {
  const int64_t count = run.args().integer("inputs", static_cast<int64_t>(run.inputs().size()));
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < count; i++) parts.push_back(run.input("x" + std::to_string(i)));
  run.output("y", cat(parts, our_dim(channels_last(parts.at(0).rank()), run.args().integer("dim"))));
}

// "slices": [start, stop, step] for each dimension, null where Python would leave it out.
void run_slice(OpRun& run) {
  run.args().ignore("form");
  const Tensor x = run.input("x");
  const Layout layout = channels_last(x.rank());
  std::vector<Range> ranges(static_cast<size_t>(x.rank()));
  const nlohmann::json& slices = run.args().json("slices");
  for (size_t i = 0; i < slices.size(); i++) {
    const nlohmann::json& slice = slices.at(i);
    if (slice.size() != 3) fail("slice: {} is not [start, stop, step]", slice.dump());
    Range& range = ranges.at(static_cast<size_t>(our_dim(layout, static_cast<int64_t>(i))));
    if (!slice[0].is_null()) range.start = slice[0].get<int64_t>();
    if (!slice[1].is_null()) range.stop = slice[1].get<int64_t>();
    if (!slice[2].is_null()) range.step = slice[2].get<int64_t>();
  }
  run.output("y", slice(x, ranges));
}

// Left and right pad the last dimension in PyTorch's axes, top and bottom the one before, front and back the channels.
void run_pad(OpRun& run) {
  const Args& args = run.args();
  if (args.has("mode") && args.text("mode") != "constant") fail("pad: mode {} is not known", args.text("mode"));
  const int rank = run.shape("x").rank();
  const Layout layout = broadcast_layout(rank, 4);
  const Pad2d by{.left = args.integer("left", 0),
                 .right = args.integer("right", 0),
                 .top = args.integer("top", 0),
                 .bottom = args.integer("bottom", 0),
                 .front = args.integer("front", 0),
                 .back = args.integer("back", 0),
                 .value = args.number("value", 0)};
  run.output("y", pad(run.input("x", layout), by), layout);
}

using BinaryOp = Tensor (*)(const Tensor&, const Tensor&);
template <BinaryOp op>
void run_binary(OpRun& run) {
  for (const char* input : {"a", "b"}) {
    const std::string argument = std::string(input) + "_shape";
    if (run.args().has(argument) && !(Shape(run.args().integers(argument)) == run.shape(input)))
      fail("argument {} disagrees with the shape {} of the input", argument, run.shape(input).str());
  }
  const int a = run.shape("a").rank(), b = run.shape("b").rank();
  run.output("y", op(run.input("a", broadcast_layout(a, b)), run.input("b", broadcast_layout(b, a))),
             channels_last(std::max(a, b)));
}

using ReduceOp = Tensor (*)(const Tensor&, const std::vector<int>&, bool);
template <ReduceOp op>
void run_reduce(OpRun& run) {
  const Tensor x = run.input("x");
  const Layout layout = channels_last(x.rank());
  std::vector<int> dims;
  if (run.args().has("dims"))
    for (const int64_t dim : run.args().integers("dims")) dims.push_back(our_dim(layout, dim));
  const bool keepdim = run.args().boolean("keepdim", false);
  const Tensor y = op(x, dims, keepdim);
  if (keepdim) return run.output("y", y, layout);

  // What is left of our dimensions, numbered by their order in the reference.
  std::vector<int> kept;
  for (int i = 0; i < x.rank() && !dims.empty(); i++)
    if (std::find(dims.begin(), dims.end(), i) == dims.end()) kept.push_back(layout.axes[static_cast<size_t>(i)]);
  Layout left;
  for (const int axis : kept)
    left.axes.push_back(static_cast<int>(std::count_if(kept.begin(), kept.end(), [axis](int k) { return k < axis; })));
  run.output("y", y, left);
}

using SoftmaxOp = Tensor (*)(const Tensor&, int);
template <SoftmaxOp op>
void run_softmax(OpRun& run) {
  const Tensor x = run.input("x");
  run.output("y", op(x, our_dim(channels_last(x.rank()), run.args().integer("dim", -1))));
}

void run_clamp(OpRun& run) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  run.output("y", clamp(run.input("x"), run.args().number("min", -infinity), run.args().number("max", infinity)));
}

// reshape, permute and flatten from a later dimension are about row-major memory and see the tensor as it is stored.
void run_reshape(OpRun& run) {
  const Tensor y = reshape(run.plain_input("x"), run.args().integers("shape"));
  run.output("y", y, plain(y.rank()));
}

void run_permute(OpRun& run) {
  std::vector<int> dims;
  for (const int64_t dim : run.args().integers("dims")) dims.push_back(static_cast<int>(dim));
  const Tensor y = permute(run.plain_input("x"), dims);
  run.output("y", y, plain(y.rank()));
}

void run_flatten(OpRun& run) {
  const int rank = run.shape("x").rank();
  int64_t start = run.args().integer("start_dim", 0);
  if (start < 0) start += rank;
  const int64_t end = run.args().integer("end_dim", -1);
  if (end != -1 && end != rank - 1) fail("flatten: end_dim {} is not known", end);
  Tensor y;
  if (start <= 1) {
    y = flatten(run.input("x"), static_cast<int>(start));
  } else {
    const Shape x = run.shape("x");
    std::vector<int64_t> shape(x.begin(), x.begin() + start);
    shape.push_back(-1);
    y = reshape(run.plain_input("x"), shape);
  }
  run.output("y", y, plain(y.rank()));
}

// Logits (N, K), or (N, K, …) with a loss for every pixel: those are one matrix of pixels and classes.
Tensor classes_last(const Tensor& t) {
  if (t.rank() <= 2) return t;
  std::vector<int> dims{0};
  for (int i = 2; i < t.rank(); i++) dims.push_back(i);
  dims.push_back(1);
  return reshape(permute(t, dims), {-1, t.size(1)});
}

void run_cross_entropy(OpRun& run) {
  static const std::map<std::string, Reduction> reductions{
      {"mean", Reduction::mean}, {"sum", Reduction::sum}, {"none", Reduction::none}};
  const Args& args = run.args();
  const std::string target_kind = args.text("target"), reduction = args.text("reduction");
  if (!reductions.contains(reduction)) fail("cross_entropy: reduction {} is not known", reduction);
  if (target_kind != "hard" && target_kind != "soft") fail("cross_entropy: target {} is not known", target_kind);

  CrossEntropyOptions options;
  options.class_weight = run.optional("class_weight", args.boolean("class_weight", run.has("class_weight")));
  options.ignore_index = args.integer("ignore_index", options.ignore_index);
  options.label_smoothing = args.number("label_smoothing", 0);
  options.reduction = reductions.at(reduction);

  const Tensor target = run.plain_input("target");
  const Tensor flat_target = target_kind == "soft" ? classes_last(target) : reshape(target, {-1});
  Tensor loss = cross_entropy(classes_last(run.plain_input("logits")), flat_target, options);
  if (options.reduction == Reduction::none && target_kind == "hard" && target.rank() > 1)
    loss = reshape(loss, std::vector<int64_t>(target.shape().begin(), target.shape().end()));
  run.output("loss", loss, plain(loss.rank()));
}

void run_dropout(OpRun& run) {
  if (run.args().boolean("training", true) && run.args().number("p") > 0)
    fail("dropout: PyTorch's random numbers are not ours, only p = 0 or evaluation can be compared");
  run.args().ignore("p");
  run.output("y", dropout(run.input("x"), 0, RandomStream(0, "dropout")));
}

const std::map<std::string, void (*)(OpRun&)>& op_table() {
  static const std::map<std::string, void (*)(OpRun&)> table{
      {"conv2d", run_conv2d},
      {"linear", run_linear},
      {"batch_norm", run_batch_norm},
      {"max_pool2d", run_max_pool2d},
      {"avg_pool2d", run_avg_pool2d},
      {"adaptive_avg_pool2d", run_adaptive_avg_pool2d},
      {"resize_nearest", run_resize_nearest},
      {"channel_shuffle", run_channel_shuffle},
      {"cat", run_cat},
      {"slice", run_slice},
      {"pad", run_pad},
      {"add", run_binary<add>},
      {"sub", run_binary<sub>},
      {"mul", run_binary<mul>},
      {"div", run_binary<div>},
      {"sum", run_reduce<sum>},
      {"mean", run_reduce<mean>},
      {"softmax", run_softmax<softmax>},
      {"log_softmax", run_softmax<log_softmax>},
      {"clamp", run_clamp},
      {"reshape", run_reshape},
      {"permute", run_permute},
      {"flatten", run_flatten},
      {"cross_entropy", run_cross_entropy},
      {"dropout", run_dropout},
      {"expr", run_expression},
  };
  return table;
}

}  // namespace

UnaryOp find_unary(const std::string& name) {
  static const std::map<std::string, UnaryOp> table{
      {"relu", relu},
      {"relu6", relu6},
      {"hard_sigmoid", hard_sigmoid},
      {"hardsigmoid", hard_sigmoid},
      {"hardswish", hardswish},
      {"silu", silu},
      {"sigmoid", sigmoid},
      {"exp", ghost::exp},
      {"log", ghost::log},
      {"sqrt", ghost::sqrt},
      {"global_avg_pool", global_avg_pool},
  };
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second;
}

void check_op(const Case& c) {
  OpRun run(c);
  if (const UnaryOp op = find_unary(c.op())) {
    run.output("y", op(run.input("x")));
  } else {
    const auto found = op_table().find(c.op());
    if (found == op_table().end()) fail("there is no operator {}", c.op());
    found->second(run);
  }
  run.compare();
}

}  // namespace ghost::reference
