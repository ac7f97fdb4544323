// The row kernels of one instruction set. A unit defines GHOST_VECTOR_BYTES, includes this file and defines its table;
// it exports that and nothing else. No std:: templates and no inline functions of shared headers may be used here: they
// would be weak symbols compiled for this instruction set (tests/isa_symbols_test.cpp).
#pragma once
#include "core/kernels/isa/dense_impl.h"
#include "core/kernels/isa/depthwise_impl.h"
#include "core/kernels/isa/kernel_set.h"
#include "core/kernels/isa/peak_impl.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/isa/winograd_impl.h"

namespace {

using ghost::PixelBlock;
using ghost::PixelRows;
using ghost::RowGradient;
using ghost::RowTransform;

// Pixels that are summed in T before they join the f64 sums.
constexpr int64_t partial_end(int64_t begin, int64_t w) { return begin + 256 < w ? begin + 256 : w; }

// Staging reads from memory, so these loops run at its speed if what they ask for ahead comes in time and in order:
// from there 18 to 24 GB/s in transform_rows on the shapes of GhostNet and 21 to 23 in gradient_rows, with its two
// inputs, a step 4 % faster and one of Ghost-ResNet-56 6 %.
constexpr int64_t kTransformAhead = 8 << 10, kGradientAhead = 4 << 10, kSumsAhead = 8 << 10;
// Pixels of a block at least (for_blocks): to end sums costs more than to come to lines out of order.
constexpr int64_t kLeastStaged = 8, kLeastSummed = 256;

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
  if (h > 1 && src.row != w * src.step) {  // memory is not asked for across rows
    for (int64_t y = 0; y < h; y++)
      transform_rows<T>({dst.data + y * dst.row, 0, dst.step}, {src.data + y * src.row, 0, src.step}, 1, w, c, t);
    return;
  }
  PixelsAhead<T> ahead(src.data, src.step, c, kTransformAhead);
  for_blocks<T>(
      h, w, c, kLeastStaged,
      [ =, &ahead ](int64_t row, int64_t rows, int64_t first, int64_t n, int64_t i, auto lanes)
          __attribute__((always_inline)) {
            T* d = dst.data + row * dst.row + first * dst.step + i;
            const T* s = src.data + row * src.row + first * src.step + i;
            if (!t) {
              for (int64_t y = 0; y < rows; y++, d += dst.row - n * dst.step, s += src.row - n * src.step)
                for (int64_t x = 0; x < n; x++, d += dst.step, s += src.step) {
                  ahead.fetch_next();
                  store(d, load(s, lanes), lanes);
                }
              return;
            }
            const auto scale = load(t->scale + i, lanes), shift = load(t->shift + i, lanes),
                       floor = load(t->floor + i, lanes);
            for (int64_t y = 0; y < rows; y++, d += dst.row - n * dst.step, s += src.row - n * src.step) {
#pragma GCC unroll 4
              for (int64_t x = 0; x < n; x++, d += dst.step, s += src.step) {
                ahead.fetch_next();
                store(d, raised(affine(load(s, lanes), scale, shift), floor), lanes);
              }
            }
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

template <class T>
void gradient_rows(const PixelRows<T>& dst, const PixelBlock<T>& g, const PixelBlock<T>& raw, int64_t h, int64_t w,
                   int64_t c, const RowGradient<T>& t, bool accumulate) {
  if (h * w * c == 0) return;
  if (h > 1 && (g.row != w * g.step || raw.row != w * raw.step)) {  // memory is not asked for across rows
    for (int64_t y = 0; y < h; y++)
      gradient_rows<T>({dst.data + y * dst.row, 0, dst.step}, {g.data + y * g.row, 0, g.step},
                       {raw.data + y * raw.row, 0, raw.step}, 1, w, c, t, accumulate);
    return;
  }
  PixelsAhead<T> g_ahead(g.data, g.step, c, kGradientAhead), raw_ahead(raw.data, raw.step, c, kGradientAhead);
  for_blocks<T>(
      h, w, c, kLeastStaged,
      [ =, &t, &g_ahead, &raw_ahead ](int64_t row, int64_t rows, int64_t first, int64_t n, int64_t i,
                                      auto lanes) __attribute__((always_inline)) {
        T* d = dst.data + row * dst.row + first * dst.step + i;
        const T *from = g.data + row * g.row + first * g.step + i, *z = raw.data + row * raw.row + first * raw.step + i;
        const auto scale = load(t.mask.scale + i, lanes), shift = load(t.mask.shift + i, lanes),
                   floor = load(t.mask.floor + i, lanes);
        const auto on_g = load(t.on_g + i, lanes), on_raw = load(t.on_raw + i, lanes),
                   offset = load(t.offset + i, lanes);
        const Vector<T> zero = {};
        for (int64_t y = 0; y < rows; y++) {
          for (int64_t x = 0; x < n; x++, d += dst.step, from += g.step, z += raw.step) {
            g_ahead.fetch_next(), raw_ahead.fetch_next();
            const Vector<T> r = load(z, lanes);
            const Vector<T> passed = affine(r, scale, shift) > floor ? load(from, lanes) : zero;
            Vector<T> v = on_g * passed + (on_raw * r + offset);
            if (accumulate) v += load(d, lanes);
            store(d, v, lanes);
          }
          d += dst.row - n * dst.step, from += g.row - n * g.step, z += raw.row - n * raw.step;
        }
      });
}
template <class T>
void gradient_row(T* dst, int64_t dst_step, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
                  int64_t c, const RowGradient<T>* t, bool accumulate) {
  if (w * c == 0) return;
  if (!t) return pass_row(dst, dst_step, g, g_step, w, c, accumulate);
  gradient_rows<T>({dst, 0, dst_step}, {g, 0, g_step}, {raw, 0, raw_step}, 1, w, c, *t, accumulate);
}

template <class T>
void sum_row(T* dst, int64_t dst_step, const T* x, int64_t x_step, const RowTransform<T>& of_x, const T* y,
             int64_t y_step, const RowTransform<T>& of_y, int64_t w, int64_t c) {
  if (w * c == 0) return;
  PixelsAhead<T> x_ahead(x, x_step, c, kGradientAhead), y_ahead(y, y_step, c, kGradientAhead),
      dst_ahead(dst, dst_step, c, kGradientAhead);
  for_blocks<T>(
      1, w, c, kLeastStaged,
      [ =, &of_x, &of_y, &x_ahead, &y_ahead, &
        dst_ahead ](int64_t, int64_t, int64_t first, int64_t n, int64_t i, auto lanes) __attribute__((always_inline)) {
        T* d = dst + first * dst_step + i;
        const T *p = x + first * x_step + i, *q = y + first * y_step + i;
        const auto x_scale = load(of_x.scale + i, lanes), x_shift = load(of_x.shift + i, lanes),
                   x_floor = load(of_x.floor + i, lanes), y_scale = load(of_y.scale + i, lanes),
                   y_shift = load(of_y.shift + i, lanes), y_floor = load(of_y.floor + i, lanes);
        for (int64_t k = 0; k < n; k++, d += dst_step, p += x_step, q += y_step) {
          x_ahead.fetch_next(), y_ahead.fetch_next(), dst_ahead.fetch_next();
          store(d,
                raised(affine(load(p, lanes), x_scale, x_shift), x_floor) +
                    raised(affine(load(q, lanes), y_scale, y_shift), y_floor),
                lanes);
        }
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
#if GHOST_VECTOR_BYTES > 16
GHOST_INLINE void add_to(double* to, Vector<double> v, LowerHalf) { store(to, load(to, LowerHalf{}) + v, LowerHalf{}); }
GHOST_INLINE void add_to(double* to, Vector<float> v, LowerHalf) { add_to(to, widened(v, 0), All{}); }
#endif

// Only raw is asked for: g has just been written.
template <class T>
void sums_row(double* sum, double* centred, const T* g, int64_t g_step, const T* raw, int64_t raw_step, int64_t w,
              int64_t c, const RowTransform<T>& mask, const T* mean) {
  if (w * c == 0) return;
  PixelsAhead<T> ahead(raw, raw_step, c, kSumsAhead);
  for_blocks<T>(
      1, w, c, kLeastSummed,
      [ =, &mask, &ahead ](int64_t, int64_t, int64_t first, int64_t n, int64_t i, auto lanes)
          __attribute__((always_inline)) {
            const auto scale = load(mask.scale + i, lanes), shift = load(mask.shift + i, lanes),
                       floor = load(mask.floor + i, lanes), centre = load(mean + i, lanes);
            const Vector<T> zero = {};
            const T *from = g + first * g_step + i, *z = raw + first * raw_step + i;
            Vector<T> s0 = {}, s1 = {}, q0 = {}, q1 = {};  // two chains: one would wait for each addition
            const auto add = [&](Vector<T> & s, Vector<T> & q) __attribute__((always_inline)) {
              ahead.fetch_next();
              const Vector<T> r = load(z, lanes);
              const Vector<T> passed = affine(r, scale, shift) > floor ? load(from, lanes) : zero;
              s += passed, q += passed * (r - centre);
              from += g_step, z += raw_step;
            };
            int64_t x = 0;
            for (; x + 2 <= n; x += 2) add(s0, q0), add(s1, q1);
            if (x < n) add(s0, q0);
            add_to(sum + i, s0 + s1, lanes), add_to(centred + i, q0 + q1, lanes);
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
          .statistics = statistics_row<T>,
          .column_sums = column_sums_row<T>,
          .dense = dense_row<T>,
          .depthwise = depthwise_row<T>,
          .outer_sums = outer_sums<T>,
          .depthwise_sums = depthwise_sums<T>,
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
