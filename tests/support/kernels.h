// Choosing and watching kernels. Settings end with their scope.
#pragma once
#include <string>
#include <vector>

#include "core/numerics.h"

namespace ghost::test {

// Of conv2d, as force_conv2d_kernel.
class Kernel {
 public:
  explicit Kernel(const std::string& name);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;
};
class Isa {
 public:
  explicit Isa(const std::string& name);
  ~Isa();
  Isa(const Isa&) = delete;
  Isa& operator=(const Isa&) = delete;

 private:
  std::string before_;
};
class NumericsSetting {
 public:
  explicit NumericsSetting(Numerics numerics) : before_(ghost::numerics()) { set_numerics(numerics); }
  ~NumericsSetting() { set_numerics(before_); }
  NumericsSetting(const NumericsSetting&) = delete;
  NumericsSetting& operator=(const NumericsSetting&) = delete;

 private:
  Numerics before_;
};

// What runs convolutions while it lives.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  std::vector<std::string> seen;  // "forward rows", one for each
};

}  // namespace ghost::test
