// Checks this project against PyTorch's numbers: every case of a directory of reference vectors is one test, run with
// transforms folded and again with folding off. Checked are our own small directory (tests/golden), and those that
// GHOST_REFERENCE_DIR names, separated by colons; by default ../shared/reference and ../shared/reference2 beside the
// source tree.
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <sstream>

#include "core/body.h"
#include "core/parallel.h"
#include "reference/case.h"
#include "reference/kinds.h"

namespace ghost::reference {
namespace {

using Path = std::filesystem::path;

const Path kSource = GHOST_SOURCE_DIR;

void check_case(const Path& directory, const IndexEntry& entry) {
  static const std::map<std::string, void (*)(const Case&)> kinds{
      {"op", check_op},
      {"module", check_module},
      {"model", check_model},
      {"family", check_family},
      {"optim", check_optimizer},
      {"schedule", check_schedule},
      {"training", check_training},
      {"preprocess", check_preprocess},
      {"augment", check_augment},
  };
  const auto found = kinds.find(entry.kind);
  if (found == kinds.end()) GTEST_SKIP() << "there is no check for the kind " << entry.kind;
  const Case c(directory, entry.name);
  found->second(c);
  if (testing::Test::IsSkipped() || testing::Test::HasFailure()) return;
  for (const std::string& unread : c.unread()) ADD_FAILURE() << "nothing checks the " << unread;
}

class ReferenceTest : public testing::Test {
 public:
  ReferenceTest(std::function<void()> check, bool fold) : check_(std::move(check)), fold_(fold) {}

 private:
  void SetUp() override { set_folding(fold_); }
  void TearDown() override { set_folding(true); }
  void TestBody() override {
    try {
      check_();
    } catch (const std::exception& e) {
      ADD_FAILURE() << e.what();
    }
  }

  std::function<void()> check_;
  bool fold_;
};

void register_test(const std::string& suite, const std::string& name, std::function<void()> check, bool fold = true) {
  testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                        [check, fold]() -> ReferenceTest* { return new ReferenceTest(check, fold); });
}

// Tests "<label>[Unfolded]/ops.conv2d_k3_p1". A directory whose index is broken is one test that fails.
void register_directory(const std::string& label, const Path& directory) {
  std::vector<IndexEntry> entries;
  try {
    entries = read_index(directory);
  } catch (const std::exception& e) {
    register_test(label, "index", [message = std::string(e.what())] { ADD_FAILURE() << message; });
    return;
  }
  for (const bool fold : {true, false})
    for (const IndexEntry& entry : entries) {
      const Path name(entry.name);
      register_test(
          label + (fold ? "/" : "Unfolded/") + name.parent_path().string(), name.filename().string(),
          [=] { check_case(directory, entry); }, fold);
    }
  const std::map<std::string, void (*)(const Path&)> tables{{"modules/ghostconv_validity", check_ghost_conv_validity},
                                                            {"models/ghostnet_timm_names", check_ghostnet_names}};
  for (const auto& [name, check] : tables) {
    const Path file = directory / (name + ".json");
    if (std::filesystem::exists(file))
      register_test(label + "/" + Path(name).parent_path().string(), Path(name).filename().string(),
                    [file, check = check] { check(file); });
  }
}

// The committed vectors must stay small.
void check_golden_size(const Path& directory) {
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += entry.file_size();
  EXPECT_LE(bytes, 300'000u) << directory.string() << " in all";
}

std::vector<Path> reference_directories() {
  const char* named = std::getenv("GHOST_REFERENCE_DIR");
  if (!named || !*named) return {kSource / "../shared/reference", kSource / "../shared/reference2"};
  std::vector<Path> all;
  std::istringstream list{std::string(named)};
  for (std::string one; std::getline(list, one, ':');)
    if (!one.empty()) all.emplace_back(one);
  return all;
}

// As "Golden", "Reference", "Reference2", …
void register_directories() {
  const Path golden = kSource / "tests/golden";
  register_directory("Golden", golden);
  register_test("Golden", "size", [golden] { check_golden_size(golden); });

  int number = 0;
  for (const Path& directory : reference_directories()) {
    const std::string label = ++number == 1 ? "Reference" : fmt::format("Reference{}", number);
    if (std::filesystem::is_directory(directory))
      register_directory(label, directory);
    else
      register_test(label, "directory", [directory] {
        GTEST_SKIP() << "there is no folder " << directory.string() << "; GHOST_REFERENCE_DIR may name others";
      });
  }
}

}  // namespace
}  // namespace ghost::reference

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  ghost::set_threads(2);
  ghost::reference::register_directories();
  return RUN_ALL_TESTS();
}
