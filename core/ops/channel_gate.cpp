// y (N, H, W, C) = x · gate (N, 1, 1, C), the scaling of squeeze-excite. x is read through its pending transform. The
// factor differs from image to image, so no transform is passed on; but within an image it is one, which the row
// kernels of transforms apply.
#include <limits>
#include <optional>

#include "core/ops/arithmetic_detail.h"
#include "core/ops/block_reader.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// f(first, count) for runs of pixels
template <class F>
void for_runs(int64_t begin, int64_t end, int64_t run, F f) {
  for (int64_t p = begin; p < end; p += run) f(p, std::min(run, end - p));
}

// An image is the unit of work; few images are cut into parts, by shape alone.
struct Parts {
  int64_t images, pixels, per_image;
  explicit Parts(const Shape& x) : images(x[0]), pixels(x[1] * x[2]) {
    constexpr int64_t kEnough = 16;
    per_image = std::clamp<int64_t>(kEnough / std::max<int64_t>(images, 1), 1, std::max<int64_t>(pixels, 1));
  }
  int64_t count() const { return images * per_image; }
  int64_t image(int64_t part) const { return part / per_image; }
  int64_t begin(int64_t part) const { return image(part) * pixels + pixels * (part % per_image) / per_image; }
  int64_t end(int64_t part) const { return image(part) * pixels + pixels * (part % per_image + 1) / per_image; }
};

// A gate as a transform: v · gate.
template <class T>
class GateTransform {
 public:
  explicit GateTransform(int64_t c)
      : shift_(static_cast<size_t>(c), T(0)), floor_(static_cast<size_t>(c), -std::numeric_limits<T>::infinity()) {}
  RowTransform<T> by(const T* gate) const { return {gate, shift_.data(), floor_.data()}; }

 private:
  std::vector<T> shift_, floor_;
};

template <class T>
void scale(const Body& x, const View<T>& k, const View<T>& y) {
  const Parts parts(y.shape);
  const int64_t c = y.c(), run = pixels_per_run(c);
  const GateTransform<T> gates(c);
  parallel_sweep(parts.count(), chunk_count(parts.count()), [&](int64_t, int64_t first, int64_t last) {
    const BlockReader<T> reader(x, run);
    for (int64_t part = first; part < last; part++) {
      const RowTransform<T> gate = gates.by(k.row(parts.image(part), 0));
      for_runs(parts.begin(part), parts.end(part), run, [&](int64_t p, int64_t count) {
        const auto from = reader.read(p, count);
        rows<T>().transform(y.pixel(p), y.stride, from.data, from.step, count, c, &gate);
      });
    }
  });
}

// In one pass over g: gx = or += g · gate (slot null: not wanted) with the sums that the slot asks for, and
// ggate = Σ g · x over the pixels of each image (partial empty: not wanted; else one row of C for each part).
template <class T>
Finished scale_gradient(const View<T>& g, const Body& x, const View<T>& k, const GradSink::Slot* slot,
                        std::vector<double>& partial) {
  const Parts parts(g.shape);
  const int64_t c = g.c(), run = std::min<int64_t>(pixels_per_run(c), 256), chunks = chunk_count(parts.count());
  const View<T> to = slot ? slot->to.view<T>() : View<T>{};
  const GateTransform<T> gates(c);
  const int64_t no_offset = 0;
  std::optional<GradFinisher<T>> finisher;
  if (slot) finisher.emplace(*slot, chunks);
  parallel_sweep(parts.count(), chunks, [&](int64_t chunk, int64_t first, int64_t last) {
    const BlockReader<T> reader(x, run);
    std::vector<T> row(static_cast<size_t>(c));  // a run is short enough to be summed in T
    std::vector<T> scaled(static_cast<size_t>(slot && slot->accumulate ? run * c : 0));
    int64_t summed = first < last ? parts.begin(first) : 0;  // small images are summed several at a time
    const int64_t end = first < last ? parts.end(last - 1) : 0;
    for (int64_t part = first; part < last; part++) {
      const RowTransform<T> gate = gates.by(k.row(parts.image(part), 0));
      for_runs(parts.begin(part), parts.end(part), run, [&](int64_t p, int64_t count) {
        if (!partial.empty()) {
          const auto from = reader.read(p, count);
          rows<T>().depthwise_sums({.rows = 1,
                                    .columns = count,
                                    .channels = c,
                                    .x = {from.data, 0, from.step},
                                    .g = {g.pixel(p), 0, g.stride},
                                    .taps = {1, &no_offset, 1},
                                    .repeat = 1,
                                    .sums = row.data(),
                                    .accumulate = false});
          double* total = partial.data() + part * c;
          for (int64_t j = 0; j < c; j++) total[j] += static_cast<double>(row[static_cast<size_t>(j)]);
        }
        if (!slot) return;
        if (slot->accumulate) {
          rows<T>().transform(scaled.data(), c, g.pixel(p), g.stride, count, c, &gate);
          rows<T>().gradient(to.pixel(p), to.stride, scaled.data(), c, nullptr, 0, count, c, nullptr, true);
        } else {
          rows<T>().transform(to.pixel(p), to.stride, g.pixel(p), g.stride, count, c, &gate);
        }
        if (p + count < end && p + count - summed < kPixelsPerSum) return;
        finisher->add(chunk, summed, p + count - summed);
        summed = p + count;
      });
    }
  });
  return finisher ? finisher->merged() : Finished{};
}

template <class T>
Array merged_gate_gradient(const std::vector<double>& partial, const Shape& x) {
  const Parts parts(x);
  const int64_t c = x.channels();
  const Array out = Array::empty({x[0], 1, 1, c}, dtype_of<T>);
  parallel_for(parts.images, [&](int64_t n) {
    for (int64_t j = 0; j < c; j++) {
      double total = 0;
      for (int64_t part = 0; part < parts.per_image; part++)
        total += partial[static_cast<size_t>((n * parts.per_image + part) * c + j)];
      out.data<T>()[n * c + j] = static_cast<T>(total);
    }
  });
  return out;
}

class ChannelGateNode final : public Node {
 public:
  ChannelGateNode(const BodyPtr& x, const BodyPtr& gate) { save(x), save(gate); }
  const char* name() const override { return "mul"; }
  void backward(Gradient gy) override {
    const Array up = finished(std::move(gy)).g;
    with_floating(up.dtype, name(), [&]<class T>() {
      GradSink *to_x = sink_of(0), *to_gate = sink_of(1);
      std::optional<GradSink::Slot> slot;
      if (to_x) slot = to_x->open(up.shape, up.dtype);
      std::vector<double> partial;
      if (to_gate) partial.resize(static_cast<size_t>(Parts(up.shape).count() * up.shape.channels()));
      Finished done = scale_gradient<T>(up.view<T>(), *saved(0, "the input"), values(saved(1, "the gate")).view<T>(),
                                        slot ? &*slot : nullptr, partial);
      if (to_x) to_x->close(std::move(done));
      if (to_gate) to_gate->give({merged_gate_gradient<T>(partial, up.shape)});
    });
  }
};

}  // namespace

Tensor mul_by_channel_gate(const Tensor& x, const Tensor& gate) {
  const Array out = Array::empty(x.shape(), x.dtype());
  with_floating(x.dtype(), "mul", [&]<class T>() { scale<T>(*x.body(), gate.values().view<T>(), out.view<T>()); });
  NodePtr node;
  if (wants_grad({&x, &gate})) node = std::make_shared<ChannelGateNode>(x.body(), gate.body());
  return make_result(make_body(out), std::move(node), {&x, &gate});
}

}  // namespace ghost
