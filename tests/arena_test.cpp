// Where blocks lie, and that equal steps need nothing new.
#include "core/arena.h"

#include <cstring>
#include <gtest/gtest.h>
#include <random>

#include "core/memory.h"
#include "core/ops/cross_entropy.h"
#include "nn/models/registry.h"
#include "train/optim/optimizer.h"

namespace ghost {
namespace {

constexpr size_t kSpace = size_t{256} << 20;

TEST(Arena, BlocksAreAlignedAndDoNotOverlap) {
  Arena arena(kSpace);
  struct Block {
    unsigned char* at;
    size_t bytes;
    unsigned char mark;
  };
  std::vector<Block> blocks;
  std::mt19937 random(1);
  for (int i = 0; i < 3000; i++) {
    if (!blocks.empty() && random() % 2) {
      std::swap(blocks[random() % blocks.size()], blocks.back());
      const Block last = blocks.back();
      blocks.pop_back();
      for (const size_t k : {size_t{0}, last.bytes / 2, last.bytes - 1}) ASSERT_EQ(last.at[k], last.mark);
      ASSERT_TRUE(arena.give_back(last.at, last.bytes));
    } else {
      const size_t bytes = Arena::rounded(random() % (random() % 2 ? 20'000 : 300'000));
      Block block{static_cast<unsigned char*>(arena.take(bytes)), bytes, static_cast<unsigned char>(i)};
      ASSERT_NE(block.at, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(block.at) % 64, 0u);
      std::memset(block.at, block.mark, bytes);
      blocks.push_back(block);
    }
  }
}

TEST(Arena, NeighbouringHolesBecomeOne) {
  Arena arena(kSpace);
  const size_t part = Arena::rounded(100'000);
  std::vector<void*> blocks(4);
  for (void*& block : blocks) block = arena.take(part);
  const size_t reserved = arena.reserved();
  for (const size_t i : {0, 2, 1}) arena.give_back(blocks[i], part);
  EXPECT_EQ(arena.take(3 * part), blocks[0]);
  EXPECT_EQ(arena.reserved(), reserved);
}

TEST(Arena, TakesTheSmallestHoleThatIsLargeEnough) {
  Arena arena(kSpace);
  const size_t unit = Arena::rounded(100'000);
  void* const large = arena.take(3 * unit);
  arena.take(unit);
  void* const small = arena.take(2 * unit);
  arena.take(unit);
  arena.give_back(large, 3 * unit), arena.give_back(small, 2 * unit);
  EXPECT_EQ(arena.take(2 * unit), small);
  EXPECT_EQ(arena.take(2 * unit), large);
}

TEST(Arena, SaysNoWhenItIsFullAndKnowsItsOwn) {
  Arena arena(size_t{4} << 20);
  EXPECT_EQ(arena.take(size_t{64} << 20), nullptr);
  void* const block = arena.take(size_t{1} << 20);
  EXPECT_NE(block, nullptr);
  alignas(64) char other[64];
  EXPECT_FALSE(arena.give_back(other, 64));
  EXPECT_TRUE(arena.give_back(block, size_t{1} << 20));
}

TEST(Arena, ReleasedMemoryCanBeTakenAgain) {
  Arena arena(kSpace);
  const size_t bytes = size_t{20} << 20;
  void* const block = arena.take(bytes);
  std::memset(block, 1, bytes);
  arena.give_back(block, bytes);
  arena.release();
  EXPECT_EQ(arena.reserved(), 0u);
  void* const again = arena.take(bytes);
  EXPECT_EQ(again, block);
  EXPECT_EQ(static_cast<char*>(again)[bytes / 2], 0);  // a new page
  std::memset(again, 1, bytes);
}

// The whole of it: gradients, optimizer and all.
TEST(Memory, NothingIsAskedOfTheSystemAfterTheFirstStep) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "every block is a malloc of its own";
#endif
  for (const char* name : {"ghostnet", "mini_group_net", "resnet"}) {
    ModelConfig config;
    config.name = name;
    config.num_classes = 10, config.in_channels = 3;
    const ModulePtr model = build_model(config, 0);
    const OptimizerPtr optimizer = build_optimizer({.name = "sgd"}, model->parameters());
    const Tensor images = Tensor::full({8, 32, 32, 3}, 0.5), labels = Tensor::zeros({8}, DType::i64);
    int64_t after_first = 0;
    for (uint64_t step = 0; step < 4; step++) {
      const StepScope scope(0, step);
      optimizer->clear_gradients();
      cross_entropy((*model)(images), labels).backward();
      optimizer->step(0.01);
      if (step == 0) after_first = memory_stats().system_allocations;
    }
    EXPECT_EQ(memory_stats().system_allocations, after_first) << name;
  }
}

}  // namespace
}  // namespace ghost
