#include "nn/layers/conv_unit.h"

namespace ghost {
namespace {

// The result of make(); errors that it throws carry the path of `name`.
template <class Make>
auto made_as(const std::string& name, Make make) {
  decltype(make()) made;
  at_path(join_path(PathScope::current(), name), [&] { made = make(); });
  return made;
}

}  // namespace

ConvUnit::ConvUnit(Module* owner, const PartNames& names, const ConvBlock& block, const ConvChoice& choice) {
  const auto ordinary = made_as(names.conv, [&] { return ordinary_conv_block(block, choice); });
  if (!ordinary) {
    conv_ = made_as(names.conv, [&] { return make_conv_block(block, choice); });
    owner->register_child(names.conv, conv_);
    return;
  }
  const ConvBnAct parts(*ordinary, names);
  conv_ = parts.conv(), norm_ = parts.norm(), act_ = parts.activation();
  owner->register_child(names.conv, conv_);
  owner->register_child(names.norm, norm_);
  owner->register_child(names.activation, act_);
  if (!act_) activation_ = block.activation;
}

ConvUnit::ConvUnit(Module* owner, const char* name, const ConvBlock& block, const ConvChoice& choice,
                   const PartNames& names)
    : conv_(made_as(name, [&] { return make_conv_block(block, choice, names); })) {
  owner->register_child(name, conv_);
}

Tensor ConvUnit::operator()(const Tensor& x) const {
  Tensor y = (*conv_)(x);
  if (norm_) y = (*norm_)(y);
  return act_ ? (*act_)(y) : activate(y, activation_);
}

void add_conv_places(Sequential& to, const ConvBlock& block, const ConvChoice& choice) {
  ModulePtr norm, activation;
  to.add_made([&]() -> ModulePtr {
    const ModulePtr module = make_conv_block(block, choice);
    const auto* parts = dynamic_cast<const ConvBnAct*>(module.get());
    if (!parts) return module;
    norm = parts->norm(), activation = parts->activation();
    return parts->conv();
  });
  to.add(norm);
  if (block.activation != Activation::none) to.add(activation);
}

}  // namespace ghost
