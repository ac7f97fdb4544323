#include "train/run/made_with.h"

#include <fmt/format.h>

#include "core/kernels/gemm.h"
#include "core/kernels/rows.h"
#include "data/jpeg.h"

namespace ghost {

namespace {

// A line for each fact: what it is called in the metadata of a checkpoint and in messages, and what it is here.
struct Fact {
  const char* name;
  const char* what;
  const char* effect;  // of a change
  std::string (*here)();
  bool of_picture_files = false;  // matters to no other data
};
constexpr const char* kOtherBits = "bits may differ from those of a run that had stayed with one";
constexpr Fact kFacts[] = {
    {"isa", "instruction set", kOtherBits, [] { return std::string(isa_in_use()); }},
    {"blas", "library of matrix products", kOtherBits, blas_name},
    {"jpeg", "JPEG decoder", "pixels of JPEG files may differ by some levels", jpeg_decoder, true},
};

bool has_picture_files(const DataConfig& data) {
  const DatasetEntry* const entry = find_dataset(data.name);
  return entry && entry->info.picture_files;
}

}  // namespace

MadeWith made_here(const DataConfig& data) {
  MadeWith facts;
  for (const Fact& fact : kFacts)
    if (!fact.of_picture_files || has_picture_files(data)) facts[fact.name] = fact.here();
  return facts;
}

MadeWith made_by_old_programs(const DataConfig& data) {
  return has_picture_files(data) ? MadeWith{{"jpeg", "stb_image"}} : MadeWith{};
}

std::vector<std::string> differences(const MadeWith& before, const MadeWith& now) {
  std::vector<std::string> sentences;
  for (const Fact& fact : kFacts) {
    const auto was = before.find(fact.name), is = now.find(fact.name);
    if (was == before.end() || is == now.end() || was->second == is->second) continue;
    sentences.push_back(fmt::format("the run so far had another {}: {} then, {} now; {}", fact.what, was->second,
                                    is->second, fact.effect));
  }
  return sentences;
}

}  // namespace ghost
