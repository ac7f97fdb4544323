#include "nn/layers/cheap_op.h"

#include <algorithm>

#include "core/nearest.h"
#include "core/ops/affine_sample.h"
#include "core/ops/conv2d.h"
#include "core/ops/haar.h"
#include "core/ops/shift.h"
#include "core/rng.h"
#include "nn/init.h"
#include "nn/layers/checks.h"
#include "nn/layers/conv2d.h"

namespace ghost {
namespace {

ModulePtr depthwise(const CheapOpOptions& o) {
  return std::make_shared<Conv2d>(Conv2d::Options{
      .in = o.in, .out = o.out, .kernel = o.kernel, .padding = o.kernel / 2, .groups = o.in, .bias = false});
}

ModulePtr scale(const CheapOpOptions& o) { return depthwise({.in = o.in, .out = o.out, .kernel = 1}); }

class CheapOperator : public Module {
 public:
  int64_t macs(const Shape&, const Shape& y) const override { return y.numel() * macs_per_value(); }

 protected:
  virtual int64_t macs_per_value() const = 0;
};

// Ghost j moves by the (j mod (d² − 1))-th offset of the d×d neighbourhood, row by row without its centre.
class Shift final : public CheapOperator {
 public:
  explicit Shift(const CheapOpOptions& o) {
    std::vector<PixelOffset> around;
    const int64_t reach = o.kernel / 2;
    for (int64_t y = -reach; y <= reach; y++)
      for (int64_t x = -reach; x <= reach; x++)
        if (y != 0 || x != 0) around.push_back({y, x});
    for (int64_t j = 0; j < o.out; j++) offsets_.push_back(around[static_cast<size_t>(j) % around.size()]);
  }
  const char* kind() const override { return "Shift"; }

 protected:
  Tensor forward(const Tensor& x) override { return shift(x, offsets_); }
  int64_t macs_per_value() const override { return 0; }

 private:
  std::vector<PixelOffset> offsets_;
};

// A depthwise convolution whose kernel is fixed: the outer product of a row of Pascal's triangle with itself, of sum 1
// (Zhang, "Making Convolutional Networks Shift-Invariant Again", arXiv 1904.11486, section 3.3), with zeros around the
// map. d = 1 is the identity.
class Blur final : public CheapOperator {
 public:
  explicit Blur(const CheapOpOptions& o) : padding_(o.kernel / 2), groups_(o.in) {
    const auto d = static_cast<size_t>(o.kernel);
    std::vector<double> row(d, 0);
    row[0] = 1;
    for (size_t step = 1; step < d; step++)
      for (size_t k = step + 1; k-- > 0;) row[k] = (row[k] + (k > 0 ? row[k - 1] : 0)) / 2;
    std::vector<double> kernel;
    for (int64_t j = 0; j < o.out; j++)
      for (const double down : row)
        for (const double across : row) kernel.push_back(down * across);
    kernel_ = Tensor::from(kernel, {o.out, o.kernel, o.kernel, 1});
  }
  const char* kind() const override { return "Blur"; }

 protected:
  Tensor forward(const Tensor& x) override {
    return conv2d(x, kernel_.to(x.dtype()), {}, {.padding = {padding_, padding_}, .groups = groups_});
  }
  int64_t macs_per_value() const override { return kernel_.size(1) * kernel_.size(2); }

 private:
  int64_t padding_, groups_;
  Tensor kernel_;  // a constant, so neither parameter nor buffer
};

// theta (out, 2, 3) starts as the identity plus U(−0.1, 0.1) in every entry: at the edge of the map that is up to a
// tenth of its size, in its centre up to a twentieth.
class Affine final : public CheapOperator {
 public:
  explicit Affine(const CheapOpOptions& o) {
    theta_ = register_parameter("theta", {o.out, 2, 3}, [](Tensor& theta, RandomStream& stream) {
      constexpr double kSpread = 0.1;
      std::vector<double> values(static_cast<size_t>(theta.numel()));
      for (size_t k = 0; k < values.size(); k++)
        values[k] = (k % 6 == 0 || k % 6 == 4 ? 1 : 0) + stream.uniform(-kSpread, kSpread);
      theta.copy_from(Tensor::from(values, theta.shape()));
    });
  }
  const char* kind() const override { return "Affine"; }

 protected:
  Tensor forward(const Tensor& x) override { return affine_sample(x, theta_); }
  int64_t macs_per_value() const override { return 4; }  // of the interpolation

 private:
  Tensor theta_;
};

// weight (out, 4): coefficients of LL, LH, HL and HH, from U(−1/2, 1/2).
class Haar final : public CheapOperator {
 public:
  explicit Haar(const CheapOpOptions& o) { weight_ = register_parameter("weight", {o.out, 4}, uniform_fan_in(4)); }
  const char* kind() const override { return "Haar"; }

 protected:
  Tensor forward(const Tensor& x) override { return haar_mix(x, weight_); }
  int64_t macs_per_value() const override { return 4; }  // the bands are sums

 private:
  Tensor weight_;
};

template <class M>
ModulePtr make(const CheapOpOptions& options) {
  return std::make_shared<M>(options);
}

const CheapOpEntry* find(const std::string& name) {
  const auto& table = cheap_op_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const CheapOpEntry& e) { return e.name == name; });
  return found == table.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<CheapOpEntry>& cheap_op_table() {
  static const std::vector<CheapOpEntry> table{
      {"depthwise", "the map convolved with a kernel of its own, learned", 1, depthwise},
      {"shift", "the map moved by a neighbouring offset (arXiv 1711.08141), nothing learned", 3, make<Shift>},
      {"pointwise_depthwise1x1", "the map times a factor of its own, learned", 0, scale},
      {"blur", "the map after a binomial low-pass (arXiv 1904.11486), nothing learned", 1, make<Blur>},
      {"affine", "the map through an affine transform of its own (arXiv 1506.02025), learned", 0, make<Affine>},
      {"haar", "the map's four undecimated Haar bands mixed, coefficients learned", 0, make<Haar>},
  };
  return table;
}

std::vector<std::string> cheap_op_names() {
  std::vector<std::string> names;
  for (const CheapOpEntry& e : cheap_op_table()) names.push_back(e.name);
  return names;
}

void require_cheap_op(const char* layer, const std::string& name, int64_t kernel) {
  const CheapOpEntry* entry = find(name);
  if (!entry)
    fail_usage("{}: cheap_op: '{}' is not one of {}{}", layer, name, any_of(cheap_op_names()),
               did_you_mean(name, cheap_op_names()));
  require_odd_kernel(layer, "cheap_kernel", kernel);
  if (kernel < entry->least_kernel)
    fail_usage("{}: cheap_kernel={}, but cheap_op={} needs at least {}", layer, kernel, name, entry->least_kernel);
}

ModulePtr make_cheap_op(const std::string& name, const CheapOpOptions& options) {
  require_cheap_op("cheap_op", name, options.kernel);
  return find(name)->make(options);
}

}  // namespace ghost
