// Rows are copied channel by channel: neighbouring channels go different ways, and a row of them fits the nearest
// cache.
#include "core/ops/shift.h"

#include <algorithm>

#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/block_reader.h"
#include "core/ops/cast.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// The columns j of a row of w pixels for which j + by lies in the row as well: [first, last), empty if first ≥ last.
struct Overlap {
  int64_t first, last;
  Overlap(int64_t w, int64_t by) : first(std::max<int64_t>(0, -by)), last(std::min(w, w - by)) {}
};

template <class T>
void take(const View<T>& x, const std::vector<PixelOffset>& offsets, const View<T>& y) {
  const int64_t h = y.h(), w = y.w(), ghosts = y.c() / x.c(), lines = y.n() * h;
  parallel_chunks(lines, chunk_count(lines), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / h;
      for (int64_t o = 0; o < y.c(); o++) {
        const PixelOffset by = offsets[static_cast<size_t>(o)];
        const int64_t source = line % h + by.y;
        const bool inside = source >= 0 && source < h;
        const Overlap all(w, by.x), at = inside && all.first < all.last ? all : Overlap(0, 0);
        T* to = y.pixel(line * w) + o;
        for (int64_t j = 0; j < at.first; j++) to[j * y.stride] = 0;
        if (at.first < at.last) {
          const T* from = x.row(image, source) + by.x * x.stride + o / ghosts;
          for (int64_t j = at.first; j < at.last; j++) to[j * y.stride] = from[j * x.stride];
        }
        for (int64_t j = at.last; j < w; j++) to[j * y.stride] = 0;
      }
    }
  });
}

template <class T>
EpilogueResult give(const View<T>& g, const std::vector<PixelOffset>& offsets, const GradSink::Slot& slot) {
  const View<T> to = slot.to.view<T>();
  const int64_t h = to.h(), w = to.w(), c = to.c(), ghosts = g.c() / c, lines = to.n() * h;
  const int64_t chunks = chunk_count(lines);
  EpilogueRunner<T> runner(slot, chunks);
  parallel_chunks(lines, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; line++) {
      const int64_t image = line / h;
      if (!slot.accumulate)
        for (int64_t p = line * w; p < (line + 1) * w; p++) std::fill_n(to.pixel(p), c, T(0));
      for (int64_t o = 0; o < g.c(); o++) {
        const PixelOffset by = offsets[static_cast<size_t>(o)];
        const int64_t reader = line % h - by.y;
        if (reader < 0 || reader >= h) continue;
        const Overlap at(w, -by.x);
        if (at.first >= at.last) continue;
        const T* up = g.row(image, reader) - by.x * g.stride + o;
        T* d = to.pixel(line * w) + o / ghosts;
        for (int64_t j = at.first; j < at.last; j++) d[j * to.stride] += up[j * g.stride];
      }
      runner.add(chunk, line * w, w);
    }
  });
  return runner.merged();
}

class ShiftNode final : public Node {
 public:
  ShiftNode(const Shape& x, std::vector<PixelOffset> offsets) : x_(x), offsets_(std::move(offsets)) {}
  const char* name() const override { return "shift"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(with_floating(g.dtype, name(), [&]<class T>() { return give<T>(g.view<T>(), offsets_, slot); }));
  }

 private:
  Shape x_;
  std::vector<PixelOffset> offsets_;
};

}  // namespace

Tensor shift(const Tensor& x, const std::vector<PixelOffset>& offsets) {
  if (x.defined() && x.dtype() == DType::bf16) return cast(shift(cast(x, DType::f32), offsets), DType::bf16);
  x.require_defined("shift", "the input");
  if (x.rank() != 4) fail("shift: input is {}, but must be (N, H, W, C)", x.shape().str());
  const auto channels = static_cast<int64_t>(offsets.size());
  if (x.size(3) < 1 || channels < 1 || channels % x.size(3) != 0)
    fail("shift: {} offsets given for input {}, but their number must be a positive multiple of its {} channels",
         channels, x.shape().str(), x.size(3));
  Shape shape = x.shape();
  shape[3] = channels;
  const Array out = Array::empty(shape, x.dtype());
  with_floating(x.dtype(), "shift", [&]<class T>() { take<T>(x.values().view<T>(), offsets, out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ShiftNode>(x.shape(), offsets);
  return recorded("shift", {&x}, make_result(make_body(out), std::move(node), {&x}), [&] {
    OpAttribute down{"down", {}}, right{"right", {}};
    for (const PixelOffset& offset : offsets)
      down.values.push_back(static_cast<double>(offset.y)), right.values.push_back(static_cast<double>(offset.x));
    return OpAttributes{down, right};
  });
}

std::vector<OpCase> shift_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, std::vector<PixelOffset> offsets) {
    cases.push_back(
        {.name = name, .inputs = {x}, .run = [by = std::move(offsets)](const auto& in) { return shift(in[0], by); }});
  };
  add("four_ways", {2, 4, 5, 4}, {{1, 0}, {-1, 0}, {0, 1}, {0, -1}});
  add("diagonal_two_each", {2, 5, 4, 3}, {{1, 1}, {-1, 1}, {1, -1}, {-1, -1}, {2, 1}, {0, -2}});
  add("in_place", {1, 3, 3, 2}, {{0, 0}, {0, 0}});
  add("past_the_edge", {2, 3, 4, 2}, {{3, 0}, {0, -4}, {-7, 9}, {2, 3}});
  add("one_pixel", {3, 1, 1, 2}, {{0, 0}, {0, 1}, {1, 0}, {0, 0}});
  add("wide", {1, 2, 9, 17}, std::vector<PixelOffset>(34, {1, -1}));
  return cases;
}

}  // namespace ghost
