#include "train/cli/build.h"

#include <fmt/core.h>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"
#include "train/run/version.h"

namespace ghost::cli {

std::string version_text(const std::string& program) {
  const std::string hash = kCommit.hash;
  const std::string commit = hash.empty() ? "" : fmt::format(" (commit {}, {})", hash, kCommit.date);
  return fmt::format("{} {}{}\n{} kernels, {}", program, version(), commit, isa_name(), blas_name());
}

}  // namespace ghost::cli
