#include "nn/sequential.h"

namespace ghost {

Sequential::Sequential(std::vector<ModulePtr> parts) {
  for (ModulePtr& part : parts) add(std::move(part));
}

Sequential& Sequential::add(ModulePtr part) {
  register_child(std::to_string(next_++), std::move(part));
  return *this;
}

Sequential& Sequential::add_made(const std::function<ModulePtr()>& make) {
  ModulePtr part;
  at_path(join_path(PathScope::current(), next_path()), [&] { part = make(); });
  return add(std::move(part));
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const NamedChild& c : children_) y = (*c.module)(y);
  return y;
}

}  // namespace ghost
