// A tensor is a handle on a shared body. A body is raw values plus, possibly, a transform that is still to be applied
// to them (docs/architecture.md, "Fusion is a property of the data").
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "core/array.h"
#include "core/kernels/rows.h"

namespace ghost {

// One number per channel, in what the values it belongs to are computed in.
class ChannelVector {
 public:
  ChannelVector() = default;
  ChannelVector(DType of, int64_t channels, double fill);  // of: how the values are stored
  DType dtype() const { return dtype_; }
  int64_t size() const { return size_; }
  double operator[](int64_t i) const {
    return dtype_ == DType::f32 ? f32_[static_cast<size_t>(i)] : f64_[static_cast<size_t>(i)];
  }
  void set(int64_t i, double v);
  template <class T>
  const T* data() const;
  ChannelVector slice(int64_t first, int64_t count) const;
  void append(const ChannelVector& other);

 private:
  DType dtype_ = DType::f32;
  int64_t size_ = 0;
  std::vector<float> f32_;
  std::vector<double> f64_;
};
template <>
inline const float* ChannelVector::data<float>() const {
  return f32_.data();
}
template <>
inline const double* ChannelVector::data<double>() const {
  return f64_.data();
}

// value = f(min(max(v, floor[c]), ceiling[c])),  v = raw[c]·scale[c] + shift[c],  as RowTransform in
// core/kernels/rows.h has it. A snapshot: no reference to parameters, so a later optimizer step does not reach a tensor
// that is already computed.
struct Pending {
  ChannelVector scale, shift, floor;  // floor: −∞ where there is none
  ChannelVector ceiling;              // empty: none in any channel
  RowFunction function = RowFunction::none;
  ChannelVector mean;       // centre of the backward reduction Σ g (raw − mean); 0 where there was no batch_norm
  bool normalised = false;  // a training batch_norm is in it: the last writer of its gradient should also take the sums
  static Pending identity(DType dtype, int64_t channels);
  int64_t channels() const { return scale.size(); }
  bool bounded() const;  // in some channel
  // The same followed by min(max(value, lo), hi), in which hi counts last. Without a function.
  void clamp(double lo, double hi);
  // The same followed by value·factor + offset. Without bounds and function.
  void scale_by(double factor, double offset);
  Pending slice(int64_t first, int64_t count) const;
  void append(const Pending& other);  // with the same function
};
// Functions that stay pending, since to compute them again wherever the values are read takes less than a pass and an
// array of their own.
constexpr bool stays_pending(RowFunction f) {
  return f == RowFunction::none || f == RowFunction::hardswish || f == RowFunction::silu;
}
using PendingPtr = std::shared_ptr<const Pending>;

// Per-channel statistics of raw values, taken by the kernel that wrote them and merged in chunk order in f64.
struct Statistics {
  double count = 0;
  std::vector<double> mean, m2;  // M2 = Σ (x − mean)²
};
using StatisticsPtr = std::shared_ptr<const Statistics>;

// Raw values that need not be kept, since they can be recomputed. While a tensor holds the values, raw() returns these;
// when backward asks for them later, `make` computes them once more, and they stay until every operator that saved them
// is done. The recompute belongs to the node that made the values and to those that saved them, so a tensor that
// outlives its graph does not keep what it was made of.
class Recompute {
 public:
  using Make = std::function<Array()>;
  Recompute(const Array& made, Make make);
  Array raw();
  const Shape& shape() const { return like_.shape; }

 private:
  Array like_;  // without memory until they are made again
  std::weak_ptr<Storage> storage_;
  std::weak_ptr<SliceState> state_;
  Make make_;
};
using RecomputePtr = std::shared_ptr<Recompute>;

struct Body;
using BodyPtr = std::shared_ptr<Body>;
struct Body {
  Array raw;                             // may be in parts
  PendingPtr pending = nullptr;          // null: raw is the value
  StatisticsPtr statistics = nullptr;    // of raw, if taken
  std::weak_ptr<Recompute> recompute{};  // of raw, where backward need not keep it
  BodyPtr materialised = nullptr;        // cache, filled by values()
  Array packed_copy{};                   // cache of a channel slice, filled by Tensor::data()
  uint64_t packed_version = 0;
  bool floating() const { return is_floating(raw.dtype); }
};

BodyPtr make_body(Array raw, StatisticsPtr statistics = nullptr);

// The body's finished values in one matrix: raw if it is one and nothing is pending, else computed once and kept beside
// the raw values, which stay as they are. The default of every operator that does not fold.
const Array& values(const BodyPtr& body);

// The same values without a transform: the body itself or its finished values.
BodyPtr materialise(const BodyPtr& body);
// A body on the same raw values with this transform in place of its own; with folding off, its finished values at once.
BodyPtr attach(const BodyPtr& to, Pending pending);
// A body of the values that this transform, in place of its own, makes of the raw ones.
BodyPtr transformed(const Body& body, const Pending& pending);

// Whether transforms are handed on (true, the default) or finished where they arise. Off is the definition that on is
// tested against; results agree to rounding.
bool folding();
void set_folding(bool on);

}  // namespace ghost
