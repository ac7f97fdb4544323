// Pixels are worked on block by block, as in conv2d_rows.cpp: what is pending is applied into memory of this thread
// while a block is read, products write to its place, and statistics or sums are taken while it is in a near cache.
#include "core/kernels/conv2d_paired.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/half.h"
#include "core/kernels/bf16_products.h"
#include "core/kernels/chunked.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/packed_weights.h"
#include "core/kernels/scratch.h"
#include "core/parallel.h"

namespace ghost {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The pixels of a call in blocks, by its sizes alone.
struct Blocks {
  explicit Blocks(const Conv2dShape& s) : pixels(s.n * s.h * s.w) {
    constexpr int64_t kBytes = 128 << 10, kLeast = 32, kMost = 512, kItems = 16;
    const int64_t fit = kBytes / ((s.ci + s.co) * int64_t{sizeof(bf16)});
    width = std::min(std::clamp(fit, kLeast, kMost), std::max<int64_t>(kLeast, ceil_div(pixels, kItems)));
    width += width % 2;  // pixels are paired within a block
  }
  int64_t count() const { return ceil_div(pixels, width); }
  int64_t begin(int64_t block) const { return block * width; }
  int64_t size(int64_t block) const { return std::min(width, pixels - begin(block)); }
  int64_t pixels, width;
};

// Pixels that are finished together, so that they are in the nearest cache then.
int64_t pixels_at_once(int64_t channels) {
  constexpr int64_t kBytes = 16 << 10, kLeast = 48;
  return std::max(kLeast, kBytes / (channels * int64_t{sizeof(bf16)}) / kLeast * kLeast);
}

// x with its pending transform, or the gradient of z with its own, a block of pixels at a time.
class BlockOfPixels {
 public:
  struct Block {
    const bf16* data;
    int64_t step;
  };
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
  Block read(ScratchSlot slot, int64_t first, int64_t count) const {
    if (runs_.size() == 1 && !transformed_ && !gradient_) return {runs_[0].from.pixel(first), runs_[0].from.stride};
    bf16* to = scratch<bf16>(slot, count * channels_);
    for (const Run& r : runs_) {
      const int64_t c = r.from.channels();
      if (gradient_)
        passes<bf16>().gradient(to + r.first, channels_, r.from.pixel(first), r.from.stride, r.raw.pixel(first),
                                r.raw.stride, count, c, &r.gradient, false);
      else
        passes<bf16>().transform(to + r.first, channels_, r.from.pixel(first), r.from.stride, count, c,
                                 transformed_ ? &r.transform : nullptr);
    }
    return {to, channels_};
  }

