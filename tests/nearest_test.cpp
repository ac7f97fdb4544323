#include "core/nearest.h"

#include <gtest/gtest.h>

namespace ghost {
namespace {

const std::vector<std::string> kNames{"cifar10", "cifar100", "fashion_mnist", "idx", "image_folder"};

TEST(Nearest, FindsTypingErrors) {
  EXPECT_EQ(nearest("cifar01", kNames), "cifar10");
  EXPECT_EQ(nearest("cifra100", kNames), "cifar100");
  EXPECT_EQ(nearest("fashon_mnist", kNames), "fashion_mnist");
  EXPECT_EQ(nearest("imagefolder", kNames), "image_folder");
  EXPECT_EQ(nearest("IDX", kNames), "idx");
}

TEST(Nearest, TheSmallestDistanceWinsAndTheFirstOfEquals) {
  EXPECT_EQ(nearest("cifar1000", kNames), "cifar100");
  EXPECT_EQ(nearest("step_sixe", {"step_size", "step_side"}), "step_size");
  EXPECT_EQ(nearest("abcx", {"abcd", "abce"}), "abcd");
}

TEST(Nearest, ASwapOfNeighboursIsOneEdit) { EXPECT_EQ(nearest("widht", {"wiaat", "width"}), "width"); }

TEST(Nearest, NothingCloseIsEmpty) {
  EXPECT_EQ(nearest("resnet", kNames), "");
  EXPECT_EQ(nearest("", kNames), "");
  EXPECT_EQ(nearest("ab", {"xy"}), "");
  EXPECT_EQ(nearest("cifar10", {}), "");
}

TEST(Nearest, APartOfANameIsClose) {
  EXPECT_EQ(nearest("mnist", kNames), "fashion_mnist");
  EXPECT_EQ(nearest("folder", kNames), "image_folder");
  EXPECT_EQ(nearest("old", kNames), "");
}

TEST(Nearest, EndsASentence) {
  EXPECT_EQ(did_you_mean("cifar01", kNames), "; did you mean 'cifar10'?");
  EXPECT_EQ(did_you_mean("resnet", kNames), "");
  EXPECT_EQ(any_of({"a", "b", "c"}), "a, b or c");
  EXPECT_EQ(any_of({"a"}), "a");
}

}  // namespace
}  // namespace ghost
