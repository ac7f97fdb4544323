// z[y][x][o] = Σ over taps and channels of transform(x)[y·s + u][x·s + v][k] · w[o][u][v][k], image by image, block of
// rows by block of rows. An item (rows of an image, or pixels of the batch for a pointwise convolution) is staged, and
// read from the second cache after that: forward computes its rows, backward sums the weight's gradient and computes
// rows of the input's from one staged gradient. What an item is made of depends on the sizes alone. Large maps with few
// channels are bandwidth-bound, so their pixels are prefetched (core/kernels/isa/vector.h); larger, smaller or
// otherwise ordered items gain nothing, nor does prefetching the next item between the tiles of this one. The rest runs
// at the speed of its register tiles (core/kernels/isa/dense_impl.h).
#include "core/kernels/conv2d_rows.h"

#include <algorithm>
#include <optional>

#include "core/kernels/chunked.h"
#include "core/kernels/conv2d_stage.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/row_convolution.h"
#include "core/kernels/weight_gradient.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// One item of work: some rows of one image.
struct Item {
  int64_t image, out_begin, out_end, in_begin, in_end;  // rows of z and of x
  int64_t out_width, in_width;
};

// How a convolution is cut into items, by its sizes alone.
class Plan {
 public:
  Plan(const Conv2dShape& shape, int64_t element_bytes) : s_(shape), last_width_(shape.w) {
    constexpr int64_t kItems = 16;  // at least so many, so that one large image occupies several threads
    if (s_.pointwise()) {
      // Pixels instead of images, so that small maps fill the tiles.
      constexpr int64_t kBytes = 128 << 10, kLeast = 32, kMost = 256, kWeights = 64 << 10;
      const int64_t pixels = s_.n * s_.h * s_.w, pixel_bytes = (s_.ci + s_.co) * element_bytes;
      const int64_t width =
          std::min(std::clamp(kBytes / pixel_bytes, kLeast, kMost),
                   std::max<int64_t>(s_.weights() > kWeights ? 16 : 8, (pixels + kItems - 1) / kItems));
      s_.n = (pixels + width - 1) / width, s_.h = s_.oh = 1, s_.w = s_.ow = width;
      last_width_ = pixels - (s_.n - 1) * width;
      return;
    }
    // What is staged at a time stays in the second cache; rows that neighbouring blocks both stage are few.
    constexpr int64_t kBytes = 512 << 10, kRows = 4;
    const int64_t row_bytes = std::max<int64_t>((s_.sh * s_.w * s_.ci + s_.ow * s_.co) * element_bytes, 1);
    const int64_t rows = std::clamp<int64_t>(kBytes / row_bytes, kRows, std::max(s_.oh, kRows));
    blocks_ = (s_.oh + rows - 1) / rows;
    if (s_.n < kItems) blocks_ = std::max(blocks_, std::min(kItems / std::max<int64_t>(s_.n, 1), s_.oh / kRows));
  }

  const Conv2dShape& shape() const { return s_; }
  int64_t items() const { return s_.n * blocks_; }
  Item item(int64_t i) const {
    const int64_t image = i / blocks_, b = i % blocks_;
    const bool last = image == s_.n - 1 && s_.pointwise();
    return {image,
            s_.oh * b / blocks_,
            s_.oh * (b + 1) / blocks_,
            s_.h * b / blocks_,
            s_.h * (b + 1) / blocks_,
            last ? last_width_ : s_.ow,
            last ? last_width_ : s_.w};
  }
  // Chunks that each keep a partial weight gradient: combining them must not cost more than making them.
  int64_t chunks(bool weight_gradient, int64_t element_bytes) const {
    if (!weight_gradient) return chunk_count(items());
    constexpr int64_t kPixels = 256;
    const int64_t pixels = s_.n * s_.oh * s_.ow;
    return std::min(chunk_count(items(), s_.weights() * element_bytes), std::max<int64_t>(1, pixels / kPixels));
  }

 private:
  Conv2dShape s_;
  int64_t last_width_, blocks_ = 1;
};

// Rows that are finished together: pixels enough for a reduction to be worth ending, else few enough to be in the
// nearest cache.
int64_t rows_at_once(int64_t width, int64_t channels, int64_t element_bytes) {
  constexpr int64_t kBytes = 16 << 10, kPixels = 16;
  return std::max({int64_t{1}, kBytes / std::max<int64_t>(width * channels * element_bytes, 1),
                   kPixels / std::max<int64_t>(width, 1)});
}

