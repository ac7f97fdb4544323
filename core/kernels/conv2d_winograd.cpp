// Three stages, block by block of about 64 tiles; a block belongs to one thread, so that everything between its input
// and its result stays in that core's cache:
//   stage     rows of an image with what is pending applied and zeros around them (conv2d_stage.h)
//   transform tiles to 36 elements each, every element a matrix (tiles, channels)
//   multiply  36 products of (tiles, from) · (from, to) by the row kernel
//   back      elements to 4×4 pixels, which are written to their place; statistics or sums are taken of them there
// The gradient of the input is the same with weights turned around. That of the weight sums gradient ⊗ input over tiles
// for each element, chunk by chunk, and transforms the 36 sums back once; with many channels and few tiles elements are
// kept instead, and each sum is made at once by one thread: a chunk of partial sums is larger than the elements then,
// and too few chunks are left for all threads.
//
// Three things count besides the products: a cache line between elements (winograd_element_step), products of few
// channels in passes instead of tiles (isa/dense_passes_impl.h), and fetching the next block while this one is
// multiplied (ahead.h), since little of a whole step is in a cache. Eight channels fill half a vector, so two tiles are
// transformed together then.
#include "core/kernels/conv2d_winograd.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "core/kernels/chunked.h"
#include "core/kernels/conv2d_stage.h"
#include "core/kernels/gradient_target.h"
#include "core/kernels/winograd_products.h"
#include "core/parallel.h"

namespace ghost {
namespace {

constexpr int64_t kSide = 4;  // pixels of a tile

// The image in bands of tiles: band b lies in image b / down, `across` tiles side by side. Blocks of bands are worked
// on at a time; everything follows from the sizes alone.
class Tiling {
 public:
  explicit Tiling(const Conv2dShape& s)
      : height_(s.h), width_(s.w), down_((s.h + kSide - 1) / kSide), across_((s.w + kSide - 1) / kSide) {
    bands_ = s.n * down_;
    // Weights are read once per block: enough tiles to be worth it, few enough that their elements stay near. Where the
    // weights are beyond any cache, blocks are as large as leaves four of them.
    constexpr int64_t kTiles = 64, kItems = 16, kFewItems = 4, kManyWeights = 1 << 20;
    const int64_t items = kWinogradElements * s.ci * s.co > kManyWeights ? kFewItems : kItems;
    per_block_ = std::max<int64_t>(1, std::min(kTiles / across_, (bands_ + items - 1) / items));
    blocks_ = (bands_ + per_block_ - 1) / per_block_;
  }
  int64_t blocks() const { return blocks_; }
  int64_t across() const { return across_; }
  int64_t most_tiles() const { return per_block_ * across_; }
  int64_t tiles() const { return bands_ * across_; }
  int64_t first_tile(int64_t block) const { return block * per_block_ * across_; }

  // Bands of one image that follow each other within a block.
  struct Run {
    int64_t image, first, count;  // bands within the image
    int64_t tile;                 // of the first one, within the block
  };
  template <class F>
  void for_runs(int64_t block, F f) const {
    const int64_t begin = block * per_block_, end = std::min(begin + per_block_, bands_);
    for (int64_t b = begin; b < end;) {
      const int64_t image = b / down_, last = std::min(end, (image + 1) * down_);
      f(Run{image, b - image * down_, last - b, (b - begin) * across_});
      b = last;
    }
  }
  int64_t first_pixel(int64_t block) const {
    const int64_t band = std::min(block * per_block_, bands_), image = band / down_;
    return pixel(image, band - image * down_);
  }
  int64_t tiles_of(int64_t block) const {
    return (std::min(block * per_block_ + per_block_, bands_) - block * per_block_) * across_;
  }
  // Rows that band i of an image has, its first pixel, and the axes with one pixel of padding around whole tiles.
  int64_t rows(int64_t band) const { return std::min(kSide, height_ - band * kSide); }
  int64_t pixel(int64_t image, int64_t band) const { return (image * height_ + band * kSide) * width_; }
  StagedAxis rows_read(int64_t first, int64_t count) const { return {count * kSide + 2, first * kSide - 1, 1}; }
  StagedAxis columns_read() const { return {across_ * kSide + 2, -1, 1}; }

