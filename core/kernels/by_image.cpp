#include "core/kernels/by_image.h"

#include "core/kernels/chunked.h"
#include "core/parallel.h"

namespace ghost {
namespace {

template <class S>
EpilogueResult write_typed(const ImageGradient& from, const GradSink::Slot& slot) {
  using T = Compute<S>;
  struct Run {  // of channels that lie in one part of both
    int64_t first;
    View<S> g, to;
  };
  std::vector<Run> runs;
  const bool given = from.g.defined();
  for_channel_runs({&slot.to, given ? &from.g : nullptr}, [&](int64_t first, int64_t count) {
    runs.push_back({first, given ? from.g.view<S>(first, count) : View<S>{}, slot.to.view<S>(first, count)});
  });
  const ImageParts parts(slot.to.shape);
  const int64_t c = slot.to.shape.channels(), run = pixels_per_run(c);
  const int64_t chunks = chunk_count(parts.count());
  const ImageTransform<T> transform(from.factor, from.offset, c);
  EpilogueRunner<S> runner(slot, chunks);
  parallel_sweep(parts.count(), chunks, [&](int64_t chunk, int64_t first, int64_t last) {
    if (first == last) return;
    std::vector<T> scaled(static_cast<size_t>(given && slot.accumulate ? run * c : 0));
    const int64_t end = parts.end(last - 1);
    int64_t finished = parts.begin(first);  // small images are finished several at a time
    for (int64_t part = first; part < last; part++)
      parts.for_runs(part, run, [&](int64_t p, int64_t count) {
        for (const Run& r : runs) {
          const RowTransform<T> t = transform.of(parts.image(part), r.first);
          const int64_t channels = r.to.channels();
          S* to = r.to.pixel(p);
          if (!given) {
            passes<S>().put(to, r.to.stride, t.shift, 0, count, channels, slot.accumulate);
          } else if (!slot.accumulate) {
            passes<S>().transform(to, r.to.stride, r.g.pixel(p), r.g.stride, count, channels, &t);
          } else {
            passes<S>().stage({scaled.data(), 0, channels}, {r.g.pixel(p), 0, r.g.stride}, 1, count, channels, &t);
            passes<S>().put(to, r.to.stride, scaled.data(), channels, count, channels, true);
          }
        }
        if (p + count < end && p + count - finished < kPixelsPerSum) return;
        runner.add(chunk, finished, p + count - finished);
        finished = p + count;
      });
  });
  return runner.merged();
}

}  // namespace

ImageParts::ImageParts(const Shape& x) : images(x[0]), pixels(x[1] * x[2]) {
  constexpr int64_t kEnough = 16;
  per_image = std::clamp<int64_t>(kEnough / std::max<int64_t>(images, 1), 1, std::max<int64_t>(pixels, 1));
}

EpilogueResult write_image_gradient(const ImageGradient& gradient, const GradSink::Slot& slot) {
  return with_storage(slot.to.dtype, "backward", [&]<class S>() { return write_typed<S>(gradient, slot); });
}

}  // namespace ghost
