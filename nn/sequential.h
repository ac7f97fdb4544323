#pragma once
#include "nn/module.h"

namespace ghost {

// Modules in a row, named 0, 1, … A place may be empty (null); it takes an index too. Without modules y = x.
class Sequential : public Module {
 public:
  Sequential() = default;
  explicit Sequential(std::vector<ModulePtr> parts);
  const char* kind() const override { return "Sequential"; }

  Sequential& add(ModulePtr part);
  // Adds what make() returns; an error thrown by it tells the place.
  Sequential& add_made(const std::function<ModulePtr()>& make);
  template <class M, class... Args>
  M& emplace(Args&&... args) {
    auto module = make_child<M>(next_path(), std::forward<Args>(args)...);
    M& m = *module;
    add(std::move(module));
    return m;
  }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  std::string next_path() const { return join_path(path(), std::to_string(next_)); }
  int64_t next_ = 0;
};

}  // namespace ghost
