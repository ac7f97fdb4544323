#include "train/run/made_with.h"

#include <fmt/format.h>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"

namespace ghost {

namespace {

// A line for each fact: what it is called in the metadata of a checkpoint and in messages, and what it is here.
struct Fact {
  const char* name;
  const char* what;
  std::string (*here)();
};
constexpr Fact kFacts[] = {
    {"isa", "kernels", [] { return std::string(isa_name()); }},
    {"blas", "matrix products", blas_name},
};

}  // namespace

MadeWith made_here() {
  MadeWith facts;
  for (const Fact& fact : kFacts) facts[fact.name] = fact.here();
  return facts;
}

std::vector<std::string> differences(const MadeWith& before, const MadeWith& now) {
  std::vector<std::string> sentences;
  for (const Fact& fact : kFacts) {
    const auto was = before.find(fact.name), is = now.find(fact.name);
    if (was == before.end() || is == now.end() || was->second == is->second) continue;
    sentences.push_back(
        fmt::format("the run so far was computed with other {}: {} then, {} now; bits may differ from those of a run "
                    "that had stayed "
                    "with one",
                    fact.what, was->second, is->second));
  }
  return sentences;
}

}  // namespace ghost
