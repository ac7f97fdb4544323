#include "nn/layers/conv_choice.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "nn/layers/cheap_op.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"

namespace ghost {
namespace {

ConvBlock standard(const ConvBlock& b, const ConvChoice&) { return b; }

ConvBlock grouped(const ConvBlock& b, const ConvChoice& choice) {
  ConvBlock in_groups = b;
  if (!b.first) in_groups.groups = choice.groups;
  require_groups("Conv2d", b.in, b.out, in_groups.groups);  // checked here, so that the error names the block
  return in_groups;
}

ModulePtr ghost_conv(const ConvBlock& b, const ConvChoice& choice) {
  return std::make_shared<GhostConv>(GhostConv::Options{.in = b.in,
                                                        .out = b.out,
                                                        .kernel = b.kernel,
                                                        .ratio = choice.ratio,
                                                        .cheap_op = choice.cheap_op,
                                                        .cheap_kernel = choice.cheap_kernel,
                                                        .stride = b.stride,
                                                        .padding = padding_of(b),
                                                        .dilation = b.dilation,
                                                        .activation = b.activation});
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
                                                            .padding = padding_of(b),
                                                            .dilation = b.dilation,
                                                            .activation = b.activation});
}

ModulePtr depthwise_separable(const ConvBlock& b, const ConvChoice&) {
  return std::make_shared<DepthwiseSeparableConv>(DepthwiseSeparableConv::Options{.in = b.in,
                                                                                  .out = b.out,
                                                                                  .kernel = b.kernel,
                                                                                  .stride = b.stride,
                                                                                  .padding = padding_of(b),
                                                                                  .dilation = b.dilation,
                                                                                  .activation = b.activation});
}

const ConvChoiceEntry& entry_of(const ConvChoice& choice) {
  check_options(choice, "model.conv");
  const auto& table = conv_choice_table();
  return *std::find_if(table.begin(), table.end(), [&](const auto& e) { return e.name == choice.name; });
}

}  // namespace

const std::vector<ConvChoiceEntry>& conv_choice_table() {
  static const std::vector<ConvChoiceEntry> table{
      {"standard", "convolution, batch norm, activation", {}, standard, nullptr},
      {"ghost_conv",
       "ghost convolution with round(out/ratio) primary channels",
       {"ratio", "cheap_op", "cheap_kernel"},
       nullptr,
       ghost_conv},
      {"ghost",
       "GhostNet's module (arXiv 1911.11907) with ceil(out/ratio)",
       {"ratio", "cheap_op", "cheap_kernel"},
       nullptr,
       ghost_module},
      {"depthwise_separable", "depthwise, then 1x1 convolution (arXiv 1704.04861)", {}, nullptr, depthwise_separable},
      {"grouped", "grouped convolution (arXiv 1611.05431)", {"groups"}, grouped, nullptr},
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

std::optional<ConvBlock> ordinary_conv_block(const ConvBlock& block, const ConvChoice& choice) {
  const ConvChoiceEntry& entry = entry_of(choice);
  if (block.groups != 1 || (block.first && choice.keep_first)) return block;
  if (entry.ordinary) return entry.ordinary(block, choice);
  return std::nullopt;
}

ModulePtr make_conv_block(const ConvBlock& block, const ConvChoice& choice, const PartNames& names) {
  if (const auto ordinary = ordinary_conv_block(block, choice)) return std::make_shared<ConvBnAct>(*ordinary, names);
  return entry_of(choice).make(block, choice);
}

}  // namespace ghost
