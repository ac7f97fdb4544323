// The row kernels of one instruction set. A unit defines GHOST_VECTOR_BYTES, includes this file and defines its table;
// it exports that and nothing else. No std:: templates and no inline functions of shared headers may be used here: they
// would be weak symbols compiled for this instruction set (tests/isa_symbols_test.cpp).
#pragma once
#include "core/kernels/isa/dense_impl.h"
#include "core/kernels/isa/depthwise_impl.h"
#include "core/kernels/isa/grouped_impl.h"
#include "core/kernels/isa/kernel_set.h"
#include "core/kernels/isa/panels.h"
#include "core/kernels/isa/peak_impl.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/isa/winograd_impl.h"

namespace {

using ghost::RowGradient;
using ghost::RowTransform;

// Pixels that are summed in T before they join the f64 sums.
constexpr int64_t partial_end(int64_t begin, int64_t w) { return begin + 256 < w ? begin + 256 : w; }

// Staging reads from memory, so these loops run at its speed if what they ask for ahead comes in time and in order
// (panels.h).
constexpr int64_t kTransformAhead = 8 << 10, kGradientAhead = 4 << 10, kSumsAhead = 8 << 10;
// Pixels of a block at least, where there are several panels: to end sums costs more than to come to lines out of
// order.
constexpr int64_t kLeastStaged = 8, kLeastSummed = 256;

// Copy: without transform
template <class T, int NV, bool Alone, bool Copy, class Last>
__attribute__((noinline)) void transform_panel(const PixelRows<T>& dst, const PixelBlock<T>& src,
                                               const RowTransform<T>* t, const Panel& p, Last last) {
  Vector<T> scale[NV], shift[NV], floor[NV];
  if constexpr (!Copy) {
    load_channels<T, NV>(scale, t->scale, p, last), load_channels<T, NV>(shift, t->shift, p, last);
    load_channels<T, NV>(floor, t->floor, p, last);
  }
  PanelAt<T, NV, Alone, Last, T*> to(dst, p, last);
  PanelAt<T, NV, Alone, Last> from(src, p, last, kTransformAhead);
  for (int64_t y = p.rows, n = p.pixels; y > 0; y--, to.next_row(), from.next_row())
    for (int64_t x = n; x > 0; x--, to.next_pixel(), from.next_pixel())
#pragma GCC unroll 8
      for (int j = 0; j < NV; j++) {
        from.fetch(j);
        to.put(j, Copy ? from.get(j) : raised(affine(from.get(j), scale[j], shift[j]), floor[j]));
      }
}

template <class T>
void transform_rows(const PixelRows<T>& dst, const PixelBlock<T>& src, int64_t h, int64_t w, int64_t c,
                    const RowTransform<T>* t) {
  if (h * w * c == 0) return;
  if (!t && dst.step == c && src.step == c) {  // a row is one run of numbers
    for (int64_t y = 0; y < h; y++)
      for_channels<T>(
          w * c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
            fetch_ahead(src.data + y * src.row + i, kTransformAhead);
            store(dst.data + y * dst.row + i, load(src.data + y * src.row + i, lanes), lanes);
          });
    return;
  }
  constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? 8 : 4;
  for_panels<kMost, T>(
      h, w, c, kLeastStaged, h * w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
        if (t)
          transform_panel<T, NV, Alone, false>(dst, src, t, p, last);
        else
          transform_panel<T, NV, Alone, true>(dst, src, t, p, last);
      });
}
template <class T>
void transform_row(T* dst, int64_t dst_step, const T* src, int64_t src_step, int64_t w, int64_t c,
                   const RowTransform<T>* t) {
  transform_rows<T>({dst, 0, dst_step}, {src, 0, src_step}, 1, w, c, t);
}

// g as it stands: it has just been written.
template <class T>
void pass_row(T* dst, int64_t dst_step, const T* g, int64_t g_step, int64_t w, int64_t c, bool accumulate) {
  if (dst_step == c && g_step == c) c *= w, w = 1;  // one run of numbers
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        T* d = dst + i;
        const T* from = g + i;
        if (accumulate)
          for (int64_t x = 0; x < w; x++, d += dst_step, from += g_step)
            store(d, load(d, lanes) + load(from, lanes), lanes);
        else
          for (int64_t x = 0; x < w; x++, d += dst_step, from += g_step) store(d, load(from, lanes), lanes);
      });
}

