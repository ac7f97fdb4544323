// Sums over pixels for each channel. They are taken in T over some hundred pixels, then join totals in f64.
#pragma once
#include "core/kernels/isa/panels.h"
#include "core/kernels/isa/transform.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

// Pixels that are summed in T before they join the f64 sums.
constexpr int64_t partial_end(int64_t begin, int64_t w) { return begin + 256 < w ? begin + 256 : w; }

constexpr int64_t kSumsAhead = 8 << 10, kProductsAhead = 4 << 10;
// Pixels of a block at least, where there are several panels: to end sums costs more than to come to lines out of
// order.
constexpr int64_t kLeastSummed = 256;

// to[k] += v[k] in f64, for the channels of this block.
GHOST_INLINE void add_to(double* to, Vector<double> v, All) { store(to, load(to) + v); }
GHOST_INLINE void add_to(double* to, Vector<double> v, const First<double>& l) { store(to, load(to, l) + v, l); }
// The half of v that begins at this lane, widened to f64. Where maps are small, sums end often: lane by lane that would
// take longer than the pixels.
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
template <class S, int NV, bool Alone, class Kind, class Last, class T = ghost::Compute<S>>
__attribute__((noinline)) void sums_panel(double* sum, double* centred, const PixelBlock<S>& g,
                                          const PixelBlock<S>& raw, const RowTransform<T>& mask, const T* mean,
                                          const Panel& p, Last last) {
  const PanelTransform<T, NV, Alone, Kind> transform(mask, p, last);
  Vector<T> centre[NV], s[kChains<NV>][NV] = {}, q[kChains<NV>][NV] = {};
  load_channels<T, NV, Alone>(centre, mean, p, last);
  PanelAt<S, NV, Alone, Last> from(g, p, last), z(raw, p, last, kSumsAhead);
  const auto add = [&](int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      z.fetch(j);
      const Vector<T> r = z.get(j);
      const Vector<T> passed = transform.mask(j, r, from.get(j));
      s[chain][j] += passed, q[chain][j] += passed * (r - centre[j]);
    }
    from.next_pixel(), z.next_pixel();
  };
  for_chains<NV>(p.pixels, add);
  add_chains<T, NV>(sum, s, p, last), add_chains<T, NV>(centred, q, p, last);
}
template <class S, class T = ghost::Compute<S>>
void sums_row(double* sum, double* centred, const S* g, int64_t g_step, const S* raw, int64_t raw_step, int64_t w,
              int64_t c, const RowTransform<T>& mask, const T* mean) {
  if (w * c == 0) return;
  with_pending_kind(
      mask, [&]<class Kind>(Kind) __attribute__((always_inline)) {
        constexpr int kMost =
            GHOST_VECTOR_REGISTERS == 32 ? panel_vectors<T, Kind>(4, 3) : panel_vectors<T, Kind>(2, 2);
        for_panels<kMost, T>(
            1, w, c, kLeastSummed,
            kLeastSummed, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
              sums_panel<S, NV, Alone, Kind>(sum, centred, {g, 0, g_step}, {raw, 0, raw_step}, mask, mean, p, last);
            });
      });
}

template <class S, int NV, bool Alone, class Kind, class Last, class T = ghost::Compute<S>>
__attribute__((noinline)) void products_panel(double* sum, const PixelBlock<S>& g, const PixelBlock<S>& x,
                                              const RowTransform<T>& of_x, const Panel& p, Last last) {
  const PanelTransform<T, NV, Alone, Kind> transform(of_x, p, last);
  Vector<T> s[kChains<NV>][NV] = {};
  PanelAt<S, NV, Alone, Last> from(g, p, last, kProductsAhead), v(x, p, last, kProductsAhead);
  const auto add = [&](int chain) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      from.fetch(j), v.fetch(j);
      s[chain][j] += from.get(j) * transform.apply(j, v.get(j));
    }
    from.next_pixel(), v.next_pixel();
  };
  for_chains<NV>(p.pixels, add);
  add_chains<T, NV>(sum, s, p, last);
}
template <class S, class T = ghost::Compute<S>>
void products_row(double* sum, const S* g, int64_t g_step, const S* x, int64_t x_step, int64_t w, int64_t c,
                  const RowTransform<T>& of_x) {
  if (w * c == 0) return;
  with_pending_kind(
      of_x, [&]<class Kind>(Kind) __attribute__((always_inline)) {
        constexpr int kMost =
            GHOST_VECTOR_REGISTERS == 32 ? panel_vectors<T, Kind>(4, 4) : panel_vectors<T, Kind>(2, 2);
        for_panels<kMost, T>(
            1, w, c, kLeastSummed,
            kLeastSummed, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
              products_panel<S, NV, Alone, Kind>(sum, {g, 0, g_step}, {x, 0, x_step}, of_x, p, last);
            });
      });
}

template <class S, class T = ghost::Compute<S>>
void statistics_row(double* sum, double* square, const T* pivot, const S* z, int64_t step, int64_t w, int64_t c) {
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        const Vector<T> centre = load(pivot + i, lanes);
        for (int64_t begin = 0, end = 0; begin < w; begin = end) {
          end = partial_end(begin, w);
          const S* from = z + begin * step + i;
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

template <class S, class T = ghost::Compute<S>>
void column_sums_row(double* sum, const S* z, int64_t step, int64_t w, int64_t c) {
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        for (int64_t begin = 0, end = 0; begin < w; begin = end) {
          end = partial_end(begin, w);
          const S* from = z + begin * step + i;
          Vector<T> s0 = {}, s1 = {};
          int64_t x = begin;
          for (; x + 2 <= end; x += 2, from += 2 * step) s0 += load(from, lanes), s1 += load(from + step, lanes);
          if (x < end) s0 += load(from, lanes);
          add_to(sum + i, s0 + s1, lanes);
        }
      });
}

}  // namespace