StagedAxis rows_read(const Conv2dShape& s, int64_t begin, int64_t end) {
  return forward_axis(begin, end, s.kh, s.sh, s.ph, s.dh);
}
StagedAxis columns_read(const Conv2dShape& s, int64_t width) { return forward_axis(0, width, s.kw, s.sw, s.pw, s.dw); }
// From one output to the next in staged pixels: with a kernel of one only the pixels that are used are staged.
int64_t staged_stride(int64_t kernel, int64_t stride) { return kernel == 1 ? 1 : stride; }

// The taps of the input's gradient along one axis, for each residue of the input position modulo stride.
class GradientAxis {
 public:
  GradientAxis(int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) : stride_(stride) {
    for (int64_t r = 0; r < stride; r++) {
      taps_.push_back(input_grad_taps(kernel, stride, padding, dilation, r));
      for (const AxisTap& t : taps_.back()) {
        lowest_ = any_ ? std::min(lowest_, t.offset) : t.offset;
        highest_ = any_ ? std::max(highest_, t.offset) : t.offset;
        any_ = true;
      }
    }
  }
  const std::vector<AxisTap>& taps(int64_t residue) const { return taps_[static_cast<size_t>(residue)]; }
  // Outputs [out_begin, out_end), and those that inputs [begin, end) receive from.
  StagedAxis read(int64_t begin, int64_t end, int64_t out_begin, int64_t out_end) const {
    if (!any_ || begin == end) return {out_end - out_begin, out_begin, 1};
    const int64_t first = begin / stride_ + lowest_, last = (end - 1) / stride_ + highest_;
    if (out_begin == out_end) return {last - first + 1, first, 1};
    return {std::max(last, out_end - 1) - std::min(first, out_begin) + 1, std::min(first, out_begin), 1};
  }

 private:
  int64_t stride_, lowest_ = 0, highest_ = 0;
  bool any_ = false;  // without taps the input gets no gradient
  std::vector<std::vector<AxisTap>> taps_;
};

// The gradient of the input: one convolution of rows for each residue of the position, and for each part of the input.
template <class S>
class InputGradient {
  using T = Compute<S>;

 public:
  InputGradient(const Conv2dShape& s, const Array& weight, const PixelReader<S>& g, const GradientAxis& down,
                const GradientAxis& across, const GradSink::Slot& slot)
      : s_(s), slot_(slot), g_step_(g.step()) {
    for_targets<S>(slot, 0, s.ci, [&](const GradientTarget<S>& target) {
      Part& part = parts_.emplace_back(Part{target, {target.to.stride, target.to.channels()}, {}});
      for (int64_t y = 0; y < std::min(s.sh, s.h); y++)
        for (int64_t x = 0; x < std::min(s.sw, s.w); x++)
          part.residues.emplace_back(s, weight, nullptr, down.taps(y), across.taps(x),
                                     typename RowConvolution<T>::Layout{g.row(), g.step(), g.plane(), g.step(),
                                                                        part.row.out_step(s.sw), g.in_place()},
                                     true, ChannelRange{target.first, target.to.channels()});
    });
  }
  // g: staged, with its first row and column.
  void row(const Item& item, int64_t y, const PixelBlock<T>& g, int64_t first_row, int64_t first_column) const {
    const int64_t residues = std::min(s_.sw, s_.w);
    const T* in = g.data + (y / s_.sh - first_row) * g.row - first_column * g_step_;
    const int64_t first = pixel(item, y);
    for (const Part& part : parts_) {
      part.target.begin(first, item.in_width);
      for (int64_t x = 0; x < std::min(residues, item.in_width); x++)
        part.row.write(part.residues[static_cast<size_t>(y % s_.sh * residues + x)],
                       (item.in_width - x + s_.sw - 1) / s_.sw, in, g_step_, part.target.to.pixel(first + x),
                       slot_.accumulate, s_.sw);
    }
  }
  int64_t pixel(const Item& item, int64_t y) const { return (item.image * s_.h + y) * s_.w; }

 private:
  struct Part {
    GradientTarget<S> target;
    RowTarget<S> row;
    std::vector<RowConvolution<T>> residues;
  };
  const Conv2dShape& s_;
  const GradSink::Slot& slot_;
  const int64_t g_step_;
  std::vector<Part> parts_;
};

