#pragma once
#include <functional>

#include "core/autograd.h"

namespace ghost {

// Observes backward passes (per thread): after(node) as soon as a node's backward has run, newest node first. For
// tables of where the time goes.
class BackwardObserver {
 public:
  using After = std::function<void(const Node&)>;
  explicit BackwardObserver(After after);
  ~BackwardObserver();
  BackwardObserver(const BackwardObserver&) = delete;
  BackwardObserver& operator=(const BackwardObserver&) = delete;

 private:
  After after_;
};

}  // namespace ghost
