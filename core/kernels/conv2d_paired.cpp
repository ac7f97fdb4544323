// Pixels are worked on block by block, as in conv2d_rows.cpp: what is pending is applied into memory of this thread
// while a block is read, products write to its place, and statistics or sums are taken while it is in a near cache. A
// block of a pointwise convolution is some pixels of the batch. Of larger kernels it is some rows of an image, staged
// with zeros around them; a tap is then a distance between positions of the block, and the zeros at the ends of rows
// make positions that are computed and not stored.
#include "core/kernels/conv2d_paired.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/kernels/bf16_products.h"
#include "core/kernels/chunked.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/paired_weights.h"
#include "core/kernels/scratch.h"
#include "core/parallel.h"

namespace ghost {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The pixels of a call in blocks, by its sizes alone. With a kernel of one, rows and images do not matter.
class Blocks {
 public:
  explicit Blocks(const Conv2dShape& s) : pixels_(s.n * s.h * s.w) {
    constexpr int64_t kBytes = 128 << 10, kLeast = 32, kMost = 512, kItems = 16, kLeastRows = 4;
    if (s.pointwise()) {
      const int64_t fit = kBytes / ((s.ci + s.co) * int64_t{sizeof(bf16)});
      width_ = std::min(std::clamp(fit, kLeast, kMost), std::max<int64_t>(kLeast, ceil_div(pixels_, kItems)));
      width_ += width_ % 2;  // pixels are paired within a block
      return;
    }
    const int64_t row_bytes = (s.w + s.kw - 1) * (s.ci + s.co) * int64_t{sizeof(bf16)};
    rows_ = std::clamp(2 * kBytes / row_bytes, std::min(kLeastRows, s.h), s.h);
    if (s.n < kItems) rows_ = std::max(std::min(kLeastRows, s.h), std::min(rows_, ceil_div(s.n * s.h, kItems)));
    width_ = s.w, height_ = s.h, per_image_ = ceil_div(s.h, rows_);
    images_ = s.n;
  }
  int64_t count() const { return rows_ > 0 ? images_ * per_image_ : ceil_div(pixels_, width_); }
  // Pixels of the batch.
  int64_t begin(int64_t block) const {
    return rows_ > 0 ? (image(block) * height_ + row(block)) * width_ : block * width_;
  }
  int64_t size(int64_t block) const {
    return rows_ > 0 ? rows(block) * width_ : std::min(width_, pixels_ - begin(block));
  }
  // Of larger kernels.
  int64_t image(int64_t block) const { return block / per_image_; }
  int64_t row(int64_t block) const { return block % per_image_ * rows_; }
  int64_t rows(int64_t block) const { return std::min(rows_, height_ - row(block)); }
  int64_t pixels() const { return pixels_; }

 private:
  int64_t pixels_, width_ = 0;
  int64_t rows_ = 0, height_ = 0, per_image_ = 1, images_ = 0;
};

// Pixels that are finished together, so that they are in the nearest cache then; whole rows of larger kernels.
int64_t pixels_at_once(const Conv2dShape& s, int64_t channels) {
  constexpr int64_t kBytes = 16 << 10, kLeast = 64;
  const int64_t pixels = std::max(kLeast, kBytes / (channels * int64_t{sizeof(bf16)}) / kLeast * kLeast);
  return s.pointwise() ? pixels : std::max<int64_t>(1, pixels / s.w) * s.w;
}

// x with its pending transform, or the gradient of z with its own, a block of pixels at a time.
class BlockOfPixels {
 public:
  explicit BlockOfPixels(const Body& x) : channels_(x.raw.shape.channels()), transformed_(x.pending != nullptr) {
    for_channel_runs({&x.raw}, [&](int64_t first, int64_t count) {
      Run& run = runs_.emplace_back(Run{.first = first, .from = x.raw.view<bf16>(first, count)});
      if (x.pending) run.transform = row_transform<float>(*x.pending, first);
    });
  }
  explicit BlockOfPixels(const Gradient& g) : channels_(g.g.shape.channels()), gradient_(g.transform != nullptr) {
    const Array* raw = g.transform ? &g.transform->raw->raw : nullptr;
    for_channel_runs({&g.g, raw}, [&](int64_t first, int64_t count) {
      Run& run = runs_.emplace_back(Run{.first = first, .from = g.g.view<bf16>(first, count)});
      if (!raw) return;
      run.raw = raw->view<bf16>(first, count), run.gradient = row_gradient<float>(*g.transform, first);
    });
  }
  PairedBlock read(ScratchSlot slot, int64_t first, int64_t count) const {
    if (runs_.size() == 1 && !transformed_ && !gradient_) return {runs_[0].from.pixel(first), runs_[0].from.stride, 0};
    bf16* to = scratch<bf16>(slot, count * channels_);
    apply(to, first, count);
    return {to, channels_, 0};
  }
  // The same of rows [row, row + rows) of an image of (h, w) pixels, with zeros around it, as a kernel of (kh, kw)
  // reads them.
  PairedBlock read_padded(ScratchSlot slot, const Conv2dShape& s, int64_t image, int64_t row, int64_t rows) const {
    const int64_t above = s.ph, left = s.pw, pitch = s.w + s.kw - 1, staged = rows + s.kh - 1;
    const int64_t beyond = s.kw * channels_;  // the last tap of positions at the end of the last row
    bf16* const to = scratch<bf16>(slot, staged * pitch * channels_ + beyond);
    const auto clear = [&](int64_t begin, int64_t end) {
      std::fill(to + begin * channels_, to + end * channels_, bf16{});
    };
    for (int64_t y = 0; y < staged; y++) {
      const int64_t from = row + y - above;
      if (from < 0 || from >= s.h) {
        clear(y * pitch, (y + 1) * pitch);
        continue;
      }
      clear(y * pitch, y * pitch + left), clear(y * pitch + left + s.w, (y + 1) * pitch);
      apply(to + (y * pitch + left) * channels_, (image * s.h + from) * s.w, s.w);
    }
    clear(staged * pitch, staged * pitch + s.kw);
    return {to, channels_, pitch};
  }