// Whether the weight's gradient is better cut by weights than by pixels: a pointwise convolution of few pixels, as in
// squeeze-excite and the last layers, has fewer chunks of pixels than threads.
bool few_pixels(const Conv2dShape& s) {
  constexpr int64_t kFew = 1024;
  return s.pointwise() && s.groups == 1 && s.n > 0 && s.n * s.h * s.w <= kFew;
}
template <class T>
void few_pixels_weight_gradient(const Conv2dShape& s, const Array& x, const Array& g, const GradSink::Slot& slot) {
  const Array staged_x = converted(x, dtype_of<T>), staged_g = converted(g, dtype_of<T>);
  const View<T> in = staged_x.view<T>(), out = staged_g.view<T>();
  WeightGradient<T> to_weight(s, slot, 1, forward_taps(1, 1), forward_taps(1, 1), 0, in.stride, 0, true);
  to_weight.add_pixels(s.n * s.h * s.w, {in.data, 0, in.stride}, {out.data, 0, out.stride});
  to_weight.write();
}

}  // namespace

template <class S>
StatisticsPtr conv2d_rows_forward(const Conv2dShape& shape, const BodyPtr& x, const Array& weight, const Array& bias,
                                  const Array& z, bool statistics) {
  using T = Compute<S>;
  const Plan plan(shape, sizeof(T));
  const Conv2dShape& s = plan.shape();
  auto in = PixelReader<S>::values(*x, s.h, s.w);
  in.plan(rows_read(s, 0, s.oh), columns_read(s, s.ow));
  const View<S> out = z.view<S>();
  const RowTarget<S> row(out.stride, s.co);
  const int64_t stride_down = staged_stride(s.kh, s.sh), stride_across = staged_stride(s.kw, s.sw);
  const RowConvolution<T> convolution(
      s, weight, bias.defined() ? bias.data<T>() : nullptr, forward_taps(s.kh, s.dh), forward_taps(s.kw, s.dw),
      {in.row(), in.step(), in.plane(), stride_across * in.step(), row.out_step(), in.in_place()}, false, {0, s.co});
  const int64_t chunks = chunk_count(plan.items()), at_once = rows_at_once(s.ow, s.co, sizeof(T));
  ChunkedStatistics<S> taken(statistics ? chunks : 0, s.co);
  parallel_sweep(plan.items(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    typename PixelReader<S>::Margins around;
    for (int64_t i = begin; i < end; i++) {
      const Item item = plan.item(i);
      const PixelBlock<T> staged = in.stage(ScratchSlot::values, item.image, rows_read(s, item.out_begin, item.out_end),
                                            columns_read(s, item.out_width), around);
      for (int64_t first = item.out_begin, last = first; first < item.out_end; first = last) {
        last = std::min(first + at_once, item.out_end);
        const int64_t pixel = (item.image * s.oh + first) * s.ow;
        for (int64_t y = first; y < last; y++)
          row.write(convolution, item.out_width, staged.data + (y - item.out_begin) * stride_down * staged.row,
                    stride_across * in.step(), out.pixel(pixel + (y - first) * s.ow), false);
        if (statistics) taken.add_row(chunk, out.pixel(pixel), out.stride, (last - first - 1) * s.ow + item.out_width);
      }
    }
  });
  return statistics ? taken.merged() : nullptr;
}