 private:
  struct Run {  // of channels that lie in one array
    int64_t first;
    View<bf16> from, raw{};
    RowTransform<float> transform{};
    RowGradient<float> gradient{};
  };
  int64_t channels_;
  bool transformed_ = false, gradient_ = false;
  std::vector<Run> runs_;
};

// Weights as the products read them, for `columns` channels of the result from `first` on. transposed: for the gradient
// of the input.
class PairedWeights {
 public:
  PairedWeights(const Bf16Products& products, const Conv2dShape& s, const Array& weight, const float* bias,
                bool transposed, int64_t first, int64_t columns)
      : products_(products), from_(transposed ? s.co : s.ci) {
    const int64_t lanes = products.lanes, vectors = ceil_div(columns, lanes);
    const int64_t panels = ceil_div(vectors, products.max_vectors);
    for (int64_t i = 0; i < panels; i++) {
      const int64_t begin = vectors * i / panels, end = vectors * (i + 1) / panels;
      panels_.push_back(
          {.first = begin * lanes, .columns = std::min(end * lanes, columns) - begin * lanes, .vectors = end - begin});
    }
    const float* w = weight.data<float>();
    const auto pack = [&](void* memory) {
      parallel_for(panels, [&](int64_t i) {
        const Panel& p = panels_[static_cast<size_t>(i)];
        bf16* to = static_cast<bf16*>(memory) + p.first * from_;
        for (int64_t k = 0; k < from_; k += 2)
          for (int64_t j = 0; j < p.vectors * lanes; j++)
            for (int64_t b = k; b < k + 2; b++, to++) {
              const int64_t column = first + p.first + j;
              const float v = j >= p.columns ? 0 : transposed ? w[b * s.ci + column] : w[column * s.ci + b];
              *to = {to_bf16(v)};
            }
      });
    };
    const size_t bytes = static_cast<size_t>(vectors * lanes * from_) * sizeof(bf16);
    if (transposed) {
      storage_ = std::make_unique<Storage>(bytes);
      pack(storage_->data());
      weight_ = static_cast<const bf16*>(storage_->data());
    } else {
      packed_ = packed_weights(weight, {&products, {s.co, s.ci, 0, 0}}, bytes, pack);
      weight_ = static_cast<const bf16*>(packed_->memory->data());
    }
    if (!bias) return;
    bias_.assign(static_cast<size_t>(vectors * lanes), 0);
    std::copy_n(bias, columns, bias_.begin());
  }
  void multiply(int64_t pixels, const bf16* in, int64_t in_step, bf16* out, int64_t out_step, bool accumulate) const {
    for (const Panel& p : panels_)
      products_.row({.pixels = pixels,
                     .in = in,
                     .in_step = in_step,
                     .pairs = from_ / 2,
                     .weight = weight_ + p.first * from_,
                     .bias = bias_.empty() ? nullptr : bias_.data() + p.first,
                     .vectors = p.vectors,
                     .out = out + p.first,
                     .out_step = out_step,
                     .columns = p.columns,
                     .accumulate = accumulate});
  }

 private:
  struct Panel {
    int64_t first, columns, vectors;
  };
  const Bf16Products& products_;
  int64_t from_;
  std::vector<Panel> panels_;
  PackedWeightsPtr packed_;
  std::unique_ptr<Storage> storage_;
  const bf16* weight_ = nullptr;
  std::vector<float> bias_;
};

// The weight's gradient, gathered chunk by chunk and combined in chunk order.
class PairedWeightGradient {
 public:
  PairedWeightGradient(const Bf16Products& products, const Conv2dShape& s, int64_t chunks)
      : products_(products),
        ci_(s.ci),
        co_(s.co),
        x_is_wide_(padded(s.ci) * s.co <= padded(s.co) * s.ci),
        begun_(static_cast<size_t>(chunks), 0),
        storage_(static_cast<size_t>(std::max<int64_t>(chunks, 1) * s.ci * s.co) * sizeof(float)) {}

