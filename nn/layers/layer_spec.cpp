#include "nn/layers/layer_spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/ranges.h>
#include <optional>

#include "core/nearest.h"
#include "nn/layers/conv2d.h"
#include "nn/layers/conv_bn_act.h"
#include "nn/layers/depthwise_separable.h"
#include "nn/layers/ghost_bottleneck.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/grouped_bottleneck.h"
#include "nn/layers/linear.h"
#include "nn/layers/squeeze_excite.h"

namespace ghost {
namespace {

struct Argument {
  const char* name;
  std::optional<double> value;  // none: it must be given
  enum class Type { whole, number, boolean } type = Type::whole;
};
constexpr auto kNumber = Argument::Type::number, kBoolean = Argument::Type::boolean;

// Values in the order of the parameters.
class Values {
 public:
  explicit Values(std::vector<double> values) : values_(std::move(values)) {}
  double number(size_t i) const { return values_[i]; }
  int64_t whole(size_t i) const { return static_cast<int64_t>(values_[i]); }
  bool boolean(size_t i) const { return values_[i] != 0; }

 private:
  std::vector<double> values_;
};

struct Signature {
  const char* kind;
  std::vector<Argument> parameters;  // the first one is the number of input channels
  ModulePtr (*make)(const Values&);
};

// Names are those of torch.nn, of the GhostNet code and of the grouped-convolution notebooks.
const std::vector<Signature>& signatures() {
  static const std::vector<Signature> table{
      {"Conv2d",
       {{"in_channels", {}},
        {"out_channels", {}},
        {"kernel_size", {}},
        {"stride", 1},
        {"padding", 0},
        {"dilation", 1},
        {"groups", 1},
        {"bias", 1, kBoolean}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<Conv2d>(Conv2d::Options{.in = v.whole(0),
                                                         .out = v.whole(1),
                                                         .kernel = v.whole(2),
                                                         .stride = v.whole(3),
                                                         .padding = v.whole(4),
                                                         .dilation = v.whole(5),
                                                         .groups = v.whole(6),
                                                         .bias = v.boolean(7)});
       }},
      {"ConvBn",
       {{"in_channels", {}}, {"out_channels", {}}, {"kernel_size", 1}, {"stride", 1}, {"padding", 0}, {"groups", 1}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<ConvBnAct>(ConvBlock{.in = v.whole(0),
                                                      .out = v.whole(1),
                                                      .kernel = v.whole(2),
                                                      .stride = v.whole(3),
                                                      .padding = v.whole(4),
                                                      .groups = v.whole(5)});
       }},
      {"Linear",
       {{"in_features", {}}, {"out_features", {}}, {"bias", 1, kBoolean}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<Linear>(Linear::Options{.in = v.whole(0), .out = v.whole(1), .bias = v.boolean(2)});
       }},
      {"GhostConv",
       {{"c_in", {}},
        {"c_out", {}},
        {"kernel_size", 1},
        {"ratio", 2, kNumber},
        {"dw_kernel_size", 3},
        {"stride", 1},
        {"padding", 0}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<GhostConv>(GhostConv::Options{.in = v.whole(0),
                                                               .out = v.whole(1),
                                                               .kernel = v.whole(2),
                                                               .ratio = v.number(3),
                                                               .cheap_kernel = v.whole(4),
                                                               .stride = v.whole(5),
                                                               .padding = v.whole(6)});
       }},
      {"GhostModule",
       {{"inp", {}},
        {"oup", {}},
        {"kernel_size", 1},
        {"ratio", 2},
        {"dw_size", 3},
        {"stride", 1},
        {"relu", 1, kBoolean}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<GhostModule>(
             GhostModule::Options{.in = v.whole(0),
                                  .out = v.whole(1),
                                  .kernel = v.whole(2),
                                  .ratio = v.whole(3),
                                  .cheap_kernel = v.whole(4),
                                  .stride = v.whole(5),
                                  .activation = v.boolean(6) ? Activation::relu : Activation::none});
       }},
      {"GhostBottleneck",
       {{"in_chs", {}},
        {"mid_chs", {}},
        {"out_chs", {}},
        {"dw_kernel_size", 3},
        {"stride", 1},
        {"se_ratio", 0, kNumber}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<GhostBottleneck>(GhostBottleneck::Options{.in = v.whole(0),
                                                                           .mid = v.whole(1),
                                                                           .out = v.whole(2),
                                                                           .kernel = v.whole(3),
                                                                           .stride = v.whole(4),
                                                                           .se_ratio = v.number(5)});
       }},
      {"DepthwiseSeparableConv",
       {{"cin", {}}, {"cout", {}}, {"k", 3}, {"stride", 1}, {"padding", 1}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<DepthwiseSeparableConv>(DepthwiseSeparableConv::Options{
             .in = v.whole(0), .out = v.whole(1), .kernel = v.whole(2), .stride = v.whole(3), .padding = v.whole(4)});
       }},
      {"GroupedBottleneck",
       {{"cin", {}}, {"cout", {}}, {"bottleneck_ratio", 0.5, kNumber}, {"groups", 4}, {"stride", 1}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<GroupedBottleneck>(GroupedBottleneck::Options{.in = v.whole(0),
                                                                               .out = v.whole(1),
                                                                               .bottleneck_ratio = v.number(2),
                                                                               .groups = v.whole(3),
                                                                               .stride = v.whole(4)});
       }},
      {"SqueezeExcite",
       {{"in_chs", {}}, {"se_ratio", 0.25, kNumber}, {"divisor", 4}},
       [](const Values& v) -> ModulePtr {
         return std::make_shared<SqueezeExcite>(
             SqueezeExcite::Options{.channels = v.whole(0), .ratio = v.number(1), .divisor = v.whole(2)});
       }},
  };
  return table;
}

std::string shown(const Argument& p) {
  if (!p.value) return p.name;
  return p.type == kBoolean ? fmt::format("{}={}", p.name, *p.value != 0 ? "True" : "False")
                            : fmt::format("{}={}", p.name, *p.value);
}
std::string shown(const Signature& s) {
  std::vector<std::string> parameters;
  for (const Argument& p : s.parameters) parameters.push_back(shown(p));
  return fmt::format("{}({})", s.kind, fmt::join(parameters, ", "));
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(" \t"), end = text.find_last_not_of(" \t");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

double value_of(const Signature& s, const Argument& p, const std::string& text) {
  if (p.type == kBoolean) {
    if (text == "True" || text == "true" || text == "1") return 1;
    if (text == "False" || text == "false" || text == "0") return 0;
    fail_usage("{}: {}={}, but must be True or False", s.kind, p.name, text);
  }
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  constexpr double kMost = 1e9;
  const bool number = error == std::errc() && end == text.data() + text.size() && std::abs(value) <= kMost;
  if (!number) fail_usage("{}: {}={}, but must be a number", s.kind, p.name, text.empty() ? "''" : text);
  if (p.type == Argument::Type::whole && value != std::floor(value))
    fail_usage("{}: {}={}, but must be a whole number; nearest valid: {} or {}", s.kind, p.name, text,
               std::floor(value), std::ceil(value));
  return value;
}

Values values_of(const Signature& s, const std::string& inside) {
  std::vector<std::optional<double>> given(s.parameters.size());
  bool by_name = false;
  size_t next = 0;
  for (size_t at = 0; !trimmed(inside).empty() && at <= inside.size();) {
    const size_t comma = std::min(inside.find(',', at), inside.size());
    const std::string one = trimmed(inside.substr(at, comma - at));
    at = comma + 1;
    const size_t equals = one.find('=');
    size_t i = next++;
    if (equals != std::string::npos) {
      const std::string name = trimmed(one.substr(0, equals));
      std::vector<std::string> names;
      for (const Argument& p : s.parameters) names.emplace_back(p.name);
      i = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
      if (i == names.size())
        fail_usage("{} has no argument '{}', but {}{}", s.kind, name, any_of(names), did_you_mean(name, names));
      by_name = true;
    } else if (by_name) {
      fail_usage("{}: '{}' follows an argument with a name, so it needs one too", s.kind, one);
    }
    if (i >= given.size()) fail_usage("{} takes {} arguments: {}", s.kind, given.size(), shown(s));
    if (given[i]) fail_usage("{}: {} is given twice", s.kind, s.parameters[i].name);
    given[i] = value_of(s, s.parameters[i], equals == std::string::npos ? one : trimmed(one.substr(equals + 1)));
  }
  std::vector<double> values;
  for (size_t i = 0; i < given.size(); i++) {
    const Argument& p = s.parameters[i];
    if (!given[i] && !p.value) fail_usage("{} needs {}: {}", s.kind, p.name, shown(s));
    values.push_back(given[i] ? *given[i] : *p.value);
  }
  return Values(std::move(values));
}

}  // namespace

LayerSpec parse_layer(const std::string& text) {
  const std::string all = trimmed(text);
  const size_t open = all.find('(');
  const std::string kind = trimmed(all.substr(0, open));
  std::vector<std::string> kinds;
  for (const Signature& s : signatures()) kinds.emplace_back(s.kind);
  const auto found = std::find(kinds.begin(), kinds.end(), kind);
  if (found == kinds.end())
    fail_usage("there is no layer '{}', but {}{}", kind, any_of(kinds), did_you_mean(kind, kinds));
  const Signature& s = signatures()[static_cast<size_t>(found - kinds.begin())];
  if (open == std::string::npos || all.back() != ')') fail_usage("'{}' is not complete; write {}", text, shown(s));
  const Values values = values_of(s, all.substr(open + 1, all.size() - open - 2));
  return {.kind = kind, .in_channels = values.whole(0), .layer = s.make(values)};
}

std::vector<std::string> layer_signatures() {
  std::vector<std::string> all;
  for (const Signature& s : signatures()) all.push_back(shown(s));
  return all;
}

}  // namespace ghost
