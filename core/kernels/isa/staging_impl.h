// Passes over pixels in memory that apply what is pending on values and gradients. They run at the speed of memory if
// what they ask for ahead comes in time and in order (panels.h).
#pragma once
#include "core/kernels/isa/panels.h"
#include "core/kernels/isa/transform.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::Compute;
using ghost::RowGradient;

constexpr int64_t kTransformAhead = 8 << 10, kGradientAhead = 4 << 10;
// Pixels of a block at least, where there are several panels.
constexpr int64_t kLeastStaged = 8;

// D and S are how values are stored that a pass writes and reads; it computes in T, the same for both.
template <class D, class S, int NV, bool Alone, class Last>
__attribute__((noinline)) void copy_panel(const PixelRows<D>& dst, const PixelBlock<S>& src, const Panel& p,
                                          Last last) {
  PanelAt<D, NV, Alone, Last, D*> to(dst, p, last);
  PanelAt<S, NV, Alone, Last> from(src, p, last, kTransformAhead);
  for (int64_t y = p.rows, n = p.pixels; y > 0; y--, to.next_row(), from.next_row())
    for (int64_t x = n; x > 0; x--, to.next_pixel(), from.next_pixel())
#pragma GCC unroll 8
      for (int j = 0; j < NV; j++) from.fetch(j), to.put(j, from.get(j));
}
template <class D, class S>
void copy_rows(const PixelRows<D>& dst, const PixelBlock<S>& src, int64_t h, int64_t w, int64_t c) {
  using T = Compute<S>;
  if (dst.step == c && src.step == c) {  // a row is one run of numbers
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
        copy_panel<D, S, NV, Alone>(dst, src, p, last);
      });
}

template <class D, class S, int NV, bool Alone, class Kind, class Last>
__attribute__((noinline)) void transform_panel(const PixelRows<D>& dst, const PixelBlock<S>& src,
                                               const RowTransform<Compute<S>>& t, const Panel& p, Last last) {
  const PanelTransform<Compute<S>, NV, Alone, Kind> transform(t, p, last);
  PanelAt<D, NV, Alone, Last, D*> to(dst, p, last);
  PanelAt<S, NV, Alone, Last> from(src, p, last, kTransformAhead);
  for (int64_t y = p.rows, n = p.pixels; y > 0; y--, to.next_row(), from.next_row())
    for (int64_t x = n; x > 0; x--, to.next_pixel(), from.next_pixel())
#pragma GCC unroll 8
      for (int j = 0; j < NV; j++) {
        from.fetch(j);
        to.put(j, transform.apply(j, from.get(j)));
      }
}
template <class D, class S>
void transform_rows(const PixelRows<D>& dst, const PixelBlock<S>& src, int64_t h, int64_t w, int64_t c,
                    const RowTransform<Compute<S>>* t) {
  using T = Compute<S>;
  if (h * w * c == 0) return;
  if (!t) return copy_rows(dst, src, h, w, c);
  with_kind(
      *t, [&]<class Kind>(Kind) __attribute__((always_inline)) {
        constexpr int kMost =
            GHOST_VECTOR_REGISTERS == 32 ? panel_vectors<T, Kind>(8, 6) : panel_vectors<T, Kind>(4, 3);
        for_panels<kMost, T>(
            h, w, c, kLeastStaged,
            h * w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
              transform_panel<D, S, NV, Alone, Kind>(dst, src, *t, p, last);
            });
      });
}
template <class S>
void transform_row(S* dst, int64_t dst_step, const S* src, int64_t src_step, int64_t w, int64_t c,
                   const RowTransform<Compute<S>>* t) {
  transform_rows<S, S>({dst, 0, dst_step}, {src, 0, src_step}, 1, w, c, t);
}

// g as it stands: it has just been written.
template <class D, class S>
void put_row(D* dst, int64_t dst_step, const S* g, int64_t g_step, int64_t w, int64_t c, bool accumulate) {
  using T = Compute<S>;
  if (dst_step == c && g_step == c) c *= w, w = 1;  // one run of numbers
  for_channels<T>(
      c, [=](int64_t i, auto lanes) __attribute__((always_inline)) {
        D* d = dst + i;
        const S* from = g + i;
        if (accumulate)
          for (int64_t x = 0; x < w; x++, d += dst_step, from += g_step)
            store(d, load(d, lanes) + load(from, lanes), lanes);
        else
          for (int64_t x = 0; x < w; x++, d += dst_step, from += g_step) store(d, load(from, lanes), lanes);
      });
}

