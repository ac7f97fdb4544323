#include "core/kernels/conv2d_reference.h"

#include "core/parallel.h"

namespace ghost {
namespace {

// f(pixel of z, pixel of x, tap) for every product in image n.
template <class F>
void for_products(const Conv2dShape& s, int64_t n, F f) {
  for (int64_t i = 0; i < s.oh; i++)
    for (int64_t j = 0; j < s.ow; j++)
      for (int64_t u = 0; u < s.kh; u++)
        for (int64_t v = 0; v < s.kw; v++) {
          const int64_t y = i * s.sh + u * s.dh - s.ph, x = j * s.sw + v * s.dw - s.pw;
          if (y >= 0 && y < s.h && x >= 0 && x < s.w)
            f((n * s.oh + i) * s.ow + j, (n * s.h + y) * s.w + x, u * s.kw + v);
        }
}

template <class T>
void put(T& to, double value, bool accumulate) {
  to = static_cast<T>(accumulate ? static_cast<double>(to) + value : value);
}

}  // namespace

template <class T>
StatisticsPtr conv2d_reference_forward(const Conv2dShape& s, const BodyPtr& x, const Array& weight, const Array& bias,
                                       const Array& z, bool) {
  const View<T> in = values(x).view<T>(), out = z.view<T>();
  const T *w = weight.data<T>(), *b = bias.defined() ? bias.data<T>() : nullptr;
  const int64_t cig = s.cig(), pixels = s.oh * s.ow;
  parallel_for(s.n, [&](int64_t n) {
    std::vector<double> sums(static_cast<size_t>(pixels * s.co), 0);
    for_products(s, n, [&](int64_t to, int64_t from, int64_t tap) {
      for (int64_t o = 0; o < s.co; o++)
        for (int64_t c = 0; c < cig; c++)
          sums[static_cast<size_t>((to - n * pixels) * s.co + o)] +=
              static_cast<double>(in.pixel(from)[o / s.cog() * cig + c]) *
              static_cast<double>(w[(o * s.taps() + tap) * cig + c]);
    });
    for (int64_t p = 0; p < pixels; p++)
      for (int64_t o = 0; o < s.co; o++)
        put(out.pixel(n * pixels + p)[o], sums[static_cast<size_t>(p * s.co + o)] + (b ? static_cast<double>(b[o]) : 0),
            false);
  });
  return nullptr;
}

template <class T>
EpilogueResult conv2d_reference_backward(const Conv2dShape& s, const BodyPtr& x, const Array& weight,
                                         const Gradient& gz, const Conv2dSinks& sinks) {
  const Gradient done = materialise(gz);
  const View<T> g = done.g.view<T>();
  const int64_t cig = s.cig(), cog = s.cog(), pixels = s.h * s.w;
  if (sinks.x) {
    const View<T> to = sinks.x->to.view<T>();
    const T* w = weight.data<T>();
    parallel_for(s.n, [&](int64_t n) {
      std::vector<double> sums(static_cast<size_t>(pixels * s.ci), 0);
      for_products(s, n, [&](int64_t from, int64_t at, int64_t tap) {
        for (int64_t o = 0; o < s.co; o++)
          for (int64_t c = 0; c < cig; c++)
            sums[static_cast<size_t>((at - n * pixels) * s.ci + o / cog * cig + c)] +=
                static_cast<double>(g.pixel(from)[o]) * static_cast<double>(w[(o * s.taps() + tap) * cig + c]);
      });
      for (int64_t p = 0; p < pixels; p++)
        for (int64_t c = 0; c < s.ci; c++)
          put(to.pixel(n * pixels + p)[c], sums[static_cast<size_t>(p * s.ci + c)], sinks.x->accumulate);
    });
  }
  if (sinks.weight) {
    const View<T> in = values(x).view<T>(), to = sinks.weight->to.view<T>();
    std::vector<double> sums(static_cast<size_t>(s.weights()), 0);
    for (int64_t n = 0; n < s.n; n++)
      for_products(s, n, [&](int64_t out, int64_t from, int64_t tap) {
        for (int64_t o = 0; o < s.co; o++)
          for (int64_t c = 0; c < cig; c++)
            sums[static_cast<size_t>((o * s.taps() + tap) * cig + c)] +=
                static_cast<double>(g.pixel(out)[o]) * static_cast<double>(in.pixel(from)[o / cog * cig + c]);
      });
    for (int64_t r = 0; r < s.co * s.taps(); r++)
      for (int64_t c = 0; c < cig; c++)
        put(to.pixel(r)[c], sums[static_cast<size_t>(r * cig + c)], sinks.weight->accumulate);
  }
  if (sinks.bias)
    for (int64_t o = 0; o < s.co; o++) {
      double sum = 0;
      for (int64_t p = 0; p < g.pixels(); p++) sum += static_cast<double>(g.pixel(p)[o]);
      put(sinks.bias->to.data<T>()[o], sum, sinks.bias->accumulate);
    }
  return {};
}

template StatisticsPtr conv2d_reference_forward<float>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                       const Array&, bool);
template StatisticsPtr conv2d_reference_forward<double>(const Conv2dShape&, const BodyPtr&, const Array&, const Array&,
                                                        const Array&, bool);
template EpilogueResult conv2d_reference_backward<float>(const Conv2dShape&, const BodyPtr&, const Array&,
                                                         const Gradient&, const Conv2dSinks&);
template EpilogueResult conv2d_reference_backward<double>(const Conv2dShape&, const BodyPtr&, const Array&,
                                                          const Gradient&, const Conv2dSinks&);

}  // namespace ghost
