#include "core/kernels/conv2d.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/kernels/conv2d_gemm.h"
#include "core/kernels/conv2d_reference.h"
#include "core/kernels/conv2d_rows.h"
#include "core/kernels/conv2d_winograd.h"
#include "core/kernels/kernel_choice.h"
#include "core/numerics.h"

namespace ghost {
namespace {

template <class T>
struct Implementation {
  StatisticsPtr (*forward)(const Conv2dShape&, const BodyPtr&, const Array&, const Array&, const Array&, bool);
  EpilogueResult (*backward)(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&, const Conv2dSinks&);
};
struct Kernel {
  const char* name;
  bool (*accepts)(const Conv2dShape&);  // unforced
  bool (*able)(const Conv2dShape&);     // null: every case
  bool exact;                           // sums of products; see core/numerics.h
  bool flexible;                        // about the gradient of x, unless a part of it could cut a group
  Implementation<float> f32;
  Implementation<double> f64;

  template <class T>
  const Implementation<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float))
      return f32;
    else
      return f64;
  }
};

// The first one that accepts a case runs it.
constexpr std::array kKernels{
    Kernel{.name = "winograd",
           .accepts = conv2d_winograd_wins,
           .able = conv2d_winograd_able,
           .exact = false,
           .flexible = true,
           .f32 = {conv2d_winograd_forward<float>, conv2d_winograd_backward<float>},
           .f64 = {conv2d_winograd_forward<double>, conv2d_winograd_backward<double>}},
    Kernel{.name = "gemm",
           .accepts = conv2d_gemm_wins,
           .able = nullptr,
           .exact = true,
           .flexible = false,
           .f32 = {conv2d_gemm_forward<float>, conv2d_gemm_backward<float>},
           .f64 = {conv2d_gemm_forward<double>, conv2d_gemm_backward<double>}},
    Kernel{.name = "rows",
           .accepts = [](const Conv2dShape&) { return true; },
           .able = nullptr,
           .exact = true,
           .flexible = true,
           .f32 = {conv2d_rows_forward<float>, conv2d_rows_backward<float>},
           .f64 = {conv2d_rows_forward<double>, conv2d_rows_backward<double>}},
    Kernel{.name = "reference",
           .accepts = [](const Conv2dShape&) { return true; },
           .able = nullptr,
           .exact = true,
           .flexible = false,
           .f32 = {conv2d_reference_forward<float>, conv2d_reference_backward<float>},
           .f64 = {conv2d_reference_forward<double>, conv2d_reference_backward<double>}},
};

struct Settings {
  KernelChoice choice;
  Conv2dObserver observer;
};
Settings& settings() {
  static Settings s{[] {
                      std::vector<std::string> names;
                      names.reserve(kKernels.size());
                      for (const Kernel& k : kKernels) names.emplace_back(k.name);
                      return KernelChoice("conv2d", std::move(names));
                    }(),
                    {}};
  return s;
}

const Kernel& kernel_of(const Conv2dShape& s) {
  if (const int forced = settings().choice.forced(); forced >= 0) {
    const Kernel& wish = kKernels[static_cast<size_t>(forced)];
    if (!wish.able || wish.able(s)) return wish;
  }
  const bool exact = numerics() == Numerics::exact;
  return *std::find_if(kKernels.begin(), kKernels.end(),
                       [&](const Kernel& k) { return (k.exact || !exact) && k.accepts(s); });
}

const Kernel& choose(const Conv2dShape& s, const char* direction) {
  const Kernel& kernel = kernel_of(s);
  if (settings().observer) settings().observer(s, direction, kernel.name);
  return kernel;
}

}  // namespace

std::string Conv2dShape::str() const {
  return fmt::format("({}, {}, {}, {}) * ({}, {}, {}, {}) groups {} stride {}x{} padding {}x{} dilation {}x{}", n, h, w,
                     ci, co, kh, kw, cig(), groups, sh, sw, ph, pw, dh, dw);
}

StatisticsPtr conv2d_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                             const Array& z, bool statistics) {
  return with_floating(z.dtype, "conv2d", [&]<class T>() {
    return choose(s, "forward").of<T>().forward(s, x, weight, bias, z, statistics);
  });
}

bool conv2d_flexible(const Conv2dShape& s) {
  return kernel_of(s).flexible && (s.groups == 1 || (s.depthwise() && s.cog() == 1));
}

EpilogueResult conv2d_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                               const Conv2dSinks& sinks) {
  return with_floating(gz.g.dtype, "conv2d",
                       [&]<class T>() { return choose(s, "backward").of<T>().backward(s, x, weight, gz, sinks); });
}

std::vector<std::string> conv2d_kernels() { return settings().choice.names(); }

void force_conv2d_kernel(const std::string& name) { settings().choice.force(name, "force_conv2d_kernel"); }

void set_conv2d_observer(Conv2dObserver observer) { settings().observer = std::move(observer); }

}  // namespace ghost
