// Activations as modules, for places in a Sequential. See core/ops/activation.h.
#pragma once
#include "nn/module.h"

namespace ghost {

class Activation : public Module {
 public:
  const char* kind() const override { return kind_; }

 protected:
  using Function = Tensor (*)(const Tensor&);
  Activation(const char* kind, Function function) : kind_(kind), function_(function) {}
  Tensor forward(const Tensor& x) override { return function_(x); }

 private:
  const char* kind_;
  Function function_;
};

class ReLU final : public Activation {
 public:
  ReLU() : Activation("ReLU", relu) {}
};
class ReLU6 final : public Activation {
 public:
  ReLU6() : Activation("ReLU6", relu6) {}
};
class HardSigmoid final : public Activation {
 public:
  HardSigmoid() : Activation("HardSigmoid", hard_sigmoid) {}
};
class Hardswish final : public Activation {
 public:
  Hardswish() : Activation("Hardswish", hardswish) {}
};
class Sigmoid final : public Activation {
 public:
  Sigmoid() : Activation("Sigmoid", sigmoid) {}
};
class SiLU final : public Activation {
 public:
  SiLU() : Activation("SiLU", silu) {}
};

}  // namespace ghost