 private:
  struct Run {  // of channels that lie in one array
    int64_t first;
    View<bf16> from, raw{};
    RowTransform<float> transform{};
    RowGradient<float> gradient{};
  };
  void apply(bf16* to, int64_t first, int64_t count) const {
    for (const Run& r : runs_) {
      const int64_t c = r.from.channels();
      if (gradient_)
        passes<bf16>().gradient(to + r.first, channels_, r.from.pixel(first), r.from.stride, r.raw.pixel(first),
                                r.raw.stride, count, c, &r.gradient, false);
      else
        passes<bf16>().transform(to + r.first, channels_, r.from.pixel(first), r.from.stride, count, c,
                                 transformed_ ? &r.transform : nullptr);
    }
  }
  int64_t channels_;
  bool transformed_ = false, gradient_ = false;
  std::vector<Run> runs_;
};

PairedBlock read(const BlockOfPixels& pixels, ScratchSlot slot, const Conv2dShape& s, const Blocks& blocks, int64_t i) {
  if (s.pointwise()) return pixels.read(slot, blocks.begin(i), blocks.size(i));
  return pixels.read_padded(slot, s, blocks.image(i), blocks.row(i), blocks.rows(i));
}
// The block from its pixel p on, which begins a row of larger kernels.
PairedBlock from_pixel(const PairedBlock& block, const Conv2dShape& s, int64_t p) {
  const int64_t position = block.pitch > 0 ? p / s.w * block.pitch : p;
  return {block.data + position * block.step, block.step, block.pitch};
}

// As many pixels out as in, each in the same place.
bool keeps_size(const Conv2dShape& s) {
  return s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && 2 * s.ph == s.kh - 1 && 2 * s.pw == s.kw - 1;
}

}  // namespace

bool conv2d_paired_able(const Conv2dShape& s) {
  return s.stored_as_bf16 && keeps_size(s) && s.groups == 1 && s.ci % 2 == 0 && s.co % 2 == 0 && bf16_products();
}

bool conv2d_paired_wins(const Conv2dShape& s) {
  // Fewer pixels make fewer chunks than threads, and partial sums that are more work than the pixels. Of larger kernels
  // only tiles gain as much as Winograd's convolution does, small maps fill few of their rows, and a block of one image
  // must be work enough for reading all weights.
  constexpr int64_t kFewPixels = 1024, kLeastSide = 4, kWeightsPerPixel = 16 << 10;
  if (!conv2d_paired_able(s) || s.n * s.h * s.w <= kFewPixels) return false;
  return s.taps() == 1 ||
         (bf16_products()->tiled && std::min(s.h, s.w) >= kLeastSide && s.weights() <= kWeightsPerPixel * s.h * s.w);
}

