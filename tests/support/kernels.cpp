#include "support/kernels.h"

#include "core/kernels/conv2d.h"
#include "core/kernels/isa.h"
#include "core/kernels/rows.h"

namespace ghost::test {

Kernel::Kernel(const std::string& name) { force_conv2d_kernel(name); }
Kernel::~Kernel() { force_conv2d_kernel(""); }

Isa::Isa(const std::string& name) : before_(isa_name()) { set_isa(name); }
Isa::~Isa() { set_isa(before_); }

Watch::Watch() {
  set_conv2d_observer([this](const Conv2dShape&, const char* direction, const char* kernel) {
    seen.push_back(std::string(direction) + " " + kernel);
  });
}
Watch::~Watch() { set_conv2d_observer({}); }

}  // namespace ghost::test
