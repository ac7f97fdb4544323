// One pass over the raw values: runs are read where they lie, in a matrix or in an array in parts, and their transforms
// are shuffled like the values.
#include "core/ops/channel_shuffle.h"

#include "core/half.h"
#include "core/op_case.h"
#include "core/op_recorder.h"
#include "core/ops/activation.h"
#include "core/ops/batch_norm.h"
#include "core/ops/block_reader.h"
#include "core/ops/conv2d.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"

namespace ghost {
namespace {

template <class T>
struct Run {
  const T* data;
  int64_t stride;
};

// The runs of C/groups channels each; fewer than `groups` if one of them is not in a single matrix.
template <class T>
std::vector<Run<T>> runs_of(const Array& x, int64_t groups) {
  const int64_t count = x.shape.channels() / groups;
  std::vector<Run<T>> runs;
  int64_t next = 0;
  for_channel_runs({&x}, [&](int64_t first, int64_t here) {
    for (; next >= first && next + count <= first + here; next += count) {
      const View<T> run = x.view<T>(next, count);
      runs.push_back({run.data, run.stride});
    }
  });
  return runs;
}

// to(p, j·groups + g) = runs[g](p, j)
template <class T>
void interleave(const std::vector<Run<T>>& runs, int64_t count, int64_t begin, int64_t end, const View<T>& to) {
  const auto groups = std::ssize(runs);
  for (int64_t p = begin; p < end; p++) {
    T* d = to.pixel(p);
    if (groups == 2) {
      const T *a = runs[0].data + p * runs[0].stride, *b = runs[1].data + p * runs[1].stride;
      for (int64_t j = 0; j < count; j++) d[2 * j] = a[j], d[2 * j + 1] = b[j];
      continue;
    }
    for (int64_t g = 0; g < groups; g++) {
      const Run<T>& run = runs[static_cast<size_t>(g)];
      for (int64_t j = 0; j < count; j++) d[j * groups + g] = run.data[p * run.stride + j];
    }
  }
}

template <class T>
T sum_of(T a, T b) {
  if constexpr (std::is_same_v<T, bf16>)
    return {to_bf16(from_bf16(a.bits) + from_bf16(b.bits))};
  else
    return a + b;
}

// to(p, g·count + j) (+)= from(p, j·groups + g)
template <class T>
EpilogueResult separate(const View<T>& from, int64_t groups, const GradSink::Slot& slot) {
  const View<T> to = slot.to.view<T>();
  const int64_t pixels = to.pixels(), count = to.channels() / groups, chunks = chunk_count(pixels);
  EpilogueRunner<T> runner(slot, chunks);
  parallel_chunks(pixels, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    constexpr int64_t kPixels = 16;  // that the epilogue then finds in the nearest cache
    for (int64_t first = begin; first < end; first += kPixels) {
      const int64_t last = std::min(end, first + kPixels);
      for (int64_t p = first; p < last; p++) {
        const T* s = from.pixel(p);
        T* d = to.pixel(p);
        if (groups == 2 && !slot.accumulate) {
          for (int64_t j = 0; j < count; j++) d[j] = s[2 * j], d[count + j] = s[2 * j + 1];
          continue;
        }
        for (int64_t g = 0; g < groups; g++)
          for (int64_t j = 0; j < count; j++) {
            T& sum = d[g * count + j];
            sum = slot.accumulate ? sum_of(sum, s[j * groups + g]) : s[j * groups + g];
          }
      }
      runner.add(chunk, first, last - first);
    }
  });
  return runner.merged();
}

class ChannelShuffleNode final : public Node {
 public:
  ChannelShuffleNode(const Shape& x, int64_t groups) : x_(x), groups_(groups) {}
  const char* name() const override { return "channel_shuffle"; }
  void backward(Gradient gy) override {
    const Array g = materialise(std::move(gy)).g;
    const auto slot = sink_of(0)->open(x_, g.dtype);
    sink_of(0)->close(
        with_storage(g.dtype, name(), [&]<class T>() { return separate<T>(g.view<T>(), groups_, slot); }));
  }