 private:
  int64_t height_, width_, down_, across_, bands_, per_block_ = 1, blocks_ = 0;
};

// The block that the thread at work on this one most likely takes next, or none (−1): chunks are handed out in the
// order of the sweep.
int64_t next_block(int64_t block, int64_t end, int64_t chunk, int64_t chunks, int64_t blocks, const Sweep& sweep) {
  if (block + 1 < end) return block + 1;
  const int64_t next = sweep.later(chunk, threads(), chunks);
  return next >= 0 ? blocks * next / chunks : -1;
}

// From a staged run to results in place: transform, multiply, transform back.
template <class T>
void transform_in(const Tiling& tiling, const Tiling::Run& run, const PixelBlock<T>& staged, int64_t corner,
                  int64_t channels, int64_t tiles, T* elements, void (*transform)(const WinogradInput<T>&)) {
  for (int64_t i = 0; i < run.count; i++)
    transform({.tiles = tiling.across(),
               .channels = channels,
               .pixels = staged.data + (i * kSide + corner) * staged.row + corner * staged.step,
               .row = staged.row,
               .step = staged.step,
               .elements = elements + (run.tile + i * tiling.across()) * channels,
               .element_step = winograd_element_step(tiles, channels)});
}

// A band of tiles to where its pixels lie; by way of memory of this thread where they are stored otherwise than they
// are computed.
template <class S>
void write_band(WinogradOutput<Compute<S>> band, S* to) {
  using T = Compute<S>;
  if constexpr (std::is_same_v<S, T>) {
    band.pixels = to;
    rows<T>().winograd_output(band);
  } else {
    const int64_t row = band.row, step = band.step, c = band.channels, width = band.columns;
    const bool accumulate = std::exchange(band.accumulate, false);
    T* pixels = scratch<T>(ScratchSlot::result, band.rows * width * c);
    band.pixels = pixels, band.row = width * c, band.step = c;
    rows<T>().winograd_output(band);
    for (int64_t y = 0; y < band.rows; y++)
      passes<S>().put(to + y * row, step, pixels + y * width * c, c, width, c, accumulate);
  }
}

// Output channels of the input's gradient whose weights are transformed at a time. The transformed weights of many
// channels are larger than all else that a step keeps for so small a map, so they are made in parts. Each part stages
// the gradient again.
int64_t columns_at_once(const Conv2dShape& s, int64_t lanes) {
  constexpr int64_t kWeights = 5 << 20;
  const int64_t parts = (kWinogradElements * s.ci * s.co + kWeights - 1) / kWeights,
                columns = (s.ci + parts - 1) / parts;
  return (columns + lanes - 1) / lanes * lanes;
}

// The weight's gradient alone, where elements are kept: they and the transformed weights that the input's gradient
// needs are the largest there is then, so one follows the other, at the price of staging the gradient twice.
template <class S>
void kept_weight_gradient(const Conv2dShape& s, const Tiling& tiling, const PixelReader<S>& values,
                          const PixelReader<S>& gradient, WinogradWeightSums<Compute<S>>& sums,
                          const GradSink::Slot& slot) {
  using T = Compute<S>;
  for (int64_t first = 0; first < tiling.blocks(); first += sums.blocks_kept()) {
    const int64_t count = std::min(sums.blocks_kept(), tiling.blocks() - first), first_tile = tiling.first_tile(first);
    parallel_chunks(count, chunk_count(count), [&](int64_t, int64_t begin, int64_t end) {
      typename PixelReader<S>::Margins around_x, around_g;
      for (int64_t block = first + begin; block < first + end; block++) {
        const auto at = sums.place(tiling.first_tile(block) - first_tile);
        tiling.for_runs(block, [&](const Tiling::Run& run) {
          const StagedAxis rows_read = tiling.rows_read(run.first, run.count), columns = tiling.columns_read();
          const PixelBlock<T> g = gradient.stage(ScratchSlot::gradient, run.image, rows_read, columns, around_g);
          transform_in(tiling, run, g, 1, s.co, at.tiles, at.q, rows<T>().winograd_gradient);
          const PixelBlock<T> in = values.stage(ScratchSlot::values, run.image, rows_read, columns, around_x);
          transform_in(tiling, run, in, 0, s.ci, at.tiles, at.v, rows<T>().winograd_input);
        });
      }
    });
    const int64_t next = first + count;
    sums.write_kept(slot, std::min(tiling.first_tile(next), tiling.tiles()) - first_tile, next == tiling.blocks());
  }
}

}  // namespace

bool conv2d_winograd_able(const Conv2dShape& s) {
  return s.groups == 1 && s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.ph == 1 && s.pw == 1 && s.dh == 1 &&
         s.dw == 1;
}

bool conv2d_winograd_wins(const Conv2dShape& s) {
  // With fewer channels the transforms cost more than the products save; a smaller map fills little of its tiles.
  constexpr int64_t kChannels = 8, kProduct = 128, kLeastSide = 3;
  return conv2d_winograd_able(s) && std::min(s.ci, s.co) >= kChannels && s.ci * s.co >= kProduct && s.h >= kLeastSide &&
         s.w >= kLeastSide;
}

template <class S>
StatisticsPtr conv2d_winograd_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                      const Array& z, bool statistics) {
  using T = Compute<S>;
  const Tiling tiling(s);
  const WinogradProducts<T> products(s, weight.data<T>(), false);
  auto in = PixelReader<S>::values(*x, s.h, s.w);
  in.plan(tiling.rows_read(0, 1), tiling.columns_read());
  const View<S> out = z.view<S>();
  const int64_t chunks = chunk_count(tiling.blocks());
  ChunkedStatistics<S> taken(statistics ? chunks : 0, s.co);
  const Sweep sweep = Sweep::next();
  parallel_sweep(tiling.blocks(), chunks, sweep, [&](int64_t chunk, int64_t begin, int64_t end) {
    T* v = scratch<T>(ScratchSlot::elements, kWinogradElements * winograd_element_step(tiling.most_tiles(), s.ci));
    T* m = scratch<T>(ScratchSlot::products, kWinogradElements * winograd_element_step(tiling.most_tiles(), s.co));
    typename PixelReader<S>::Margins around;
    for (int64_t block = begin; block < end; block++) {
      const int64_t tiles = tiling.tiles_of(block);
      tiling.for_runs(block, [&](const Tiling::Run& run) {
        const PixelBlock<T> staged = in.stage(ScratchSlot::values, run.image, tiling.rows_read(run.first, run.count),
                                              tiling.columns_read(), around);
        transform_in(tiling, run, staged, 0, s.ci, tiles, v, rows<T>().winograd_input);
      });
      Ahead ahead;
      ahead.add(out.pixel(tiling.first_pixel(block)), out.pixel(tiling.first_pixel(block + 1)));
      if (const int64_t next = next_block(block, end, chunk, chunks, tiling.blocks(), sweep); next >= 0)
        in.announce(ahead, tiling.first_pixel(next), tiling.first_pixel(next + 1));
      products(tiles, v, m, ahead);
      tiling.for_runs(block, [&](const Tiling::Run& run) {
        for (int64_t i = 0; i < run.count; i++) {
          const int64_t band = run.first + i, height = tiling.rows(band);
          S* to = out.pixel(tiling.pixel(run.image, band));
          write_band<S>({.tiles = tiling.across(),
                         .channels = s.co,
                         .elements = m + (run.tile + i * tiling.across()) * s.co,
                         .element_step = winograd_element_step(tiles, s.co),
                         .tile_step = s.co,
                         .bias = bias.defined() ? bias.data<T>() : nullptr,
                         .pixels = nullptr,
                         .row = s.w * out.stride,
                         .step = out.stride,
                         .rows = height,
                         .columns = s.w,
                         .accumulate = false},
                        to);
          if (statistics) taken.add_row(chunk, to, out.stride, height * s.w);
        }
      });
    }
  });
  return statistics ? taken.merged() : nullptr;
}