StatisticsPtr conv2d_paired_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                    const Array& z, bool statistics) {
  const Blocks blocks(s);
  const BlockOfPixels in(*x);
  const View<bf16> out = z.view<bf16>();
  const PairedWeights weights(*bf16_products(), s, weight, bias.defined() ? bias.data<float>() : nullptr, false, 0,
                              s.co);
  const int64_t chunks = chunk_count(blocks.count()), at_once = pixels_at_once(s, s.co);
  ChunkedStatistics<bf16> taken(statistics ? chunks : 0, s.co);
  parallel_sweep(blocks.count(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = blocks.begin(i), size = blocks.size(i);
      const PairedBlock block = read(in, ScratchSlot::values, s, blocks, i);
      for (int64_t p = 0; p < size; p += at_once) {
        const int64_t count = std::min(at_once, size - p);
        bf16* to = out.pixel(first + p);
        weights.multiply(count, s.w, from_pixel(block, s, p), to, out.stride, false);
        if (statistics) taken.add_row(chunk, to, out.stride, count);
      }
    }
  });
  return statistics ? taken.merged() : nullptr;
}

EpilogueResult conv2d_paired_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                      const Conv2dSinks& sinks) {
  const Bf16Products& products = *bf16_products();
  const Blocks blocks(s);
  const BlockOfPixels gradient(gz);
  constexpr int64_t kPixels = 256;  // that a partial gradient is made of at least
  const int64_t weight_bytes = s.weights() * int64_t{sizeof(float)};
  const int64_t chunks = !sinks.weight ? chunk_count(blocks.count())
                                       : std::min(chunk_count(blocks.count(), weight_bytes),
                                                  std::max<int64_t>(1, blocks.pixels() / kPixels));
  struct Part {
    GradientTarget<bf16> target;
    PairedWeights weights;
  };
  std::vector<Part> parts;
  std::optional<EpilogueRunner<bf16>> runner;
  if (sinks.x) {
    for_targets<bf16>(*sinks.x, 0, s.ci, [&](const GradientTarget<bf16>& target) {
      parts.push_back({target, {products, s, weight, nullptr, true, target.first, target.to.channels()}});
    });
    if (chunks > 0) runner.emplace(*sinks.x, chunks);
  }
  std::optional<BlockOfPixels> values;
  std::optional<PairedWeightGradient> to_weight;
  if (sinks.weight) values.emplace(*x), to_weight.emplace(products, s, chunks);
  std::vector<std::vector<double>> bias_sums(sinks.bias ? static_cast<size_t>(chunks) : 0,
                                             std::vector<double>(static_cast<size_t>(s.co), 0));
  const int64_t at_once = pixels_at_once(s, s.ci);
  parallel_sweep(blocks.count(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = blocks.begin(i), size = blocks.size(i);
      const PairedBlock g = read(gradient, ScratchSlot::gradient, s, blocks, i);
      // Without what is staged for taps to read: the first pixel of the block itself, and zeros between its rows.
      const PairedBlock inner{g.data + (s.ph * g.pitch + (g.pitch > 0 ? s.pw : 0)) * g.step, g.step, g.pitch};
      const int64_t rows = g.pitch > 0 ? blocks.rows(i) : 1, positions = g.pitch > 0 ? rows * g.pitch : size;
      if (sinks.bias)
        passes<bf16>().column_sums(bias_sums[static_cast<size_t>(chunk)].data(), inner.data, inner.step,
                                   g.pitch > 0 ? positions - (s.kw - 1) : size, s.co);
      if (to_weight)
        to_weight->add(chunk, g.pitch > 0 ? positions - (s.kw - 1) : size,
                       read(*values, ScratchSlot::values, s, blocks, i), inner);
      if (!sinks.x) continue;
      for (int64_t p = 0; p < size; p += at_once) {
        const int64_t count = std::min(at_once, size - p);
        for (const Part& part : parts) {
          part.target.begin(first + p, count);
          part.weights.multiply(count, s.w, from_pixel(g, s, p), part.target.to.pixel(first + p), part.target.to.stride,
                                sinks.x->accumulate);
        }
        if (runner) runner->add(chunk, first + p, count);
      }
    }
  });
  if (to_weight) to_weight->write(*sinks.weight);
  if (sinks.bias) {
    float* to = sinks.bias->to.data<float>();
    for (int64_t o = 0; o < s.co; o++) {
      double total = sinks.bias->accumulate ? static_cast<double>(to[o]) : 0;
      for (const auto& chunk : bias_sums) total += chunk[static_cast<size_t>(o)];
      to[o] = static_cast<float>(total);
    }
  }
  return runner ? runner->merged() : EpilogueResult{};
}

}  // namespace ghost