template <class T, int NV, bool Alone, bool Accumulate, class Last>
__attribute__((noinline)) void gradient_panel(const PixelRows<T>& dst, const PixelBlock<T>& g, const PixelBlock<T>& raw,
                                              const RowGradient<T>& t, const Panel& p, Last last) {
  Vector<T> scale[NV], shift[NV], floor[NV], on_g[NV], on_raw[NV], offset[NV];
  load_channels<T, NV>(scale, t.mask.scale, p, last), load_channels<T, NV>(shift, t.mask.shift, p, last);
  load_channels<T, NV>(floor, t.mask.floor, p, last), load_channels<T, NV>(on_g, t.on_g, p, last);
  load_channels<T, NV>(on_raw, t.on_raw, p, last), load_channels<T, NV>(offset, t.offset, p, last);
  PanelAt<T, NV, Alone, Last, T*> to(dst, p, last);
  PanelAt<T, NV, Alone, Last> from(g, p, last, kGradientAhead), z(raw, p, last, kGradientAhead);
  const Vector<T> zero = {};
  for (int64_t y = p.rows, n = p.pixels; y > 0; y--, to.next_row(), from.next_row(), z.next_row())
    for (int64_t x = n; x > 0; x--, to.next_pixel(), from.next_pixel(), z.next_pixel()) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) {
        from.fetch(j), z.fetch(j);
        const Vector<T> r = z.get(j);
        const Vector<T> passed = affine(r, scale[j], shift[j]) > floor[j] ? from.get(j) : zero;
        const Vector<T> v = on_g[j] * passed + (on_raw[j] * r + offset[j]);
        to.put(j, Accumulate ? v + to.get(j) : v);
      }
    }
}
template <class T>
void gradient_rows(const PixelRows<T>& dst, const PixelBlock<T>& g, const PixelBlock<T>& raw, int64_t h, int64_t w,
                   int64_t c, const RowGradient<T>& t, bool accumulate) {
  if (h * w * c == 0) return;
  constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? 4 : 2;
  for_panels<kMost, T>(
      h, w, c, kLeastStaged, h * w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
        if (accumulate)
          gradient_panel<T, NV, Alone, true>(dst, g, raw, t, p, last);
        else
          gradient_panel<T, NV, Alone, false>(dst, g, raw, t, p, last);
      });
}
template <class T>
void gradient_row(T* dst, int64_t dst_step, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
                  int64_t c, const RowGradient<T>* t, bool accumulate) {
  if (w * c == 0) return;
  if (!t) return pass_row(dst, dst_step, g, g_step, w, c, accumulate);
  gradient_rows<T>({dst, 0, dst_step}, {g, 0, g_step}, {raw, 0, raw_step}, 1, w, c, *t, accumulate);
}

template <class T, int NV, bool Alone, class Last>
__attribute__((noinline)) void sum_panel(const PixelRows<T>& dst, const PixelBlock<T>& x, const RowTransform<T>& of_x,
                                         const PixelBlock<T>& y, const RowTransform<T>& of_y, const Panel& p,
                                         Last last) {
  Vector<T> x_scale[NV], x_shift[NV], x_floor[NV], y_scale[NV], y_shift[NV], y_floor[NV];
  load_channels<T, NV>(x_scale, of_x.scale, p, last), load_channels<T, NV>(y_scale, of_y.scale, p, last);
  load_channels<T, NV>(x_shift, of_x.shift, p, last), load_channels<T, NV>(y_shift, of_y.shift, p, last);
  load_channels<T, NV>(x_floor, of_x.floor, p, last), load_channels<T, NV>(y_floor, of_y.floor, p, last);
  PanelAt<T, NV, Alone, Last, T*> to(dst, p, last, kGradientAhead);
  PanelAt<T, NV, Alone, Last> u(x, p, last, kGradientAhead), v(y, p, last, kGradientAhead);
  for (int64_t n = p.pixels; n > 0; n--, to.next_pixel(), u.next_pixel(), v.next_pixel()) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      u.fetch(j), v.fetch(j), to.fetch(j);
      to.put(j, raised(affine(u.get(j), x_scale[j], x_shift[j]), x_floor[j]) +
                    raised(affine(v.get(j), y_scale[j], y_shift[j]), y_floor[j]));
    }
  }
}
template <class T>
void sum_row(T* dst, int64_t dst_step, const T* x, int64_t x_step, const RowTransform<T>& of_x, const T* y,
             int64_t y_step, const RowTransform<T>& of_y, int64_t w, int64_t c) {
  if (w * c == 0) return;
  constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? 4 : 2;
  for_panels<kMost, T>(
      1, w, c, kLeastStaged, w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
        sum_panel<T, NV, Alone>({dst, 0, dst_step}, {x, 0, x_step}, of_x, {y, 0, y_step}, of_y, p, last);
      });
}

