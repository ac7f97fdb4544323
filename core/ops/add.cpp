// The sum of two equal shapes, as in a residual block: one pass over both, whatever they carry. Backward hands its
// gradient to both sides, and takes the sums that their batch_norms want if its last writer has not. Other shapes
// broadcast (arithmetic.cpp).
//
// Where both terms are kept for backward anyway, the sum is not: it is recomputed when backward asks (Recompute in
// body.h). In a chain of residual blocks that is every second sum.
#include <algorithm>

#include "core/kernels/chunked.h"
#include "core/kernels/scratch.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/arithmetic.h"
#include "core/ops/arithmetic_detail.h"
#include "core/parallel.h"

namespace ghost {
namespace {

class AddNode final : public Node {
 public:
  const char* name() const override { return "add"; }
  explicit AddNode(RecomputePtr recompute) : recompute_(std::move(recompute)) {}
  std::vector<BodyPtr> wants_sums_of() override {
    std::vector<BodyPtr> both(2);
    for (size_t i = 0; i < 2; i++)
      if (GradSink* to = sink_of(i); to && to->single()) both[i] = to->value();
    return both[0] || both[1] ? both : std::vector<BodyPtr>{};
  }
  void backward(Gradient g) override {
    recompute_ = nullptr;
    const bool done = !g.transform && !g.epilogue.sums.empty();
    if (!done) g = materialise(std::move(g), folding() ? epilogue() : GradEpilogue{});
    const std::vector<SumsPtr>& sums = g.epilogue.sums;
    for (size_t i = 0; i < 2; i++)
      if (GradSink* to = sink_of(i))
        to->give({g.g, nullptr, sums.empty() || !sums[i] ? EpilogueResult{} : EpilogueResult{.sums = {sums[i]}}});
  }

 private:
  RecomputePtr recompute_;
};

// A term's channels that lie in one part of both terms.
template <class S>
struct Part {
  using T = Compute<S>;
  View<S> from;
  RowTransform<T> transform;
  // Pixels [first, first + count), for the kernel of sums: those whose transform ends with a function are finished in
  // memory of this thread.
  Part read(ScratchSlot slot, const Pending& none, int64_t first, int64_t count) const {
    const int64_t c = from.channels();
    if (transform.function == RowFunction::none) return {{from.pixel(first), from.shape, from.stride}, transform};
    S* to = scratch<S>(slot, count * c);
    passes<S>().transform(to, c, from.pixel(first), from.stride, count, c, &transform);
    return {{to, from.shape, c}, row_transform<T>(none)};
  }
};

template <class S>
void add_pixels(const Body& a, const Body& b, const Array& out) {
  struct Run {
    Part<S> x, y;
    View<S> out;
  };
  const int64_t channels = out.shape.channels(), pixels = out.shape.pixels();
  const Pending none = Pending::identity(out.dtype, channels);
  std::vector<Run> runs;
  for_channel_runs({&a.raw, &b.raw}, [&](int64_t first, int64_t count) {
    const auto part = [&](const Body& of) {
      return Part<S>{of.raw.view<S>(first, count), row_transform<Compute<S>>(of.pending ? *of.pending : none, first)};
    };
    runs.push_back({part(a), part(b), out.view<S>(first, count)});
  });
  // Few pixels at a time, so that lines of the result which two runs write are still near for the second.
  const int64_t run = std::max<int64_t>(1, 2048 / std::max<int64_t>(channels, 1));
  parallel_sweep(pixels, chunk_count(pixels), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p += run)
      for (const Run& r : runs) {
        const int64_t count = std::min(run, end - p);
        const Part<S> x = r.x.read(ScratchSlot::values, none, p, count),
                      y = r.y.read(ScratchSlot::gradient, none, p, count);
        passes<S>().sum(r.out.pixel(p), r.out.stride, x.from.data, x.from.stride, x.transform, y.from.data,
                        y.from.stride, y.transform, count, r.out.channels());
      }
  });
}

Array sum_of(const Body& a, const Body& b) {
  Array out = Array::empty(a.raw.shape, a.raw.dtype);
  with_storage(out.dtype, "add", [&]<class S>() { add_pixels<S>(a, b, out); });
  return out;
}

}  // namespace

KernelChoice& add_kernels() {
  static KernelChoice choice("add", {"rows", "broadcast"});
  return choice;
}

Tensor add(const Tensor& a, const Tensor& b) {
  a.require_defined("add", "the first term"), b.require_defined("add", "the second term");
  const bool mixed = a.dtype() != b.dtype() && compute_type(a.dtype()) == compute_type(b.dtype());
  if (!(a.shape() == b.shape()) || mixed || add_kernels().forced("broadcast")) return broadcast_add(a, b);
  if (a.dtype() != b.dtype()) fail("add: the terms are {} and {}", name_of(a.dtype()), name_of(b.dtype()));
  const BodyPtr body = make_body(sum_of(*a.body(), *b.body()));
  if (!wants_grad({&a, &b})) return recorded("add", {&a, &b}, make_result(body, nullptr, {&a, &b}));
  // Not of sums that are themselves made again: one after the other would have to be, back to the first. Nor of terms
  // in parts, whose sum takes longer than its memory is worth.
  const auto kept = [](const BodyPtr& term) {
    return term->recompute.expired() && !term->raw.in_parts() && !term->raw.state->saved.expired();
  };
  RecomputePtr recompute;
  if (kept(a.body()) && kept(b.body()))
    recompute = std::make_shared<Recompute>(body->raw, [x = Saved(a.body()), y = Saved(b.body())] {
      return sum_of(*x.get("add", "the first term"), *y.get("add", "the second term"));
    });
  body->recompute = recompute;
  return recorded("add", {&a, &b}, make_result(body, std::make_shared<AddNode>(std::move(recompute)), {&a, &b}));
}

std::vector<OpCase> add_cases() {
  std::vector<OpCase> cases;
  const auto with = [&](const Shape& a, const Shape& b) {
    cases.push_back({.name = a.str() + b.str(),
                     .inputs = {a, b},
                     .run = [](const auto& in) { return add(in[0], in[1]); },
                     .activations = 2});
  };
  with({2, 3, 5, 4}, {2, 3, 5, 4}), with({3, 1, 1, 17}, {3, 1, 1, 17}), with({4, 7}, {4, 7});
  with({2, 3, 4, 5}, {5}), with({2, 3, 4, 5}, {2, 1, 1, 5}), with({2, 1, 4, 3}, {1, 3, 1, 3}), with({2, 3}, {});
  return cases;
}

}  // namespace ghost
