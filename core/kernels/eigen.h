// Eigenvalues of symmetric matrices, by LAPACK.
#pragma once
#include <cstdint>
#include <vector>

namespace ghost {

struct SymmetricEigen {
  std::vector<double> values;   // (n), ascending
  std::vector<double> vectors;  // (n, n), row i belongs to value i and has length 1; its sign is not determined
};
// `matrix` (n, n), row-major and symmetric. Throws Error if it has another size or the iteration does not converge.
SymmetricEigen symmetric_eigen(std::vector<double> matrix, int64_t n);

}  // namespace ghost