// to[k] += v[k] in f64, for the channels of this block.
GHOST_INLINE void add_to(double* to, Vector<double> v, All) { store(to, load(to) + v); }
GHOST_INLINE void add_to(double* to, Vector<double> v, const First<double>& l) { store(to, load(to, l) + v, l); }
// The half of v that begins at this lane, widened: sums end often where maps are small, and lane by lane that cost more
// than the pixels.
GHOST_INLINE Vector<double> widened(Vector<float> v, int first) {
  using Half __attribute__((vector_size(GHOST_VECTOR_BYTES / 2), aligned(alignof(float)), may_alias)) = float;
  float part[kLanes<float>];
  store(part, v);
  return __builtin_convertvector(*reinterpret_cast<const Half*>(part + first), Vector<double>);
}
GHOST_INLINE void add_to(double* to, Vector<float> v, All) {
  constexpr int H = kLanes<double>;
  add_to(to, widened(v, 0), All{}), add_to(to + H, widened(v, H), All{});
}
GHOST_INLINE void add_to(double* to, Vector<float> v, const First<float>& l) {
  constexpr int H = kLanes<double>;
  add_to(to, widened(v, 0), first_lanes<double>(l.count < H ? l.count : H));
  if (l.count > H) add_to(to + H, widened(v, H), first_lanes<double>(l.count - H));
}
#if GHOST_VECTOR_BYTES == 64
GHOST_INLINE void add_to(double* to, Vector<float> v, TwoPixels<float>) {
  add_to(to, widened(v, 0) + widened(v, kLanes<double>), All{});
}
#endif
#if GHOST_VECTOR_BYTES > 16
GHOST_INLINE void add_to(double* to, Vector<double> v, LowerHalf) { store(to, load(to, LowerHalf{}) + v, LowerHalf{}); }
GHOST_INLINE void add_to(double* to, Vector<float> v, LowerHalf) { add_to(to, widened(v, 0), All{}); }
#endif

// Sums of a single vector are taken in two chains, pixel by pixel in turns: one would wait for each addition.
template <int NV>
constexpr int kChains = NV == 1 ? 2 : 1;
template <int NV, class F>
GHOST_INLINE void for_chains(int64_t pixels, F add) {
  for (; pixels >= 2; pixels -= 2) add(0), add(kChains<NV> - 1);
  if (pixels > 0) add(0);
}
template <class T, int NV, class Last>
GHOST_INLINE void add_chains(double* to, const Vector<T> (&s)[kChains<NV>][NV], const Panel& p, Last last) {
#pragma GCC unroll 4
  for (int j = 0; j < NV; j++) {
    const Vector<T> sum = kChains<NV> == 2 ? s[0][j] + s[kChains<NV> - 1][j] : s[0][j];
    if (j + 1 < NV)
      add_to(to + p.first + j * kLanes<T>, sum, All{});
    else
      add_to(to + p.first + j * kLanes<T>, sum, last);
  }
}

// Only raw is asked for: g has just been written.
template <class T, int NV, bool Alone, class Last>
__attribute__((noinline)) void sums_panel(double* sum, double* centred, const PixelBlock<T>& g,
                                          const PixelBlock<T>& raw, const RowTransform<T>& mask, const T* mean,
                                          const Panel& p, Last last) {
  Vector<T> scale[NV], shift[NV], floor[NV], centre[NV], s[kChains<NV>][NV] = {}, q[kChains<NV>][NV] = {};
  load_channels<T, NV>(scale, mask.scale, p, last), load_channels<T, NV>(shift, mask.shift, p, last);
  load_channels<T, NV>(floor, mask.floor, p, last), load_channels<T, NV>(centre, mean, p, last);
  PanelAt<T, NV, Alone, Last> from(g, p, last), z(raw, p, last, kSumsAhead);
  const Vector<T> zero = {};
  const auto add = [&](int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      z.fetch(j);
      const Vector<T> r = z.get(j);
      const Vector<T> passed = affine(r, scale[j], shift[j]) > floor[j] ? from.get(j) : zero;
      s[chain][j] += passed, q[chain][j] += passed * (r - centre[j]);
    }
    from.next_pixel(), z.next_pixel();
  };
  for_chains<NV>(p.pixels, add);
  add_chains<T, NV>(sum, s, p, last), add_chains<T, NV>(centred, q, p, last);
}
template <class T>
void sums_row(double* sum, double* centred, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
              int64_t c, const RowTransform<T>& mask, const T* mean) {
  if (w * c == 0) return;
  constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? 4 : 2;
  for_panels<kMost, T>(
      1, w, c, kLeastSummed,
      kLeastSummed, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
        sums_panel<T, NV, Alone>(sum, centred, {g, 0, g_step}, {raw, 0, raw_step}, mask, mean, p, last);
      });
}

