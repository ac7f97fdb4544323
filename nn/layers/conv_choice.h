// Which convolution a model uses is a parameter of the model, not a copy of the model ("ghostify").
#pragma once
#include <array>
#include <string>
#include <vector>

#include "core/options.h"
#include "nn/layers/checks.h"
#include "nn/module.h"

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

// The place of one convolution with the batch norm after it and, by option, the ReLU after that.
struct ConvBlock {
  int64_t in = 0, out = 0;
  Size2 kernel = 3, stride = 1, padding = 1, dilation = 1;
  bool relu = true;
  bool first = false;  // it reads the image
  bool bias = false;   // of an ordinary convolution, for exchange with models that have one in front of a batch norm
};

struct ConvChoiceEntry {
  std::string name, summary;
  std::vector<std::string> options;  // fields of ConvChoice it reads besides name and keep_first
  ModulePtr (*make)(const ConvBlock& block, const ConvChoice& choice);
};
const std::vector<ConvChoiceEntry>& conv_choice_table();
std::vector<std::string> conv_choice_names();

// What the choice puts in that place: one module with the same input and output sizes, batch norm and ReLU included;
// its first spatial convolution takes kernel, stride, padding and dilation. Throws UsageError if an option of `choice`
// is not as described, or if the options do not fit.
ModulePtr make_conv_block(const ConvBlock& block, const ConvChoice& choice);

// The same as the three places that torchvision's models give it: {convolution, batch norm, ReLU or null} of an
// ordinary one; any other module stands in the first place and the others are empty (null).
std::array<ModulePtr, 3> make_conv_places(const ConvBlock& block, const ConvChoice& choice);

// The same as two members of `owner`: <conv_name> and, if the convolution is an ordinary one, <norm_name>.
class ConvUnit {
 public:
  ConvUnit() = default;  // no unit
  ConvUnit(Module* owner, const std::string& conv_name, const std::string& norm_name, const ConvBlock& block,
           const ConvChoice& choice);
  Tensor operator()(const Tensor& x) const;

 private:
  ModulePtr conv_, norm_;  // norm_ null: conv_ does all
  bool relu_ = true;
};

}  // namespace ghost
