#pragma once
#include "nn/module.h"

namespace ghost {

// A module in training or evaluation mode for as long as this lives; then it is in the mode it was in before.
class ModeScope {
 public:
  ModeScope(Module& module, bool training) : module_(module), before_(module.training()) { module_.train(training); }
  ~ModeScope() { module_.train(before_); }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  Module& module_;
  bool before_;
};

}  // namespace ghost
