// Which convolution a model uses is a parameter of the model, not a copy of the model ("ghostify").
#pragma once
#include <string>
#include <vector>

#include "core/options.h"
#include "nn/layers/conv_bn_act.h"

namespace ghost {

// The options under `model.conv`.
struct ConvChoice {
  std::string name = "standard";       // standard | ghost_conv | ghost | depthwise_separable | grouped
  double ratio = 2;                    // ghost_conv, ghost (a whole number)
  std::string cheap_op = "depthwise";  // ghost_conv, ghost: of cheap_op_table()
  int64_t cheap_kernel = 3;            // ghost_conv, ghost: odd
  int64_t groups = 4;                  // grouped
  bool keep_first = false;             // the first convolution stays standard; grouped: always, for an image's channels
                                       // make no groups
};
void describe(ConvChoice& choice, Description& description);
// Notes options that have no effect in this combination. Call it only for a model that reads `conv`.
void check_together(const ConvChoice& choice, const Finding& refuse, const Finding& note);

struct ConvChoiceEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields of ConvChoice it reads besides name and keep_first
  // One of the two; the other is null. ordinary: an ordinary convolution, with the options that the choice gives it.
  ConvBlock (*ordinary)(const ConvBlock& block, const ConvChoice& choice);
  ModulePtr (*make)(const ConvBlock& block, const ConvChoice& choice);
};
const std::vector<ConvChoiceEntry>& conv_choice_table();
std::vector<std::string> conv_choice_names();

// The module that stands in the place of `block`: its input and output sizes are those of the block, batch norm and
// activation are included, and its first spatial convolution takes kernel, stride, padding and dilation. An ordinary
// convolution, with or without groups, becomes a ConvBnAct with parts of these names. A block with groups of its own
// stays as it is, whatever the choice. Throws UsageError if there is no choice of that name, naming the nearest, or if
// the options do not fit.
ModulePtr make_conv_block(const ConvBlock& block, const ConvChoice& choice = {},
                          const PartNames& names = {"0", "1", "2"});

// The block of that ConvBnAct; empty if the choice is not an ordinary convolution. Throws UsageError likewise.
std::optional<ConvBlock> ordinary_conv_block(const ConvBlock& block, const ConvChoice& choice = {});

}  // namespace ghost
