#include "train/optim/muon.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/gemm.h"
#include "core/parallel.h"

namespace ghost {
namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;

template <class Body>
void by_elements(int64_t count, const Body& body) {
  parallel_chunks(count, chunk_count(count), [&](int64_t, int64_t begin, int64_t end) { body(begin, end); });
}

template <class T>
double l2_norm(const T* x, int64_t count) {
  const int64_t chunks = chunk_count(count);
  std::vector<double> squares(static_cast<size_t>(chunks));
  parallel_chunks(count, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    double sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    squares[static_cast<size_t>(chunk)] = sum;
  });
  double sum = 0;
  for (const double square : squares) sum += square;
  return std::sqrt(sum);
}

template <class T>
Tensor matrix(int64_t rows, int64_t columns) {
  return Tensor::empty({rows, columns}, std::is_same_v<T, double> ? DType::f64 : DType::f32);
}

}  // namespace

// G is taken on the shorter side, from whose other side the polynomial is the same: (x·xᵀ)·x = x·(xᵀ·x).
template <class T>
void orthogonalise(T* x, int64_t rows, int64_t columns, int64_t steps, double eps) {
  const int64_t count = rows * columns, side = std::min(rows, columns), length = std::max(rows, columns);
  const bool wide = rows <= columns;
  const T shrink = static_cast<T>(1 / std::max(l2_norm(x, count), eps));
  by_elements(count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) x[i] *= shrink;
  });
  Tensor g_memory = matrix<T>(side, side), square_memory = matrix<T>(side, side),
         next_memory = matrix<T>(rows, columns);
  T* const g = g_memory.template mutable_data<T>();
  T* const square = square_memory.template mutable_data<T>();
  T* const next = next_memory.template mutable_data<T>();
  T *now = x, *then = next;
  for (int64_t step = 0; step < steps; ++step) {
    const Matrix<T> m{now, columns}, transposed{now, columns, Transpose::yes};
    parallel_gemm<T>(side, side, length, wide ? m : transposed, wide ? transposed : m, g, side, false);
    parallel_gemm<T>(side, side, side, {g, side}, {g, side}, square, side, false);
    by_elements(side * side, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) g[i] = static_cast<T>(kB) * g[i] + static_cast<T>(kC) * square[i];
    });
    for (int64_t i = 0; i < side; ++i) g[i * side + i] += static_cast<T>(kA);
    const Matrix<T> polynomial{g, side};
    parallel_gemm<T>(rows, columns, side, wide ? polynomial : m, wide ? m : polynomial, then, columns, false);
    std::swap(now, then);
  }
  if (now != x) std::copy_n(now, count, x);
}

template <class T>
void MuonRule::update(const ElementRun<T>& run, const StepValues& values) const {
  if (run.n == 0) return;
  const int64_t rows = run.rows, columns = run.n / rows;
  Tensor memory = matrix<T>(rows, columns);
  T* const u = memory.template mutable_data<T>();
  const T scale = static_cast<T>(values.gradient_scale), m = static_cast<T>(values.momentum), rest = T{1} - m;
  by_elements(run.n, [&](int64_t begin, int64_t end) {
    T* const b = run.slot[0];
    for (int64_t i = begin; i < end; ++i) {
      const T d = run.g[i] * scale, mean = b[i] * m + d * rest;
      b[i] = mean;
      u[i] = nesterov ? mean * m + d * rest : mean;
    }
  });
  orthogonalise(u, rows, columns, ns_steps, eps);
  const auto o = static_cast<double>(rows), i = static_cast<double>(columns);
  const double ratio = match_rms_adamw ? 0.2 * std::sqrt(std::max(o, i)) : std::sqrt(std::max(1.0, o / i));
  const T shrink = static_cast<T>(1 - values.lr * run.weight_decay), size = static_cast<T>(values.lr * ratio);
  by_elements(run.n, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) run.p[k] = run.p[k] * shrink - size * u[k];
  });
}

template void MuonRule::update(const ElementRun<float>&, const StepValues&) const;
template void MuonRule::update(const ElementRun<double>&, const StepValues&) const;
template void orthogonalise(float*, int64_t, int64_t, int64_t, double);
template void orthogonalise(double*, int64_t, int64_t, int64_t, double);

}  // namespace ghost
