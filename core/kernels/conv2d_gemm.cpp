#include "core/kernels/conv2d_gemm.h"

#include <algorithm>

#include "core/kernels/gemm.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// Columns of one group: row p holds, tap by tap, the channels that output pixel p reads. A pointwise convolution reads
// x as it is.
template <class T>
struct Columns {
  Array memory;
  T* data;
  int64_t stride;
};

// f(x pixel or −1 in the padding, column) for each tap of output pixel p.
template <class F>
void for_taps(const Conv2dShape& s, int64_t p, F f) {
  const int64_t n = p / (s.oh * s.ow), i = p / s.ow % s.oh, j = p % s.ow;
  for (int64_t u = 0; u < s.kh; u++)
    for (int64_t v = 0; v < s.kw; v++) {
      const int64_t y = i * s.sh + u * s.dh - s.ph, x = j * s.sw + v * s.dw - s.pw;
      const bool inside = y >= 0 && y < s.h && x >= 0 && x < s.w;
      f(inside ? (n * s.h + y) * s.w + x : -1, (u * s.kw + v) * s.cig());
    }
}

template <class T>
Columns<T> columns_of(const Conv2dShape& s, const View<T>& x, int64_t group, const Array& memory) {
  if (s.pointwise()) return {memory, x.data + group * s.cig(), x.stride};
  const int64_t width = s.taps() * s.cig(), pixels = s.n * s.oh * s.ow;
  T* to = memory.data<T>();
  parallel_chunks(pixels, chunk_count(pixels), [&](int64_t, int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; p++)
      for_taps(s, p, [&](int64_t from, int64_t column) {
        T* at = to + p * width + column;
        if (from < 0)
          std::fill_n(at, s.cig(), T(0));
        else
          std::copy_n(x.pixel(from) + group * s.cig(), s.cig(), at);
      });
  });
  return {memory, to, width};
}
template <class T>
Array column_memory(const Conv2dShape& s) {
  if (s.pointwise()) return {};
  return Array::empty({s.n * s.oh * s.ow, s.taps() * s.cig()}, dtype_of<T>);
}

// gx (+)= what each input pixel receives from its columns.
template <class T>
void add_columns(const Conv2dShape& s, const T* columns, int64_t group, const View<T>& to, bool accumulate) {
  const int64_t width = s.taps() * s.cig(), in = s.h * s.w, out = s.oh * s.ow;
  parallel_for(s.n, [&](int64_t n) {
    if (!accumulate)
      for (int64_t p = n * in; p < (n + 1) * in; p++) std::fill_n(to.pixel(p) + group * s.cig(), s.cig(), T(0));
    for (int64_t p = n * out; p < (n + 1) * out; p++)
      for_taps(s, p, [&](int64_t at, int64_t column) {
        if (at < 0) return;
        T* sum = to.pixel(at) + group * s.cig();
        for (int64_t c = 0; c < s.cig(); c++) sum[c] += columns[p * width + column + c];
      });
  });
}

}  // namespace

bool conv2d_gemm_wins(const Conv2dShape& s) {
  constexpr int64_t kColumnBytes = 64 << 20, kChannels = 128;
  const int64_t pixels = s.n * s.oh * s.ow, width = s.taps() * s.cig();
  if (s.groups > 1 || s.pointwise() || s.ci < kChannels || s.co < kChannels) return false;
  return s.oh * s.ow <= 16 && pixels * width * 4 <= kColumnBytes;
}

template <class T>
StatisticsPtr conv2d_gemm_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                  const Array& z, bool) {
  const View<T> in = values(x).view<T>(), out = z.view<T>();
  const int64_t pixels = s.n * s.oh * s.ow, width = s.taps() * s.cig();
  const Array memory = column_memory<T>(s);
  if (bias.defined())
    parallel_chunks(pixels, chunk_count(pixels), [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; p++) std::copy_n(bias.data<T>(), s.co, out.pixel(p));
    });
  for (int64_t g = 0; g < s.groups; g++) {
    const Columns<T> columns = columns_of<T>(s, in, g, memory);
    const Matrix<T> w{weight.data<T>() + g * s.cog() * width, width, Transpose::yes};
    parallel_gemm<T>(pixels, s.cog(), width, {columns.data, columns.stride}, w, out.data + g * s.cog(), out.stride,
                     bias.defined());
  }
  return nullptr;
}

template <class T>
EpilogueResult conv2d_gemm_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Gradient& gz,
                                    const Conv2dSinks& sinks) {
  const Gradient done = materialise(gz);
  const View<T> g = done.g.view<T>();
  const int64_t pixels = s.n * s.oh * s.ow, width = s.taps() * s.cig(), cog = s.cog();
  const Array memory = sinks.weight || sinks.x ? column_memory<T>(s) : Array{};
  for (int64_t group = 0; group < s.groups; group++) {
    const T* gg = g.data + group * cog;
    if (sinks.weight) {
      const Columns<T> columns = columns_of<T>(s, values(x).view<T>(), group, memory);
      const GradSink::Slot& slot = *sinks.weight;
      // A weight gradient that another operator made may have gaps between its rows.
      const bool packed = slot.to.packed();
      const Array to = packed ? slot.to : Array::empty(slot.to.shape, slot.to.dtype);
      parallel_gemm<T>(cog, width, pixels, {gg, g.stride, Transpose::yes}, {columns.data, columns.stride},
                       to.data<T>() + group * cog * width, width, packed && slot.accumulate);
      if (!packed)
        for (int64_t r = group * cog * s.taps(); r < (group + 1) * cog * s.taps(); r++)
          for (int64_t c = 0; c < s.cig(); c++) {
            T& sum = slot.to.view<T>().pixel(r)[c];
            sum = to.data<T>()[r * s.cig() + c] + (slot.accumulate ? sum : T(0));
          }
    }
    if (sinks.x) {
      const View<T> to = sinks.x->to.view<T>();
      const Matrix<T> w{weight.data<T>() + group * cog * width, width};
      if (s.pointwise()) {
        parallel_gemm<T>(pixels, width, cog, {gg, g.stride}, w, to.data + group * s.cig(), to.stride,
                         sinks.x->accumulate);
      } else {
        parallel_gemm<T>(pixels, width, cog, {gg, g.stride}, w, memory.data<T>(), width, false);
        add_columns<T>(s, memory.data<T>(), group, to, sinks.x->accumulate);
      }
    }
  }
  if (sinks.bias)
    parallel_column_sums<T>(g.data, g.stride, pixels, s.co, sinks.bias->to.data<T>(), sinks.bias->accumulate);
  return {};
}

template StatisticsPtr conv2d_gemm_forward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                  const Array&, bool);
template StatisticsPtr conv2d_gemm_forward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                   const Array&, bool);
template EpilogueResult conv2d_gemm_backward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&,
                                                    const Conv2dSinks&);
template EpilogueResult conv2d_gemm_backward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Gradient&,
                                                     const Conv2dSinks&);

}  // namespace ghost
