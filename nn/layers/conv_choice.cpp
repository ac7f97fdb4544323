#include "nn/layers/conv_choice.h"

#include <algorithm>
#include <cmath>

#include "nn/layers/cheap_op.h"
#include "nn/layers/conv_bn.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"

namespace ghost {
namespace {

ModulePtr conv_bn(const ConvBlock& b, int64_t groups) {
  return std::make_shared<ConvBn>(Conv2d::Options{.in = b.in,
                                                  .out = b.out,
                                                  .kernel = b.kernel,
                                                  .stride = b.stride,
                                                  .padding = b.padding,
                                                  .dilation = b.dilation,
                                                  .groups = groups},
                                  b.relu, b.bias);
}

ModulePtr standard(const ConvBlock& b, const ConvChoice&) { return conv_bn(b, 1); }

ModulePtr ghost_conv(const ConvBlock& b, const ConvChoice& choice) {
  return std::make_shared<GhostConv>(GhostConv::Options{.in = b.in,
                                                        .out = b.out,
                                                        .kernel = b.kernel,
                                                        .ratio = choice.ratio,
                                                        .cheap_op = choice.cheap_op,
                                                        .cheap_kernel = choice.cheap_kernel,
                                                        .stride = b.stride,
                                                        .padding = b.padding,
                                                        .dilation = b.dilation,
                                                        .relu = b.relu});
}

ModulePtr ghost_module(const ConvBlock& b, const ConvChoice& choice) {
  if (!(choice.ratio >= 1 && choice.ratio <= 0x1p53) || choice.ratio != std::floor(choice.ratio))
    fail_usage("GhostModule: ratio={}, but must be a whole number of at least 1; nearest valid: {}", choice.ratio,
               choice.ratio > 1 && choice.ratio < 0x1p53
                   ? fmt::format("{} or {}", std::floor(choice.ratio), std::ceil(choice.ratio))
                   : "1");
  return std::make_shared<GhostModule>(GhostModule::Options{.in = b.in,
                                                            .out = b.out,
                                                            .kernel = b.kernel,
                                                            .ratio = static_cast<int64_t>(choice.ratio),
                                                            .cheap_op = choice.cheap_op,
                                                            .cheap_kernel = choice.cheap_kernel,
                                                            .stride = b.stride,
                                                            .padding = b.padding,
                                                            .dilation = b.dilation,
                                                            .relu = b.relu});
}

ModulePtr depthwise_separable(const ConvBlock& b, const ConvChoice&) {
  return std::make_shared<DepthwiseSeparableConv>(DepthwiseSeparableConv::Options{.in = b.in,
                                                                                  .out = b.out,
                                                                                  .kernel = b.kernel,
                                                                                  .stride = b.stride,
                                                                                  .padding = b.padding,
                                                                                  .dilation = b.dilation,
                                                                                  .relu = b.relu});
}

ModulePtr grouped(const ConvBlock& b, const ConvChoice& choice) {
  const int64_t groups = b.first ? 1 : choice.groups;
  require_groups("Conv2d", b.in, b.out, groups);  // here, where the path is the block's
  return conv_bn(b, groups);
}

}  // namespace

const std::vector<ConvChoiceEntry>& conv_choice_table() {
  static const std::vector<ConvChoiceEntry> table{
      {"standard", "convolution, batch norm, ReLU", {}, standard},
      {"ghost_conv",
       "ghost convolution with round(out/ratio) primary channels",
       {"ratio", "cheap_op", "cheap_kernel"},
       ghost_conv},
      {"ghost",
       "GhostNet's module (arXiv 1911.11907) with ceil(out/ratio)",
       {"ratio", "cheap_op", "cheap_kernel"},
       ghost_module},
      {"depthwise_separable", "depthwise, then 1x1 convolution (arXiv 1704.04861)", {}, depthwise_separable},
      {"grouped", "grouped convolution (arXiv 1611.05431)", {"groups"}, grouped},
  };
  return table;
}

void describe(ConvChoice& c, Description& d) {
  d.name(&c.name, "what replaces the ordinary convolutions", alternatives_of(conv_choice_table()));
  d.field("ratio", &c.ratio, "output channels per channel of the primary convolution", rule::at_least(1, 1e4));
  d.field("cheap_op", &c.cheap_op, "what makes ghosts from primary channels (arXiv 1911.11907)",
          rule::one_of(cheap_op_names()));
  d.field("cheap_kernel", &c.cheap_kernel, "side of the cheap operation's kernel, odd", rule::at_least(1, 99));
  d.field("groups", &c.groups, "groups of every convolution", rule::at_least(1));
  d.field("keep_first", &c.keep_first, "true: the first convolution stays an ordinary one");
}

void check_together(const ConvChoice& c, const Finding&, const Finding& note) {
  const auto& table = conv_choice_table();
  const auto chosen = std::find_if(table.begin(), table.end(), [&](const auto& e) { return e.name == c.name; });
  if (chosen == table.end() || !std::count(chosen->options.begin(), chosen->options.end(), "cheap_kernel")) return;
  for (const CheapOpEntry& op : cheap_op_table())
    if (op.name == c.cheap_op && op.least_kernel == 0 && c.cheap_kernel != ConvChoice().cheap_kernel)
      note({"model.conv.cheap_kernel", "model.conv.cheap_op"},
           fmt::format("model.conv.cheap_kernel is {}, but cheap_op {} has no kernel; ignored", c.cheap_kernel,
                       op.name));
}

std::vector<std::string> conv_choice_names() {
  std::vector<std::string> names;
  for (const ConvChoiceEntry& e : conv_choice_table()) names.push_back(e.name);
  return names;
}

ModulePtr make_conv_block(const ConvBlock& block, const ConvChoice& choice) {
  check_options(choice, "model.conv");
  if (block.first && choice.keep_first) return standard(block, choice);
  const auto& table = conv_choice_table();
  return std::find_if(table.begin(), table.end(), [&](const auto& e) { return e.name == choice.name; })
      ->make(block, choice);
}

std::array<ModulePtr, 3> make_conv_places(const ConvBlock& block, const ConvChoice& choice) {
  const ModulePtr module = make_conv_block(block, choice);
  std::array<ModulePtr, 3> places{module};
  if (!dynamic_cast<const ConvBn*>(module.get())) return places;
  size_t i = 0;
  for (const auto& [name, child] : module->children()) places[i++] = ModulePtr(module, child);
  return places;
}

ConvUnit::ConvUnit(Module* owner, const std::string& conv_name, const std::string& norm_name, const ConvBlock& block,
                   const ConvChoice& choice)
    : relu_(block.relu) {
  std::array<ModulePtr, 3> places;
  at_path(join_path(PathScope::current(), conv_name), [&] { places = make_conv_places(block, choice); });
  conv_ = places[0], norm_ = places[1];
  owner->register_child(conv_name, conv_);
  owner->register_child(norm_name, norm_);
}

Tensor ConvUnit::operator()(const Tensor& x) const {
  if (!norm_) return (*conv_)(x);
  const Tensor y = (*norm_)((*conv_)(x));
  return relu_ ? relu(y) : y;
}

}  // namespace ghost
