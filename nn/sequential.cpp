#include "nn/sequential.h"

#include <algorithm>

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

bool Sequential::transforms_in_place() const {
  return std::all_of(children_.begin(), children_.end(),
                     [](const NamedChild& c) { return c.module->transforms_in_place(); });
}

Tensor Sequential::run(const Tensor& x, const Destination* into) const {
  // Whoever writes the values that the last transforms leave in place is given the destination.
  auto writer = std::find_if(children_.rbegin(), children_.rend(),
                             [](const NamedChild& c) { return !c.module->transforms_in_place(); });
  const Module* given = into && writer != children_.rend() ? writer->module.get() : nullptr;
  Tensor y = x;
  for (const NamedChild& c : children_) y = c.module.get() == given ? (*c.module)(y, *into) : (*c.module)(y);
  return y;
}

}  // namespace ghost