template <class D, class S, int NV, bool Alone, bool Accumulate, class Kind, class Last>
__attribute__((noinline)) void gradient_panel(const PixelRows<D>& dst, const PixelBlock<S>& g, const PixelBlock<S>& raw,
                                              const RowGradient<Compute<S>>& t, const Panel& p, Last last) {
  using T = Compute<S>;
  const PanelTransform<T, NV, Alone, Kind> transform(t.mask, p, last);
  Vector<T> on_g[NV], on_raw[NV], offset[NV];
  load_channels<T, NV, Alone>(on_g, t.on_g, p, last), load_channels<T, NV, Alone>(on_raw, t.on_raw, p, last);
  load_channels<T, NV, Alone>(offset, t.offset, p, last);
  PanelAt<D, NV, Alone, Last, D*> to(dst, p, last);
  PanelAt<S, NV, Alone, Last> from(g, p, last, kGradientAhead), z(raw, p, last, kGradientAhead);
  for (int64_t y = p.rows, n = p.pixels; y > 0; y--, to.next_row(), from.next_row(), z.next_row())
    for (int64_t x = n; x > 0; x--, to.next_pixel(), from.next_pixel(), z.next_pixel()) {
#pragma GCC unroll 4
      for (int j = 0; j < NV; j++) {
        from.fetch(j), z.fetch(j);
        const Vector<T> r = z.get(j);
        const Vector<T> v = on_g[j] * transform.mask(j, r, from.get(j)) + (on_raw[j] * r + offset[j]);
        to.put(j, Accumulate ? v + to.get(j) : v);
      }
    }
}
template <class D, class S>
void gradient_rows(const PixelRows<D>& dst, const PixelBlock<S>& g, const PixelBlock<S>& raw, int64_t h, int64_t w,
                   int64_t c, const RowGradient<Compute<S>>& t, bool accumulate) {
  using T = Compute<S>;
  if (h * w * c == 0) return;
  with_kind(
      t.mask, [&]<class Kind>(Kind) __attribute__((always_inline)) {
        constexpr int kMost =
            GHOST_VECTOR_REGISTERS == 32 ? panel_vectors<T, Kind>(4, 4) : panel_vectors<T, Kind>(2, 2);
        for_panels<kMost, T>(
            h, w, c, kLeastStaged,
            h * w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
              if (accumulate)
                gradient_panel<D, S, NV, Alone, true, Kind>(dst, g, raw, t, p, last);
              else
                gradient_panel<D, S, NV, Alone, false, Kind>(dst, g, raw, t, p, last);
            });
      });
}
template <class D, class S>
void stage_gradient(const PixelRows<D>& dst, const PixelBlock<S>& g, const PixelBlock<S>& raw, int64_t h, int64_t w,
                    int64_t c, const RowGradient<Compute<S>>& t) {
  gradient_rows<D, S>(dst, g, raw, h, w, c, t, false);
}
template <class S>
void gradient_row(S* dst, int64_t dst_step, const S* g, int64_t g_step, const S* raw, int64_t raw_step, int64_t w,
                  int64_t c, const RowGradient<Compute<S>>* t, bool accumulate) {
  if (w * c == 0) return;
  if (!t) return put_row(dst, dst_step, g, g_step, w, c, accumulate);
  gradient_rows<S, S>({dst, 0, dst_step}, {g, 0, g_step}, {raw, 0, raw_step}, 1, w, c, *t, accumulate);
}

template <class S, int NV, bool Alone, class Kind, class Last>
__attribute__((noinline)) void sum_panel(const PixelRows<S>& dst, const PixelBlock<S>& x,
                                         const RowTransform<Compute<S>>& of_x, const PixelBlock<S>& y,
                                         const RowTransform<Compute<S>>& of_y, const Panel& p, Last last) {
  using T = Compute<S>;
  const PanelTransform<T, NV, Alone, Kind> x_transform(of_x, p, last), y_transform(of_y, p, last);
  PanelAt<S, NV, Alone, Last, S*> to(dst, p, last, kGradientAhead);
  PanelAt<S, NV, Alone, Last> u(x, p, last, kGradientAhead), v(y, p, last, kGradientAhead);
  for (int64_t n = p.pixels; n > 0; n--, to.next_pixel(), u.next_pixel(), v.next_pixel()) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; j++) {
      u.fetch(j), v.fetch(j), to.fetch(j);
      to.put(j, x_transform.apply(j, u.get(j)) + y_transform.apply(j, v.get(j)));
    }
  }
}
template <class S>
void sum_row(S* dst, int64_t dst_step, const S* x, int64_t x_step, const RowTransform<Compute<S>>& of_x, const S* y,
             int64_t y_step, const RowTransform<Compute<S>>& of_y, int64_t w, int64_t c) {
  using T = Compute<S>;
  if (w * c == 0) return;
  const auto of_kind = [&]<class Kind>(Kind) __attribute__((always_inline)) {
    constexpr int kMost = GHOST_VECTOR_REGISTERS == 32 ? panel_vectors<T, Kind>(4, 3) : panel_vectors<T, Kind>(2, 2);
    for_panels<kMost, T>(
        1, w, c, kLeastStaged, w, [&]<int NV, bool Alone>(const Panel& p, auto last) __attribute__((always_inline)) {
          sum_panel<S, NV, Alone, Kind>({dst, 0, dst_step}, {x, 0, x_step}, of_x, {y, 0, y_step}, of_y, p, last);
        });
  };
  if (of_x.ceiling || of_y.ceiling)
    of_kind(Bounds{});
  else
    of_kind(Floor{});
}

}  // namespace
