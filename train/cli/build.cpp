#include "train/cli/build.h"

#include <fmt/core.h>
#include <sstream>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"
#include "train/run/version.h"

namespace ghost::cli {

std::string version_text(const std::string& program) {
  const std::string hash = kCommit.hash;
  const std::string commit = hash.empty() ? "" : fmt::format(" (commit {}, {})", hash, kCommit.date);
  return fmt::format("{} {}{}\n{} kernels, {}", program, version(), commit, isa_name(), blas_in_short());
}

// "OpenBLAS 0.3.21 … USE_OPENMP Haswell MAX_THREADS=64"
std::string blas_in_short() {
  std::istringstream words(blas_config());
  std::string text;
  for (std::string word; words >> word;)
    if (!word.starts_with("NO_") && !word.starts_with("DYNAMIC") && !word.starts_with("MAX_THREADS"))
      text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace ghost::cli