 private:
  Shape x_;
  int64_t groups_;
};

ChannelVector shuffled(const ChannelVector& v, int64_t groups) {
  ChannelVector to = v;
  const int64_t count = v.size() / groups;
  for (int64_t c = 0; c < v.size(); c++) to.set(c, v[c % groups * count + c / groups]);
  return to;
}

Pending shuffled(const Pending& p, int64_t groups) {
  return {.scale = shuffled(p.scale, groups),
          .shift = shuffled(p.shift, groups),
          .floor = shuffled(p.floor, groups),
          .ceiling = shuffled(p.ceiling, groups),
          .function = p.function,
          .mean = shuffled(p.mean, groups),
          .normalised = false};  // the sums are taken where the gradient lies in the order of the batch norm
}

}  // namespace

Tensor channel_shuffle(const Tensor& x, int64_t groups) {
  x.require_defined("channel_shuffle", "the input");
  const int64_t channels = x.rank() > 0 ? x.shape().channels() : 0;
  if (channels < 1 || groups < 1 || channels % groups != 0)
    fail("channel_shuffle: groups={} does not divide the {} channels of {}", groups, channels, x.shape().str());
  if (groups == 1 || groups == channels) return x;
  const Body& from = *x.body();
  BodyPtr out = make_body(Array::empty(x.shape(), x.dtype()));
  with_storage(x.dtype(), "channel_shuffle", [&]<class T>() {
    Array raw = from.raw;
    std::vector<Run<T>> runs = runs_of<T>(raw, groups);
    if (std::ssize(runs) < groups) raw = packed(raw), runs = runs_of<T>(raw, groups);
    const View<T> to = out->raw.view<T>();
    parallel_chunks(to.pixels(), chunk_count(to.pixels()), [&](int64_t, int64_t begin, int64_t end) {
      interleave<T>(runs, channels / groups, begin, end, to);
    });
  });
  if (from.pending) out = attach(out, shuffled(*from.pending, groups));
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ChannelShuffleNode>(x.shape(), groups);
  return recorded("channel_shuffle", {&x}, make_result(std::move(out), std::move(node), {&x}), [&] {
    return OpAttributes{{"groups", {static_cast<double>(groups)}}};
  });
}

std::vector<OpCase> channel_shuffle_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, int64_t groups) {
    cases.push_back(
        {.name = name, .inputs = {x}, .run = [groups](const auto& in) { return channel_shuffle(in[0], groups); }});
  };
  add("halves", {2, 3, 5, 10}, 2);
  add("thirds", {2, 5, 4, 9}, 3);
  add("single_channels", {2, 2, 3, 4}, 4);
  add("whole", {2, 2, 3, 4}, 1);
  add("matrix", {7, 6}, 2);
  const auto of_two = [&](const char* name, int64_t a, int64_t b, const auto& before) {
    cases.push_back({.name = name,
                     .inputs = {{2, 3, 4, a}, {2, 3, 4, b}},
                     .run =
                         [before](const auto& in) {
                           return channel_shuffle(cat({before(in[0]), in[1]}), 2);
                         },
                     .activations = 2});
  };
  const auto nothing = [](const Tensor& x) { return x; };
  of_two("of_parts", 5, 5, nothing);
  of_two("of_uneven_parts", 3, 7, nothing);
  of_two("of_normalised", 5, 5, [](const Tensor& x) { return relu(batch_norm(x, {}, {}, {}, {.training = true})); });
  // As in ShuffleNetV2: one half goes on as it is, the other through a convolution.
  cases.push_back({.name = "read_in_halves", .inputs = {{2, 4, 3, 8}, {4, 1, 1, 4}}, .run = [](const auto& in) {
                     const Tensor x = channel_shuffle(in[0], 2);
                     return cat({slice_channels(x, 0, 4), conv2d(slice_channels(x, 4, 4), in[1])});
                   }});
  return cases;
}

}  // namespace ghost
