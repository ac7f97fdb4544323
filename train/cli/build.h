// What a program was built from, and what it runs on.
#pragma once
#include <string>

namespace ghost::cli {

// Written by cmake/GhostCommit.cmake at every build. All are empty where git knows nothing of the source.
struct Commit {
  const char* hash;  // "4851e15"; "4851e15-dirty" if files under version control differ from it
  const char* date;  // of the commit, "2026-11-29"
};
extern const Commit kCommit;

// "ghost-train 0.1.0 (commit 4851e15, 2026-11-29)", without the parenthesis where the commit is unknown, and a line for
// reports of errors: "avx512 kernels, OpenBLAS 0.3.21 USE_OPENMP SkylakeX".
std::string version_text(const std::string& program);

}  // namespace ghost::cli