template <class S>
EpilogueResult conv2d_winograd_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                        const Conv2dSinks& sinks) {
  using T = Compute<S>;
  const Tiling tiling(s);
  auto gradient = PixelReader<S>::gradient(gz, s.h, s.w, 1);
  gradient.plan(tiling.rows_read(0, 1), tiling.columns_read());
  const WinogradProducts<T>* products = nullptr;
  std::optional<EpilogueRunner<S>> runner;
  std::optional<PixelReader<S>> values;
  std::optional<WinogradWeightSums<T>> weight_sums;
  int64_t chunks = chunk_count(tiling.blocks());
  if (sinks.weight) {
    values.emplace(PixelReader<S>::values(*x, s.h, s.w));
    values->plan(tiling.rows_read(0, 1), tiling.columns_read());
    weight_sums.emplace(s, tiling.tiles(), tiling.blocks(), tiling.most_tiles());
    if (weight_sums->keeps()) {
      kept_weight_gradient(s, tiling, *values, gradient, *weight_sums, *sinks.weight);
      values.reset(), weight_sums.reset();
    } else {
      chunks = weight_sums->chunks();
    }
  }
  if (!sinks.x && !sinks.bias && !weight_sums) return {};
  if (sinks.x && chunks > 0) runner.emplace(*sinks.x, chunks);
  std::vector<std::vector<double>> bias_sums(sinks.bias ? static_cast<size_t>(chunks) : 0,
                                             std::vector<double>(static_cast<size_t>(s.co), 0));

  std::vector<GradientTarget<S>> targets;
  int64_t first_column = 0, columns = s.ci;  // of the products
  const Sweep sweep = Sweep::next();
  const auto work = [&](int64_t chunk, int64_t begin, int64_t end) {
    const bool first_time = first_column == 0, last_time = first_column + columns == s.ci;
    const int64_t most = tiling.most_tiles();
    T* v = scratch<T>(ScratchSlot::elements, kWinogradElements * winograd_element_step(most, s.co));
    T* m = scratch<T>(ScratchSlot::products, kWinogradElements * winograd_element_step(most, s.ci));
    T* q = scratch<T>(ScratchSlot::gradient_elements, kWinogradElements * winograd_element_step(most, s.co));
    typename PixelReader<S>::Margins around_x, around_g;
    for (int64_t block = begin; block < end; block++) {
      const int64_t tiles = tiling.tiles_of(block);
      // m serves the input's elements first and the products then: v holds the gradient's meanwhile.
      const typename WinogradWeightSums<T>::Place at{q, m, tiles};
      tiling.for_runs(block, [&](const Tiling::Run& run) {
        const PixelBlock<T> g = gradient.stage(ScratchSlot::gradient, run.image, tiling.rows_read(run.first, run.count),
                                               tiling.columns_read(), around_g);
        if (sinks.bias && first_time)
          for (int64_t y = 0; y < run.count * kSide; y++)
            passes<T>().column_sums(bias_sums[static_cast<size_t>(chunk)].data(), g.data + (y + 1) * g.row + g.step,
                                    g.step, s.w, s.co);
        if (products) transform_in(tiling, run, g, 0, s.co, tiles, v, rows<T>().winograd_input);
        if (!weight_sums || !first_time) return;
        transform_in(tiling, run, g, 1, s.co, at.tiles, at.q, rows<T>().winograd_gradient);
        const PixelBlock<T> in = values->stage(ScratchSlot::values, run.image, tiling.rows_read(run.first, run.count),
                                               tiling.columns_read(), around_x);
        transform_in(tiling, run, in, 0, s.ci, at.tiles, at.v, rows<T>().winograd_input);
      });
      Ahead result, later;
      for (const GradientTarget<S>& t : targets)
        result.add(t.to.pixel(tiling.first_pixel(block)), t.to.pixel(tiling.first_pixel(block + 1)));
      if (weight_sums && first_time) weight_sums->add_block(chunk, at, result);
      if (!products) continue;
      if (const int64_t next = next_block(block, end, chunk, chunks, tiling.blocks(), sweep); next >= 0) {
        gradient.announce(later, tiling.first_pixel(next), tiling.first_pixel(next + 1));
        if (values) values->announce(later, tiling.first_pixel(next), tiling.first_pixel(next + 1));
      }
      (*products)(tiles, v, m, later);
      tiling.for_runs(block, [&](const Tiling::Run& run) {
        for (int64_t i = 0; i < run.count; i++) {
          const int64_t band = run.first + i, height = tiling.rows(band), pixel = tiling.pixel(run.image, band);
          for (const GradientTarget<S>& target : targets) {
            target.begin(pixel, height * s.w);
            write_band<S>({.tiles = tiling.across(),
                           .channels = target.to.channels(),
                           .elements = m + (run.tile + i * tiling.across()) * columns + target.first,
                           .element_step = winograd_element_step(tiles, columns),
                           .tile_step = columns,
                           .bias = nullptr,
                           .pixels = nullptr,
                           .row = s.w * target.to.stride,
                           .step = target.to.stride,
                           .rows = height,
                           .columns = s.w,
                           .accumulate = sinks.x->accumulate},
                          target.to.pixel(pixel));
          }
          if (runner && last_time) runner->add(chunk, pixel, height * s.w);
        }
      });
    }
  };
  if (!sinks.x) parallel_sweep(tiling.blocks(), chunks, sweep, work);
  for (const int64_t most = columns_at_once(s, rows<T>().lanes); sinks.x && first_column < s.ci; first_column += most) {
    columns = std::min(most, s.ci - first_column);
    targets.clear();
    for_targets<S>(*sinks.x, first_column, columns, [&](const auto& target) { targets.push_back(target); });
    const WinogradProducts<T> of_columns(s, weight.data<T>(), true, first_column, columns);
    products = &of_columns;
    parallel_sweep(tiling.blocks(), chunks, sweep, work);
  }
  if (weight_sums) weight_sums->write(*sinks.weight);
  if (sinks.bias) {
    T* to = sinks.bias->to.data<T>();
    for (int64_t o = 0; o < s.co; o++) {
      double total = sinks.bias->accumulate ? static_cast<double>(to[o]) : 0;
      for (const auto& chunk : bias_sums) total += chunk[static_cast<size_t>(o)];
      to[o] = static_cast<T>(total);
    }
  }
  return runner ? runner->merged() : EpilogueResult{};
}

template StatisticsPtr conv2d_winograd_forward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                      const Array&, bool);
template StatisticsPtr conv2d_winograd_forward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                       const Array&, bool);
template EpilogueResult conv2d_winograd_backward<float>(const Conv2dShape&, const BodyPtr&, const Array&,
                                                        const Gradient&, const Conv2dSinks&);
template EpilogueResult conv2d_winograd_backward<double>(const Conv2dShape&, const BodyPtr&, const Array&,
                                                         const Gradient&, const Conv2dSinks&);
template StatisticsPtr conv2d_winograd_forward<bf16>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                     const Array&, bool);
template EpilogueResult conv2d_winograd_backward<bf16>(const Conv2dShape&, const BodyPtr&, const Array&,
                                                       const Gradient&, const Conv2dSinks&);

}  // namespace ghost
