#include "nn/finite.h"

#include <bit>
#include <cmath>

#include "core/parallel.h"

namespace ghost {

namespace {

// Exponent bits all set: infinity or NaN. Integers, so that the loop vectorises and no compiler flag can assume NaN
// away.
template <class T, class Bits, Bits kExponent>
bool finite_row(const T* x, int64_t n) {
  Bits bad = 0;
  for (int64_t i = 0; i < n; ++i) bad |= static_cast<Bits>((std::bit_cast<Bits>(x[i]) & kExponent) == kExponent);
  return bad == 0;
}

bool finite(const Array& a) {
  const bool packed = a.packed();
  const int64_t rows = packed ? 1 : a.shape.pixels(), length = packed ? a.shape.numel() : a.shape.channels();
  for (int64_t r = 0; r < rows; ++r) {
    if (a.dtype == DType::f32) {
      if (!finite_row<float, uint32_t, 0x7f800000u>(a.data<float>() + r * a.stride, length)) return false;
    } else if (a.dtype == DType::f64) {
      if (!finite_row<double, uint64_t, 0x7ff0000000000000u>(a.data<double>() + r * a.stride, length)) return false;
    } else if (a.dtype == DType::bf16) {
      if (!finite_row<bf16, uint16_t, 0x7f80u>(a.data<bf16>() + r * a.stride, length)) return false;
    }
  }
  return true;
}

}  // namespace

bool all_finite(const Tensor& t) { return finite(t.values()); }

const char* name_of_bad(double x) { return std::isnan(x) ? "NaN" : "infinite"; }

std::string first_bad_parameter(const Module& model) {
  const std::vector<Parameter> parameters = model.parameters();
  std::vector<char> bad(parameters.size());
  parallel_for(static_cast<int64_t>(parameters.size()), [&](int64_t i) {
    bad[static_cast<size_t>(i)] = !all_finite(parameters[static_cast<size_t>(i)].tensor);
  });
  for (size_t i = 0; i < bad.size(); ++i)
    if (bad[i]) return parameters[i].name;
  return "";
}

std::string first_bad_gradient(const Module& model) {
  const std::vector<Parameter> parameters = model.parameters();
  for (auto p = parameters.rbegin(); p != parameters.rend(); ++p)
    if (const Tensor gradient = p->tensor.grad(); gradient.defined() && !all_finite(gradient)) return p->name;
  return "";
}

std::string blame_forward(Module& model, const Tensor& images) {
  if (!all_finite(images)) return "the images of the batch are not finite: check data.mean and data.std";
  NoGrad no_grad;
  std::string blame;
  ForwardObserver observer([&](Module& module, const Tensor&, const Tensor& y) {
    if (!blame.empty() || all_finite(y)) return;
    // Modules report innermost first, so this one's children, if any, were finite.
    const std::string path = module.path().empty() ? "the model" : module.path();
    blame = "the first layer whose output is not finite is " + path + " (" + module.kind() + ")";
    if (const std::string own = first_bad_parameter(module); !own.empty())
      blame += ", whose parameter " + own + " is not finite";
  });
  model(images);
  return blame.empty() ? "the outputs of all layers are finite, the loss of them is not" : blame;
}

}  // namespace ghost
