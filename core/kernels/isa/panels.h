// Passes over blocks of pixels in memory that need some numbers of each channel: staging, sums, statistics.
//   for a block of pixels, for a panel of up to Most vectors of channels: their numbers into registers, then pixel by
//   pixel, vector by vector
// All channels that fit registers pass at once, so that pixels are read as they lie in memory. With more channels, a
// block is small enough that what one panel leaves of a cache line is near for the next. A column of vectors at a time
// would come to cache lines out of order, in which memory is slower.
#pragma once
#include "core/kernels/isa/vector.h"
#include "core/kernels/rows.h"

namespace {

using ghost::PixelBlock;
using ghost::PixelRows;

struct Panel {
  int64_t y, rows, x, pixels;  // the block
  int64_t first;               // channel
  int64_t before;              // vectors of the block that panels before this one take
  int64_t joined = 1;          // pixels that are taken as one
};

// f.template operator()<NV, Alone>(panel, lanes of the last of NV vectors). Alone: there is no other panel.
template <int NV, bool Alone, class T, class F>
GHOST_INLINE void panel_of(int64_t vectors, int64_t channels, const Panel& p, const F& f) {
  constexpr int L = kLanes<T>;
  if constexpr (NV > 1)
    if (vectors < NV) return panel_of<NV - 1, Alone, T>(vectors, channels, p, f);
  if (channels == NV * L) return f.template operator()<NV, Alone>(p, All{});
#if GHOST_VECTOR_BYTES > 16
  if (channels == NV * L - L / 2) return f.template operator()<NV, Alone>(p, LowerHalf{});
#endif
  f.template operator()<NV, Alone>(p, first_lanes<T>(channels - (NV - 1) * L));
}

// The panels of (h, w, c). Blocks have `least` pixels or more, which share what a panel begins and ends with, and up to
// `most` where they have a single panel. Pixels that fill half a vector are taken two at a time.
template <int Most, class T, class F>
GHOST_INLINE void for_panels(int64_t h, int64_t w, int64_t c, int64_t least, int64_t most, F f) {
  constexpr int64_t kBytes = 8 << 10;  // a quarter of the nearest cache
  constexpr int L = kLanes<T>;
  const int64_t vectors = (c + L - 1) / L, panels = (vectors + Most - 1) / Most;
  const int64_t fit = kBytes / (c * int64_t{sizeof(T)});
  if (panels > 1) most = fit < least ? least : fit;
  const int64_t most_rows = h == 1 || w > most ? 1 : most / w;
  for (int64_t y = 0, rows = 0; y < h; y += rows) {
    rows = h - y < most_rows ? h - y : most_rows;
    for (int64_t x = 0, n = 0; x < w; x += n) {
      n = w - x < most ? w - x : most;
      if constexpr (kTwoPixels<T>)
        if (2 * c == L) {
          if (n >= 2) f.template operator()<1, true>(Panel{y, rows, x, n / 2, 0, 0, 2}, TwoPixels<T>{});
          if (n % 2) f.template operator()<1, true>(Panel{y, rows, x + n - 1, 1, 0, 0}, LowerHalf{});
          continue;
        }
      if (panels == 1) {
        panel_of<Most, true, T>(vectors, c, Panel{y, rows, x, n, 0, 0}, f);
        continue;
      }
      for (int64_t k = 0, v = 0; k < panels; k++) {
        const int64_t next = vectors * (k + 1) / panels, end = next * L < c ? next * L : c;
        panel_of<Most, false, T>(next - v, end - v * L, Panel{y, rows, x, n, v * L, v * rows * n}, f);
        v = next;
      }
    }
  }
}

// The first channel of a panel, which the compiler knows of one that is alone.
template <bool Alone>
GHOST_INLINE int64_t first_of(const Panel& p) {
  return Alone ? 0 : p.first;
}

// NV vectors of numbers that each channel has.
template <class T, int NV, bool Alone, class Last>
GHOST_INLINE void load_channels(Vector<T>* v, const T* channels, const Panel& p, Last last) {
#pragma GCC unroll 8
  for (int j = 0; j < NV; j++) {
    const T* at = channels + first_of<Alone>(p) + j * kLanes<T>;
    v[j] = j + 1 < NV ? load(at) : load(at, of_channels(last));
  }
}

// Where a panel has got to in pixels that it reads, or writes (Pointer: T*), and what it asks of memory meanwhile, a
// vector at a time: its own channels of pixels `ahead` bytes later or more, or, where there are several panels, its
// share of what follows the block, so that all is asked for in the order of memory.
template <class S, int NV, bool Alone, class Last, class Pointer = const S*>
class PanelAt {
  using T = ghost::Compute<S>;

 public:
  template <class Pixels>
  GHOST_INLINE PanelAt(const Pixels& b, const Panel& p, Last last, int64_t ahead = 0)
      : at_(b.data + p.y * b.row + p.x * b.step + first_of<Alone>(p)),
        step_(b.step * p.joined),
        gap_(b.row - step_ * p.pixels),
        ahead_(Alone ? whole_pixels(ahead, b.step) : ahead + (p.before * kLanes<T> - p.first) * kSize),
        last_(of_pixels(last, step_)) {
    if (!Alone) ahead_ += static_cast<int64_t>(reinterpret_cast<uintptr_t>(at_));
  }
  GHOST_INLINE Vector<T> get(int j) const {
    const S* at = at_ + j * kLanes<T>;
    return j + 1 < NV ? load(at) : load(at, last_);
  }
  GHOST_INLINE void put(int j, Vector<T> v) const {
    Pointer at = at_ + j * kLanes<T>;
    if (j + 1 < NV)
      store(at, v);
    else
      store(at, v, last_);
  }
  GHOST_INLINE void fetch(int j) const {
    const uintptr_t at = (Alone ? reinterpret_cast<uintptr_t>(at_) : 0) + static_cast<uintptr_t>(ahead_);
    __builtin_prefetch(reinterpret_cast<const void*>(at + static_cast<uintptr_t>(j * kVector)));
  }
  GHOST_INLINE void next_pixel() {
    at_ += step_;
    if (!Alone) ahead_ += NV * kVector;
  }
  GHOST_INLINE void next_row() { at_ += gap_; }

 private:
  static constexpr int64_t kSize = sizeof(S), kVector = kLanes<T> * kSize;  // bytes of an element, of a vector
  static GHOST_INLINE int64_t whole_pixels(int64_t bytes, int64_t step) {
    return step == 0 ? 0 : (bytes / kSize + step - 1) / step * step * kSize;
  }
  Pointer at_;
  int64_t step_, gap_;
  int64_t ahead_;  // alone: from at_ on, in bytes; else an address
  Last last_;
};

}  // namespace
