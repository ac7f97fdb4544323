// RowTransform in registers: the numbers of a panel's channels, loaded once and applied to vector after vector. A
// transform without ceiling and function keeps no registers for them: there is a kind of transform for each case,
// chosen once per call.
#pragma once
#include "core/kernels/isa/functions.h"
#include "core/kernels/isa/panels.h"
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::RowFunction;
using ghost::RowTransform;

struct Floor {  // max(raw·scale + shift, floor)
  static constexpr bool ceiling = false;
  static constexpr RowFunction function = RowFunction::none;
};
struct Bounds {  // min(that, ceiling)
  static constexpr bool ceiling = true;
  static constexpr RowFunction function = RowFunction::none;
};
template <RowFunction F>
struct Curve {  // F of that
  static constexpr bool ceiling = true;
  static constexpr RowFunction function = F;
};

// f(kind), for the functions of transforms that stay pending.
template <class T, class F>
GHOST_INLINE void with_pending_kind(const RowTransform<T>& t, const F& f) {
  if (t.function == RowFunction::hardswish) return f(Curve<RowFunction::hardswish>{});
  if (t.function == RowFunction::silu) return f(Curve<RowFunction::silu>{});
  if (t.ceiling) return f(Bounds{});
  f(Floor{});
}
// f(kind)
template <class T, class F>
GHOST_INLINE void with_kind(const RowTransform<T>& t, const F& f) {
  switch (t.function) {
    case RowFunction::hard_sigmoid:
      return f(Curve<RowFunction::hard_sigmoid>{});
    case RowFunction::gelu:
      return f(Curve<RowFunction::gelu>{});
    case RowFunction::sigmoid:
      return f(Curve<RowFunction::sigmoid>{});
    case RowFunction::exp:
      return f(Curve<RowFunction::exp>{});
    case RowFunction::log:
      return f(Curve<RowFunction::log>{});
    case RowFunction::sqrt:
      return f(Curve<RowFunction::sqrt>{});
    default:
      with_pending_kind(t, f);
  }
}

// Vectors of channels that a panel has at most: `floor` for Floor, `bounds` for Bounds. A function needs registers of
// its own, and what is not asked for in every step of training is kept small.
template <class T, class Kind>
constexpr int panel_vectors(int floor, int bounds) {
  if (Kind::function == RowFunction::none) return Kind::ceiling ? bounds : floor;
  const bool pends = Kind::function == RowFunction::hardswish || Kind::function == RowFunction::silu;
  return pends && sizeof(T) == sizeof(float) ? 2 : 1;
}

// The transform of NV vectors of channels.
template <class T, int NV, bool Alone, class Kind>
class PanelTransform {
 public:
  template <class Last>
  GHOST_INLINE PanelTransform(const RowTransform<T>& t, const Panel& p, Last last) {
    load_channels<T, NV, Alone>(scale_, t.scale, p, last), load_channels<T, NV, Alone>(shift_, t.shift, p, last);
    load_channels<T, NV, Alone>(floor_, t.floor, p, last);
    if constexpr (Kind::ceiling) {
      if (t.ceiling)
        load_channels<T, NV, Alone>(ceiling_, t.ceiling, p, last);
      else
        for (int j = 0; j < NV; j++) ceiling_[j] = splat(static_cast<T>(__builtin_inf()));
    }
  }
  // The value of vector j.
  GHOST_INLINE Vector<T> apply(int j, Vector<T> raw) const {
    const Vector<T> u = bounded(j, affine(j, raw));
    if constexpr (Kind::function != RowFunction::none)
      return Function<Kind::function>::template value<T>(u);
    else
      return u;
  }
  // The gradient g times the slope. It begins with the sum that apply() begins with, so that forward and backward agree
  // at the kink.
  GHOST_INLINE Vector<T> mask(int j, Vector<T> raw, Vector<T> g) const {
    const Vector<T> v = affine(j, raw), zero = {};
    if constexpr (Kind::function != RowFunction::none)
      return g * Function<Kind::function>::template slope<T>(bounded(j, v));
    else if constexpr (Kind::ceiling)
      return (v > floor_[j]) & (v < ceiling_[j]) ? g : zero;
    else
      return v > floor_[j] ? g : zero;
  }

 private:
  GHOST_INLINE Vector<T> affine(int j, Vector<T> raw) const { return raw * scale_[j] + shift_[j]; }
  GHOST_INLINE Vector<T> bounded(int j, Vector<T> v) const {
    v = at_least(v, floor_[j]);
    if constexpr (Kind::ceiling) v = at_most(v, ceiling_[j]);
    return v;
  }

  Vector<T> scale_[NV], shift_[NV], floor_[NV], ceiling_[Kind::ceiling ? NV : 1];
};

}  // namespace
