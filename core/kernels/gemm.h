// Matrix products, from OpenBLAS. BLAS runs on one thread inside our own parallel loops: the work is cut by shape
// alone, so that the bits do not depend on the number of threads.
#pragma once
#include <cstdint>
#include <string>

namespace ghost {

enum class Transpose { no, yes };

// A row-major matrix in memory; its transpose if `transpose`.
template <class T>
struct Matrix {
  const T* data;
  int64_t stride;  // from one row to the next, as stored
  Transpose transpose = Transpose::no;
};

// c (m, n) = or += a (m, k) · b (k, n) on the calling thread; c has rows `c_stride` apart.
template <class T>
void gemm(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_stride,
          bool accumulate);

// The same, cut into blocks of c for parallel_for.
template <class T>
void parallel_gemm(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c, int64_t c_stride,
                   bool accumulate);

// to (n) = or += Σ over rows of a (m, n), summed in f64 in chunk order.
template <class T>
void parallel_column_sums(const T* a, int64_t a_stride, int64_t m, int64_t n, T* to, bool accumulate);

std::string blas_config();  // as the library reports itself: version, threading, processor
std::string blas_name();    // the same without what says only how it was packaged: "OpenBLAS 0.3.21 USE_OPENMP Haswell"
bool blas_is_openmp_build();  // the pthreads build shares its SONAME and starts threads of its own

}  // namespace ghost
