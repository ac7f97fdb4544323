#include "core/ops/dropout.h"

#include <array>
#include <span>

#include "core/op_case.h"
#include "core/ops/cast.h"
#include "core/ops/strided.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// to = or += from · keep · scale. A product instead of a choice: who is kept cannot be predicted.
template <class T>
void masked(const Array& to, const Array& from, const Array& keep, double scale, bool accumulate) {
  const auto factor = static_cast<T>(scale);
  const Strided<T> d = strided<T>(to), s = strided<T>(from);
  const Strided<uint8_t> k = strided<uint8_t>(keep);
  if (accumulate)
    for_elements([factor](T& out, T v, uint8_t kept) { out += v * (factor * static_cast<T>(kept)); }, d, s, k);
  else
    for_elements([factor](T& out, T v, uint8_t kept) { out = v * (factor * static_cast<T>(kept)); }, d, s, k);
}

class DropoutNode final : public Node {
 public:
  DropoutNode(Array keep, double factor) : keep_(std::move(keep)), factor_(factor) {}
  const char* name() const override { return "dropout"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(g.shape, g.dtype);
    with_floating(g.dtype, name(), [&]<class T>() { masked<T>(slot.to, g, keep_, factor_, slot.accumulate); });
    sink_of(0)->close();
    keep_ = {};
  }

 private:
  Array keep_;
  double factor_;
};

}  // namespace

Tensor dropout(const Tensor& x, double p, RandomStream stream) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(dropout(cast(x, DType::f32), p, stream), DType::bf16);
  x.require_defined("dropout", "the input");
  if (!(p >= 0 && p < 1)) fail("dropout: probability {} given, but it must lie in [0, 1)", p);
  if (!is_floating(x.dtype())) fail("dropout: works on f32 and f64 tensors, but got {}", name_of(x.dtype()));
  if (p == 0) return x;
  const Array keep = Array::empty(x.shape(), DType::u8), out = Array::empty(x.shape(), x.dtype());
  const int64_t count = keep.shape.numel();
  const auto dropped = static_cast<uint32_t>(p * 0x1p32);  // of 2³² numbers
  parallel_chunks(count, chunk_count(count), [&](int64_t, int64_t begin, int64_t end) {
    RandomStream part = stream;  // from where the elements before would leave it
    part.skip(static_cast<uint64_t>(begin));
    std::array<uint32_t, 256> drawn;
    for (int64_t i = begin, n = 0; i < end; i += n) {
      n = std::min<int64_t>(drawn.size(), end - i);
      part.fill(std::span(drawn).first(static_cast<size_t>(n)));
      uint8_t* to = keep.data<uint8_t>() + i;
      for (int64_t k = 0; k < n; k++) to[k] = drawn[static_cast<size_t>(k)] >= dropped;
    }
  });
  const double factor = 1 / (1 - p);
  with_floating(x.dtype(), "dropout", [&]<class T>() { masked<T>(out, x.values(), keep, factor, false); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<DropoutNode>(keep, factor);
  return make_result(make_body(out), std::move(node), {&x});
}

std::vector<OpCase> dropout_cases() {
  std::vector<OpCase> cases;
  for (const Shape& x : {Shape{2, 3, 5, 4}, Shape{1, 1, 1, 17}, Shape{6, 7}})
    for (const double p : {0.2, 0.9})
      cases.push_back({.name = fmt::format("{}{}", p, x.str()), .inputs = {x}, .run = [p](const auto& in) {
                         return dropout(in[0], p, RandomStream(1, "dropout_cases"));
                       }});
  return cases;
}

}  // namespace ghost
