// All builds of OpenBLAS share one SONAME, and the alternatives system may hand out the one with threads of its own:
// which one a program got shows only when it runs.
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "core/kernels/gemm.h"
#include "support/command.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

TEST(Blas, IsTheOpenMpBuild) { EXPECT_TRUE(blas_is_openmp_build()) << blas_config(); }

TEST(Blas, IsLoadedFromTheFolderTheBuildChose) {
  ASSERT_FALSE(blas_config().empty());
  std::ifstream maps("/proc/self/maps");
  int mappings = 0;
  for (std::string line; std::getline(maps, line);) {
    if (line.find("libopenblas") == std::string::npos) continue;
    mappings++;
    EXPECT_NE(line.find(GHOST_OPENBLAS_FOLDER), std::string::npos) << line;
  }
  EXPECT_GT(mappings, 0);
}

// DT_RPATH, not DT_RUNPATH, which would not hold for libraries that come in between.
TEST(Blas, InstalledProgramsSearchThatFolderFirst) {
  const test::TempDir prefix;
  const auto install =
      test::run_command("cmake --install '" GHOST_BIN_DIR "/..' --component programs --prefix '" + prefix.str() + "'");
  ASSERT_EQ(install.status, 0) << install.output;
  for (const char* program : {"ghost-train", "ghost-eval"}) {
    const auto dynamic = test::run_command("readelf -d '" + prefix.str() + "/bin/" + program + "'");
    ASSERT_EQ(dynamic.status, 0) << dynamic.output;
    const size_t at = dynamic.output.find("(RPATH)");
    ASSERT_NE(at, std::string::npos) << dynamic.output;
    const std::string rpath = dynamic.output.substr(at, dynamic.output.find('\n', at) - at);
    EXPECT_NE(rpath.find(GHOST_OPENBLAS_FOLDER), std::string::npos) << rpath;
    EXPECT_EQ(rpath.find("build/"), std::string::npos) << rpath;
  }
}

}  // namespace
}  // namespace ghost
