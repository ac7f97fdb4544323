// A training loop without the trainer (examples/own_loop).
#include <gmock/gmock.h>
#include <regex>

#include "support/process.h"
#include "support/tiny_images.h"

namespace ghost {
namespace {

using test::Finished;
using testing::HasSubstr;

TEST(OwnLoop, LearnsWhatIsInAFolder) {
  const test::TempDir dir;
  test::write_tiny_idx(dir / "data", {.train = 256, .size = 16});
  const Finished run = test::run_program("own-loop", {"data"}, {.directory = dir.str()});
  ASSERT_EQ(run.status, 0) << run.err;
  std::vector<double> losses, accuracies;
  const std::regex line("epoch \\d  loss ([0-9.]+)  test accuracy ([0-9.]+) %\n");
  for (std::sregex_iterator it(run.out.begin(), run.out.end(), line), end; it != end; ++it) {
    losses.push_back(std::stod((*it)[1]));
    accuracies.push_back(std::stod((*it)[2]));
  }
  ASSERT_EQ(losses.size(), 3U) << run.out;
  EXPECT_LT(losses[1], losses[0]);
  EXPECT_LT(losses[2], losses[1]);
  EXPECT_GT(accuracies[2], 40) << "one of four by chance";
}

TEST(OwnLoop, SaysWhatDataIsMissing) {
  const test::TempDir dir;
  const Finished run = test::run_program("own-loop", {"nowhere"}, {.directory = dir.str()});
  EXPECT_EQ(run.status, 1);
  EXPECT_THAT(run.err, HasSubstr("own_loop: idx: data.root nowhere is not a folder"));
}

}  // namespace
}  // namespace ghost