  void add(int64_t chunk, int64_t pixels, const BlockOfPixels::Block& x, const BlockOfPixels::Block& g) {
    const int64_t pairs = ceil_div(pixels, 2);
    bf16* xs = scratch<bf16>(ScratchSlot::elements, 2 * pairs * ci_ + kReadBeyond);
    bf16* gs = scratch<bf16>(ScratchSlot::gradient_elements, 2 * pairs * co_ + kReadBeyond);
    products_.pair_pixels(xs, x.data, x.step, pixels, ci_);
    products_.pair_pixels(gs, g.data, g.step, pixels, co_);
    PairedSums of{.pairs = pairs,
                  .narrow = gs,
                  .wide = xs,
                  .narrow_channels = co_,
                  .wide_channels = ci_,
                  .sums = partial(chunk),
                  .sums_step = ci_,
                  .accumulate = begun_[static_cast<size_t>(chunk)] != 0};
    if (!x_is_wide_) {
      std::swap(of.narrow, of.wide), std::swap(of.narrow_channels, of.wide_channels);
      of.sums_step = co_;
    }
    products_.sums(of);
    begun_[static_cast<size_t>(chunk)] = 1;
  }
  void write(const GradSink::Slot& slot) {
    const int64_t size = ci_ * co_, chunks = std::ssize(begun_);
    if (chunks == 0) std::fill_n(partial(0), size, 0.0F);  // no images
    const int64_t parts = size < (1 << 14) ? 1 : chunk_count(size);
    parallel_chunks(size, parts, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t k = 1; k < chunks; k++)
        passes<float>().put(partial(0) + begin, end - begin, partial(k) + begin, end - begin, 1, end - begin, true);
    });
    const View<float> to = slot.to.view<float>();
    const int64_t row = x_is_wide_ ? ci_ : 1, step = x_is_wide_ ? 1 : co_;
    parallel_chunks(co_, parts == 1 ? 1 : chunk_count(co_), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; o++) {
        const float* from = partial(0) + o * row;
        float* at = to.pixel(o);
        for (int64_t i = 0; i < ci_; i++) at[i] = slot.accumulate ? at[i] + from[i * step] : from[i * step];
      }
    });
  }

 private:
  int64_t padded(int64_t channels) const { return ceil_div(channels, products_.lanes) * products_.lanes; }
  float* partial(int64_t chunk) { return static_cast<float*>(storage_.data()) + chunk * ci_ * co_; }
  const Bf16Products& products_;
  int64_t ci_, co_;
  bool x_is_wide_;  // a partial sum is (O, I) then, else (I, O)
  std::vector<char> begun_;
  Storage storage_;
};

}  // namespace

bool conv2d_paired_able(const Conv2dShape& s) {
  return s.stored_as_bf16 && s.pointwise() && s.groups == 1 && s.ci % 2 == 0 && s.co % 2 == 0 && bf16_products();
}

bool conv2d_paired_wins(const Conv2dShape& s) {
  // Fewer pixels make fewer chunks than threads, and partial sums that are more work than the pixels.
  constexpr int64_t kFewPixels = 1024;
  return conv2d_paired_able(s) && s.n * s.h * s.w > kFewPixels;
}

StatisticsPtr conv2d_paired_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                    const Array& z, bool statistics) {
  const Blocks blocks(s);
  const BlockOfPixels in(*x);
  const View<bf16> out = z.view<bf16>();
  const PairedWeights weights(*bf16_products(), s, weight, bias.defined() ? bias.data<float>() : nullptr, false, 0,
                              s.co);
  const int64_t chunks = chunk_count(blocks.count()), at_once = pixels_at_once(s.co);
  ChunkedStatistics<bf16> taken(statistics ? chunks : 0, s.co);
  parallel_sweep(blocks.count(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = blocks.begin(i), size = blocks.size(i);
      const auto block = in.read(ScratchSlot::values, first, size);
      for (int64_t p = 0; p < size; p += at_once) {
        const int64_t count = std::min(at_once, size - p);
        bf16* to = out.pixel(first + p);
        weights.multiply(count, block.data + p * block.step, block.step, to, out.stride, false);
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
                                                  std::max<int64_t>(1, blocks.pixels / kPixels));
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
  const int64_t at_once = pixels_at_once(s.ci);
  parallel_sweep(blocks.count(), chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      const int64_t first = blocks.begin(i), size = blocks.size(i);
      const auto g = gradient.read(ScratchSlot::gradient, first, size);
      if (sinks.bias)
        passes<bf16>().column_sums(bias_sums[static_cast<size_t>(chunk)].data(), g.data, g.step, size, s.co);
      if (to_weight) to_weight->add(chunk, size, values->read(ScratchSlot::values, first, size), g);
      if (!sinks.x) continue;
      for (int64_t p = 0; p < size; p += at_once) {
        const int64_t count = std::min(at_once, size - p);
        for (const Part& part : parts) {
          part.target.begin(first + p, count);
          part.weights.multiply(count, g.data + p * g.step, g.step, part.target.to.pixel(first + p),
                                part.target.to.stride, sinks.x->accumulate);
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