template <class S>
EpilogueResult conv2d_rows_backward(const Conv2dShape& shape, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                    const Conv2dSinks& sinks) {
  using T = Compute<S>;
  if (sinks.weight && few_pixels(shape)) {
    const Gradient done = materialise(gz);
    few_pixels_weight_gradient<T>(shape, values(x), done.g, *sinks.weight);
    if (!sinks.x && !sinks.bias) return {};
    return conv2d_rows_backward<S>(shape, nullptr, weight, done, {.x = sinks.x, .bias = sinks.bias});
  }
  const Plan plan(shape, sizeof(T));
  const Conv2dShape& s = plan.shape();
  const GradientAxis down(sinks.x ? s.kh : 0, s.sh, s.ph, s.dh), across(sinks.x ? s.kw : 0, s.sw, s.pw, s.dw);
  const int64_t multiplier = s.depthwise() ? s.cog() : 1;
  auto gradient = PixelReader<S>::gradient(gz, s.oh, s.ow, multiplier);
  gradient.plan(down.read(0, s.h, 0, s.oh), across.read(0, s.w, 0, s.ow));
  const int64_t chunks = plan.chunks(sinks.weight, sizeof(T));

  std::optional<InputGradient<S>> to_x;
  std::optional<EpilogueRunner<S>> runner;
  if (sinks.x) to_x.emplace(s, weight, gradient, down, across, *sinks.x);
  if (sinks.x && chunks > 0) runner.emplace(*sinks.x, chunks);

  std::optional<PixelReader<S>> values;
  std::optional<WeightGradient<T>> to_weight;
  const int64_t stride_down = staged_stride(s.kh, s.sh), stride_across = staged_stride(s.kw, s.sw);
  if (sinks.weight) {
    values.emplace(PixelReader<S>::values(*x, s.h, s.w));
    values->plan(rows_read(s, 0, s.oh), columns_read(s, s.ow));
    to_weight.emplace(s, *sinks.weight, chunks, forward_taps(s.kh, s.dh), forward_taps(s.kw, s.dw), values->row(),
                      values->step(), gradient.plane(), values->in_place());
  }
  std::vector<std::vector<double>> bias_sums(sinks.bias ? static_cast<size_t>(chunks) : 0,
                                             std::vector<double>(static_cast<size_t>(s.co), 0));

  const int64_t at_once = rows_at_once(s.w, s.ci, sizeof(T));
  parallel_sweep(plan.items(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    typename PixelReader<S>::Margins around_x, around_g;
    for (int64_t i = begin; i < end; i++) {
      const Item item = plan.item(i);
      const StagedAxis g_down = down.read(item.in_begin, item.in_end, item.out_begin, item.out_end);
      const StagedAxis g_across = across.read(0, item.in_width, 0, item.out_width);
      const PixelBlock<T> g = gradient.stage(ScratchSlot::gradient, item.image, g_down, g_across, around_g);
      const PixelBlock<T> inner{g.data + (item.out_begin - g_down.first) * g.row - g_across.first * g.step, g.row,
                                g.step};
      const int64_t out_rows = item.out_end - item.out_begin;
      if (sinks.bias)
        for (int64_t y = 0; y < out_rows; y++)
          for (int64_t j = 0; j < multiplier; j++)
            passes<T>().column_sums(bias_sums[static_cast<size_t>(chunk)].data() + j * s.co / multiplier,
                                    inner.data + y * g.row + j * gradient.plane(), g.step, item.out_width,
                                    s.co / multiplier);
      if (to_weight && out_rows > 0) {
        PixelBlock<T> in = values->stage(ScratchSlot::values, item.image, rows_read(s, item.out_begin, item.out_end),
                                         columns_read(s, item.out_width), around_x);
        in.row *= stride_down, in.step *= stride_across;
        to_weight->add(chunk, out_rows, item.out_width, in, inner);
      }
      if (!to_x) continue;
      for (int64_t first = item.in_begin, last = first; first < item.in_end; first = last) {
        last = std::min(first + at_once, item.in_end);
        for (int64_t y = first; y < last; y++) to_x->row(item, y, g, g_down.first, g_across.first);
        if (runner) runner->add(chunk, to_x->pixel(item, first), (last - first - 1) * s.w + item.in_width);
      }
    }
  });

  if (to_weight) to_weight->write();
  if (sinks.bias) {
    T* to = sinks.bias->to.data<T>();
    const int64_t c = s.co / multiplier;
    for (int64_t o = 0; o < s.co; o++) {
      double total = sinks.bias->accumulate ? static_cast<double>(to[o]) : 0;
      for (const auto& chunk : bias_sums) total += chunk[static_cast<size_t>(o % multiplier * c + o / multiplier)];
      to[o] = static_cast<T>(total);
    }
  }
  return runner ? runner->merged() : EpilogueResult{};
}

template StatisticsPtr conv2d_rows_forward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                  const Array&, bool);
template StatisticsPtr conv2d_rows_forward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                   const Array&, bool);
template EpilogueResult conv2d_rows_backward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&,
                                                    const Conv2dSinks&);
template EpilogueResult conv2d_rows_backward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&,
                                                     const Conv2dSinks&);
template StatisticsPtr conv2d_rows_forward<bf16>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                 const Array&, bool);
template EpilogueResult conv2d_rows_backward<bf16>(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&,
                                                   const Conv2dSinks&);

}  // namespace ghost
