#include <gtest/gtest.h>
#include <map>

#include "nn/layers/conv_bn_act.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_bottleneck.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/layers/squeeze_excite.h"
#include "reference/compare.h"
#include "reference/kinds.h"

namespace ghost::reference {
namespace {

// A single number, or (height, width).
Size2 size2(const Args& args, const std::string& name, int64_t fallback) {
  const std::array<int64_t, 2> size = args.pair(name, {fallback, fallback});
  return Size2(size[0], size[1]);
}

ModulePtr conv_bn_act(const Args& args) {
  return std::make_shared<ConvBnAct>(ConvBlock{.in = args.integer("in_chs"),
                                               .out = args.integer("out_chs"),
                                               .kernel = args.integer("kernel_size"),
                                               .stride = args.integer("stride", 1)},
                                     PartNames{"conv", "bn1"});
}

ModulePtr depthwise_separable(const Args& args) {
  return std::make_shared<DepthwiseSeparableConv>(
      DepthwiseSeparableConv::Options{.in = args.integer("cin"),
                                      .out = args.integer("cout"),
                                      .kernel = size2(args, "k", 3),
                                      .stride = size2(args, "stride", 1),
                                      .padding = size2(args, "padding", 1)});
}

ModulePtr ghost_conv(const Args& args) {
  return std::make_shared<GhostConv>(GhostConv::Options{.in = args.integer("c_in"),
                                                        .out = args.integer("c_out"),
                                                        .kernel = size2(args, "kernel_size", 1),
                                                        .ratio = args.number("ratio", 2),
                                                        .cheap_kernel = args.integer("dw_kernel_size", 3),
                                                        .stride = size2(args, "stride", 1),
                                                        .padding = size2(args, "padding", 0)});
}

ModulePtr ghost_module(const Args& args) {
  return std::make_shared<GhostModule>(
      GhostModule::Options{.in = args.integer("inp"),
                           .out = args.integer("oup"),
                           .kernel = size2(args, "kernel_size", 1),
                           .ratio = args.integer("ratio", 2),
                           .cheap_kernel = args.integer("dw_size", 3),
                           .stride = size2(args, "stride", 1),
                           .padding = {},
                           .activation = args.boolean("relu", true) ? Activation::relu : Activation::none});
}

ModulePtr ghost_bottleneck(const Args& args) {
  return std::make_shared<GhostBottleneck>(GhostBottleneck::Options{.in = args.integer("in_chs"),
                                                                    .mid = args.integer("mid_chs"),
                                                                    .out = args.integer("out_chs"),
                                                                    .kernel = args.integer("dw_kernel_size", 3),
                                                                    .stride = args.integer("stride", 1),
                                                                    .se_ratio = args.number("se_ratio", 0)});
}

ModulePtr grouped_bottleneck(const Args& args) {
  return std::make_shared<GroupedBottleneck>(
      GroupedBottleneck::Options{.in = args.integer("cin"),
                                 .out = args.integer("cout"),
                                 .bottleneck_ratio = args.number("bottleneck_ratio", 0.5),
                                 .groups = args.integer("groups", 4),
                                 .stride = args.integer("stride", 1)});
}

ModulePtr squeeze_excite(const Args& args) {
  return std::make_shared<SqueezeExcite>(SqueezeExcite::Options{.channels = args.integer("in_chs"),
                                                                .ratio = args.number("se_ratio", 0.25),
                                                                .divisor = args.integer("divisor", 4)});
}

ModulePtr build(const std::string& name, const Args& args) {
  static const std::map<std::string, ModulePtr (*)(const Args&)> table{
      {"ConvBnAct", conv_bn_act},
      {"DepthwiseSeparableConv", depthwise_separable},
      {"GhostConv", ghost_conv},
      {"GhostModule", ghost_module},
      {"GhostBottleneck", ghost_bottleneck},
      {"GroupedBottleneck", grouped_bottleneck},
      {"SqueezeExcite", squeeze_excite},
  };
  const auto found = table.find(name);
  if (found == table.end()) fail("there is no module {}", name);
  return found->second(args);
}

void check_training(const Case& c, Module& module, const Tensor& reference_x) {
  const Layout layout = channels_last(reference_x.rank());
  Tensor x = to_ours(reference_x, layout);
  x.set_requires_grad();
  module.train();
  const Tensor y = module(x);
  const Layout y_layout = channels_last(y.rank());
  expect_close(c, "out/y", y, y_layout);
  y.backward(to_ours(c.tensor("gout/y"), y_layout));
  expect_close(c, "gin/x", x.grad(), layout);
  // A channel that is cut off gets the gradient 0, and may get none at all.
  for (const Parameter& p : module.parameters())
    expect_close(c, "grad/" + p.name, p.tensor.grad().defined() ? p.tensor.grad() : Tensor::zeros(p.tensor.shape()),
                 channels_last(p.tensor.rank()));
  for (const Buffer& b : module.buffers()) expect_close(c, "state_dict_after/" + b.name, b.tensor);
}

}  // namespace

void check_module(const Case& c) {
  const ModulePtr module = build(c.op(), c.args());
  const Tensor& x = c.tensor("in/x");
  load_state_dict(*module, c.state_dict(*module));
  check_training(c, *module, x);

  load_state_dict(*module, c.state_dict(*module));  // training has moved the running statistics
  module->eval();
  const NoGrad no_grad;
  const Tensor y = (*module)(to_ours(x, channels_last(x.rank())));
  expect_close(c, "eval/out/y", y, channels_last(y.rank()));
}

void check_ghost_conv_validity(const std::filesystem::path& table) {
  for (const Json& row : read_json(table).at("table")) {
    const auto out = row.at("c_out").get<int64_t>();
    const auto ratio = row.at("ratio").get<double>();
    const GhostConv::Options options{.in = 8, .out = out, .ratio = ratio};
    SCOPED_TRACE(fmt::format("c_out {}, ratio {}", out, ratio));
    if (row.at("valid").get<bool>()) {
      try {
        const GhostConv conv(options);
        EXPECT_EQ(conv.intrinsic(), row.at("c_int").get<int64_t>());
        EXPECT_EQ(conv.ghosts(), row.at("c_ghost").get<int64_t>());
      } catch (const Error& e) {
        ADD_FAILURE() << "refused: " << e.what();
      }
    } else {
      EXPECT_THROW(GhostConv{options}, UsageError);
    }
  }
}

}  // namespace ghost::reference