template <class T, int NV, bool Alone, class Last>
__attribute__((noinline)) void products_panel(double* sum, const PixelBlock<T>& g, const PixelBlock<T>& x,
                                              const RowTransform<T>& of_x, const Panel& p, Last last) {
  Vector<T> scale[NV], shift[NV], floor[NV], s[kChains<NV>][NV] = {};
  load_channels<T, NV>(scale, of_x.scale, p, last), load_channels<T, NV>(shift, of_x.shift, p, last);
  load_channels<T, NV>(floor, of_x.floor, p, last);
  PanelAt<T, NV, Alone, Last> from(g, p, last, kGradientAhead), v(x, p, last, kGradientAhead);
  const auto add = [&](int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      from.fetch(j), v.fetch(j);
      s[chain][j] += from.get(j) * raised(affine(v.get(j), scale[j], shift[j]), floor[j]);
    }
    from.next_pixel(), v.next_pixel();
  };
  for_chains<NV>(p.pixels, add);
  add_chains<T, NV>(sum, s, p, last);
}
template <class T>
void products_row(double* sum, const T* g, int64_t g_step, const T* x, int64_t x_step, int64_t w, int64_t c,
                  const RowTransform<T>& of_x) {
  if (w * c == 0) return;
  constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? 4 : 2;
  for_panels<kMost, T>(
      1, w, c, kLeastSummed,
      kLeastSummed, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
        products_panel<T, NV, Alone>(sum, {g, 0, g_step}, {x, 0, x_step}, of_x, p, last);
      });
}

template <class T>
void statistics_row(double* sum, double* square, const T* pivot, const T* z, int64_t step, int64_t w, int64_t c) {
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        const Vector<T> centre = load(pivot + i, lanes);
        for (int64_t begin = 0, end = 0; begin < w; begin = end) {
          end = partial_end(begin, w);
          const T* from = z + begin * step + i;
          Vector<T> s0 = {}, s1 = {}, q0 = {}, q1 = {};
          const auto add = [&](Vector<T> & s, Vector<T> & q) __attribute__((always_inline)) {
            const Vector<T> v = load(from, lanes) - centre;
            s += v, q += v * v;
            from += step;
          };
          int64_t x = begin;
          for (; x + 2 <= end; x += 2) add(s0, q0), add(s1, q1);
          if (x < end) add(s0, q0);
          add_to(sum + i, s0 + s1, lanes), add_to(square + i, q0 + q1, lanes);
        }
      });
}

template <class T>
void column_sums_row(double* sum, const T* z, int64_t step, int64_t w, int64_t c) {
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        for (int64_t begin = 0, end = 0; begin < w; begin = end) {
          end = partial_end(begin, w);
          const T* from = z + begin * step + i;
          Vector<T> s0 = {}, s1 = {};
          int64_t x = begin;
          for (; x + 2 <= end; x += 2, from += 2 * step) s0 += load(from, lanes), s1 += load(from + step, lanes);
          if (x < end) s0 += load(from, lanes);
          add_to(sum + i, s0 + s1, lanes);
        }
      });
}

template <class T>
constexpr ghost::RowKernels<T> row_kernels() {
  return {.transform = transform_row<T>,
          .gradient = gradient_row<T>,
          .transform_rows = transform_rows<T>,
          .gradient_rows = gradient_rows<T>,
          .sum = sum_row<T>,
          .sums = sums_row<T>,
          .products = products_row<T>,
          .statistics = statistics_row<T>,
          .column_sums = column_sums_row<T>,
          .dense = dense_row<T>,
          .depthwise = depthwise_row<T>,
          .outer_sums = outer_sums<T>,
          .depthwise_sums = depthwise_sums<T>,
          .grouped = grouped_row<T>,
          .grouped_sums = grouped_sums<T>,
          .winograd_input = winograd_input<T>,
          .winograd_gradient = winograd_gradient<T>,
          .winograd_output = winograd_output<T>,
          .winograd_weights = winograd_weights<T>,
          .winograd_weight_gradient = winograd_weight_gradient<T>,
          .peak = peak_rounds<T>,
          .peak_flops = peak_flops<T>(),
          .lanes = kLanes<T>,
          .max_vectors = max_vectors(),
          .paired_columns = paired_columns<T>()};
}

constexpr ghost::isa::KernelSet kernel_set(const char* name) {
  return {.name = name, .vector_bytes = GHOST_VECTOR_BYTES, .f32 = row_kernels<float>(), .f64 = row_kernels<double>()};
}

}  // namespace
