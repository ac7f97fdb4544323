#include "core/kernels/gemm.h"

#include <algorithm>
#include <cblas.h>
#include <limits>
#include <omp.h>
#include <sstream>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/kernels/rows.h"
#include "core/parallel.h"

namespace ghost {
namespace {

// Also the first call of all, from which the library's own tables are set up, so that no two threads do that at once.
void set_up() {
  // OpenBLAS asks OpenMP how many threads to use, and OpenMP keeps that number for each calling thread: a thread of
  // ours that has not said 1 would start a team of its own inside our loop.
  static thread_local const bool alone = (omp_set_num_threads(1), true);
  (void)alone;
  static const bool done = [] {
    openblas_set_num_threads(1);
    const float one = 1;
    float product = 0;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, 1, 1, 1, 1, &one, 1, &one, 1, 0, &product, 1);
    return true;
  }();
  (void)done;
}

int as_int(int64_t v) {
  if (v > std::numeric_limits<int>::max()) fail("gemm: a size of {} is beyond what BLAS counts", v);
  return static_cast<int>(v);
}

}  // namespace

template <class T>
void gemm(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_stride,
          bool accumulate) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (!accumulate)
      for (int64_t i = 0; i < m; i++) std::fill_n(c + i * c_stride, n, T(0));
    return;
  }
  set_up();
  const auto form = [](Transpose t) { return t == Transpose::yes ? CblasTrans : CblasNoTrans; };
  // BLAS insists on strides of at least a row, even where there is one row only.
  const auto stride = [&](const Matrix<T>& x, int64_t rows, int64_t columns) {
    return as_int(std::max(x.stride, x.transpose == Transpose::yes ? rows : columns));
  };
  const int lda = stride(a, m, k), ldb = stride(b, k, n), ldc = as_int(std::max(c_stride, n));
  const T beta = accumulate ? T(1) : T(0);
  if constexpr (std::is_same_v<T, float>)
    cblas_sgemm(CblasRowMajor, form(a.transpose), form(b.transpose), as_int(m), as_int(n), as_int(k), 1, a.data, lda,
                b.data, ldb, beta, c, ldc);
  else
    cblas_dgemm(CblasRowMajor, form(a.transpose), form(b.transpose), as_int(m), as_int(n), as_int(k), 1, a.data, lda,
                b.data, ldb, beta, c, ldc);
}

template <class T>
void parallel_gemm(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_stride,
                   bool accumulate) {
  if (m == 0 || n == 0) return;
  // Blocks of at least 2¹⁸ multiplications, as square as they can be, so that what each one reads twice is little.
  constexpr int64_t kBlocks = 16, kLeast = 1 << 18, kSide = 16;
  const int64_t wanted = std::clamp<int64_t>(m * n * k / kLeast, 1, kBlocks);
  int64_t down = 1, across = 1;
  while (down * across < wanted) {
    const bool can_down = m / (down * 2) >= kSide, can_across = n / (across * 2) >= kSide;
    if (!can_down && !can_across) break;
    if (can_down && (m / down >= n / across || !can_across))
      down *= 2;
    else
      across *= 2;
  }
  const auto part = [](const Matrix<T>& x, int64_t row, int64_t column) {
    const int64_t at = x.transpose == Transpose::yes ? column * x.stride + row : row * x.stride + column;
    return Matrix<T>{x.data + at, x.stride, x.transpose};
  };
  parallel_for(down * across, [&](int64_t block) {
    const int64_t i = block / across, j = block % across;
    const int64_t i0 = m * i / down, i1 = m * (i + 1) / down, j0 = n * j / across, j1 = n * (j + 1) / across;
    gemm(i1 - i0, j1 - j0, k, part(a, i0, 0), part(b, 0, j0), c + i0 * c_stride + j0, c_stride, accumulate);
  });
}

template <class T>
void parallel_column_sums(const T* a, int64_t a_stride, int64_t m, int64_t n, T* to, bool accumulate) {
  const int64_t chunks = std::max<int64_t>(chunk_count(m / 64), 1);
  std::vector<std::vector<double>> sums(static_cast<size_t>(chunks), std::vector<double>(static_cast<size_t>(n), 0));
  parallel_chunks(m, chunks, [&](int64_t chunk, int64_t begin, int64_t end) {
    passes<T>().column_sums(sums[static_cast<size_t>(chunk)].data(), a + begin * a_stride, a_stride, end - begin, n);
  });
  for (int64_t i = 0; i < n; i++) {
    double total = accumulate ? static_cast<double>(to[i]) : 0;
    for (const auto& s : sums) total += s[static_cast<size_t>(i)];
    to[i] = static_cast<T>(total);
  }
}

template void gemm(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&, float*, int64_t, bool);
template void gemm(int64_t, int64_t, int64_t, const Matrix<double>&, const Matrix<double>&, double*, int64_t, bool);
template void parallel_gemm(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&, float*, int64_t,
                            bool);
template void parallel_gemm(int64_t, int64_t, int64_t, const Matrix<double>&, const Matrix<double>&, double*, int64_t,
                            bool);
template void parallel_column_sums(const float*, int64_t, int64_t, int64_t, float*, bool);
template void parallel_column_sums(const double*, int64_t, int64_t, int64_t, double*, bool);

std::string blas_config() { return openblas_get_config(); }

// "OpenBLAS 0.3.21 … USE_OPENMP Haswell MAX_THREADS=64"
std::string blas_name() {
  std::istringstream words(blas_config());
  std::string text;
  for (std::string word; words >> word;)
    if (!word.starts_with("NO_") && !word.starts_with("DYNAMIC") && !word.starts_with("MAX_THREADS"))
      text += (text.empty() ? "" : " ") + word;
  return text;
}

bool blas_is_openmp_build() { return openblas_get_parallel() == OPENBLAS_OPENMP; }

}  // namespace ghost
