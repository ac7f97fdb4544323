// Operators with several implementations: the environment forces one, and each gives what the definition gives.
#include "core/kernels/kernel_choice.h"

#include <cstdlib>
#include <gtest/gtest.h>

#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/arithmetic_detail.h"
#include "core/ops/batch_norm.h"
#include "core/ops/pool.h"
#include "support/programs.h"
#include "support/tensors.h"

namespace ghost::test {
namespace {

class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

TEST(KernelChoice, IsForcedByTheEnvironmentOfItsOperator) {
  EXPECT_EQ(KernelChoice("sum", {"fast", "plain"}).forced(), -1);
  const Environment plain("GHOST_SUM", "plain");
  KernelChoice choice("sum", {"fast", "plain"});
  EXPECT_EQ(choice.forced(), 1);
  EXPECT_TRUE(choice.forced("plain"));
  EXPECT_FALSE(choice.forced("fast"));
  choice.force("", "test");
  EXPECT_EQ(choice.forced(), -1);
  EXPECT_EQ(KernelChoice("other", {"fast", "plain"}).forced(), -1);
}

TEST(KernelChoice, RefusesWhatTheTableDoesNotHold) {
  const Environment wrong("GHOST_SUM", "quick");
  EXPECT_EQ(error_of([] {
              KernelChoice("sum", {"fast", "plain"});
            }),
            "GHOST_SUM: \"quick\" is no kernel of sum; there are: fast, plain");
}

// A block that ends in a gate and a residual sum, with and without the fast kernel of `choice`.
void expect_the_definition(KernelChoice& choice) {
  const Program block = [](const std::vector<Tensor>& in) {
    const Tensor x = relu(batch_norm(in[0], in[1], in[2], {}));
    return add(mul(x, hard_sigmoid(global_avg_pool(x))), x);
  };
  const std::vector<Tensor> in{random_tensor({3, 5, 4, 6}, "x"), random_tensor({6}, "gamma", 0.5, 1.5),
                               random_tensor({6}, "beta")};
  for (const bool fold : {true, false}) {
    const Folding setting(fold);
    const Outcome usual = run(block, in);
    choice.force("broadcast", "test");
    const Outcome defined = run(block, in);
    choice.force("", "test");
    expect_close(usual, defined, 1e-12);
  }
}

TEST(KernelChoice, AddByRowsIsTheBroadcastOne) { expect_the_definition(add_kernels()); }
TEST(KernelChoice, MulByAChannelGateIsTheBroadcastOne) { expect_the_definition(mul_kernels()); }

}  // namespace
}  // namespace ghost::test
