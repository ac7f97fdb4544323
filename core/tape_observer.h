#pragma once
#include <functional>

#include "core/autograd.h"

namespace ghost {

// Observes the tape (per thread): made(node) as soon as an operator that makes a node has its result, and ran(node) as
// soon as a node's backward has run, newest node first. Tables of where the time goes are made with it.
class TapeObserver {
 public:
  using Call = std::function<void(const Node&)>;
  TapeObserver(Call made, Call ran);
  ~TapeObserver();
  TapeObserver(const TapeObserver&) = delete;
  TapeObserver& operator=(const TapeObserver&) = delete;

  const Call& made() const { return made_; }
  const Call& ran() const { return ran_; }

 private:
  Call made_, ran_;
};

}  // namespace ghost
