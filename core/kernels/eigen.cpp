#include "core/kernels/eigen.h"

#include "core/error.h"

// Of LAPACK, which OpenBLAS contains. Fortran: all arguments by address, columns first.
extern "C" void dsyev_(  // NOLINT(readability-identifier-naming): as LAPACK has it
    const char* jobz, const char* uplo, const int* n, double* a, const int* lda, double* w, double* work,
    const int* lwork, int* info);

namespace ghost {

SymmetricEigen symmetric_eigen(std::vector<double> matrix, int64_t n) {
  if (n < 1 || std::ssize(matrix) != n * n)
    fail("symmetric_eigen: {} numbers, but a matrix of {}×{} was expected", matrix.size(), n, n);
  SymmetricEigen result;
  result.values.resize(static_cast<size_t>(n));
  const int size = static_cast<int>(n);
  const int work_size = 64 * size;
  std::vector<double> work(static_cast<size_t>(work_size));
  int info = 0;
  dsyev_("V", "U", &size, matrix.data(), &size, result.values.data(), work.data(), &work_size, &info);
  if (info != 0) fail("symmetric_eigen: the iteration did not converge (LAPACK's dsyev gave {})", info);
  result.vectors = std::move(matrix);  // a column of Fortran is a row here
  return result;
}

}  // namespace ghost
