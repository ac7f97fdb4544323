// Every case of every operator through the same checks.
#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/shape_ops.h"
#include "core/parallel.h"
#include "support/op_units.h"
#include "support/programs.h"

namespace ghost::test {
namespace {

struct Row {
  std::string unit;
  OpCase c;
};
std::vector<Row> all_cases() {
  std::vector<Row> rows;
  for (const OpUnit& unit : op_units())
    for (OpCase& c : unit.cases()) rows.push_back({unit.name, std::move(c)});
  return rows;
}
void PrintTo(const Row& row, std::ostream* out) { *out << row.unit << " " << row.c.name; }
std::string test_name(const testing::TestParamInfo<Row>& info) {
  std::string name = info.param.unit + "_" + info.param.c.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name + "_" + std::to_string(info.index);
}

// f64 sums in another order
constexpr double kRounding = 1e-11;

class OpCases : public testing::TestWithParam<Row> {
 protected:
  const OpCase& op() const { return GetParam().c; }
  Outcome expected() const { return run(op().run, inputs_of(op())); }
};

// The same values as results of an operator.
std::vector<Tensor> passed_on(const std::vector<Tensor>& in) {
  std::vector<Tensor> out;
  for (const Tensor& t : in) out.push_back(sub(t, Tensor::scalar(0, t.dtype())));
  return out;
}

std::vector<double> middle_channels(const Tensor& wide, int64_t first, int64_t count) {
  const std::vector<double> all = wide.to_vector<double>();
  const int64_t c = wide.shape().channels();
  std::vector<double> part;
  for (int64_t p = 0; p < wide.shape().pixels(); p++)
    part.insert(part.end(), all.begin() + p * c + first, all.begin() + p * c + first + count);
  return part;
}

TEST_P(OpCases, GradientIsTheNumericOne) {
  for (const bool fold : {true, false}) {
    SCOPED_TRACE(fold ? "folding" : "plain");
    const Folding setting(fold);
    expect_numeric_gradients(op().run, inputs_of(op()), {.piecewise = op().piecewise});
  }
}

TEST_P(OpCases, SinglePrecisionAgreesWithDouble) {
  const Outcome single = run(op().run, inputs_of(op(), DType::f32));
  expect_close(single, expected(), 2e-5);  // about a hundred roundings of 2⁻²⁴
}

// Stored as bf16 and computed in f32: what is read is exact, so one rounding of each result is all that is lost, and
// two of a gradient, of which an operator may store another on the way.
TEST_P(OpCases, Bf16AgreesWithDouble) {
  std::vector<Tensor> narrow, wide;
  for (const Tensor& t : inputs_of(op(), DType::f32)) {
    const bool activation = std::ssize(narrow) < op().activations;
    narrow.push_back(t.to(activation ? DType::bf16 : DType::f32));
    wide.push_back(narrow.back().to(DType::f64));
  }
  const auto outcome = [&](const std::vector<Tensor>& inputs) {
    const PoisonedMemory poison;
    const std::vector<Tensor> leaves = leaves_of(inputs);
    const Tensor y = op().run(leaves);
    backward({y}, {upstream(y.shape(), DType::f64).to(DType::bf16).to(y.dtype())});
    return Outcome{y.to_vector<double>(), gradients_of(leaves)};
  };
  for (const bool fold : {true, false}) {
    SCOPED_TRACE(fold ? "folding" : "plain");
    const Folding setting(fold);
    const Outcome got = outcome(narrow), want = outcome(wide);
    const auto roundings = static_cast<double>(op().roundings);
    expect_close(got.y, want.y, roundings * 0x1p-8, "result");
    for (size_t i = 0; i < want.gradients.size(); i++)
      expect_close(got.gradients[i], want.gradients[i], roundings * 0x1p-7, "gradient of input " + std::to_string(i));
  }
}

TEST_P(OpCases, WritesAllAndReadsNothingUnwritten) {
  const Outcome clean = expected();
  const PoisonedMemory poison;
  expect_close(expected(), clean, kRounding);
}

TEST_P(OpCases, AddsToWhatLeavesHold) {
  const PoisonedMemory poison;
  const std::vector<Tensor> leaves = leaves_of(inputs_of(op()));
  for (int i = 0; i < 2; i++) {
    const Tensor y = op().run(leaves);
    backward({y}, {upstream(y.shape(), y.dtype())});
  }
  Outcome twice = expected();
  for (auto& g : twice.gradients)
    for (double& v : g) v *= 2;
  const auto gradients = gradients_of(leaves);
  for (size_t i = 0; i < gradients.size(); i++)
    expect_close(gradients[i], twice.gradients[i], kRounding, "input " + std::to_string(i));
}

// Each input has another consumer, which runs before or after the operator, and may leave a slice of a wider gradient
// in the sink.
TEST_P(OpCases, SharesItsInputsWithOthers) {
  const Outcome alone = expected();
  const std::vector<Tensor> values = inputs_of(op());
  for (const bool other_first : {false, true})
    for (const bool sliced : {false, true}) {
      SCOPED_TRACE(fmt::format("other consumer {}{}", other_first ? "first" : "last", sliced ? ", in slices" : ""));
      const PoisonedMemory poison;
      const std::vector<Tensor> leaves = leaves_of(values), in = passed_on(leaves);
      std::vector<Tensor> results, seeds;
      std::vector<std::vector<double>> added(in.size());
      auto use = [&] {
        for (size_t i = 0; i < in.size(); i++) {
          const Tensor side = Tensor::zeros(in[i].shape(), in[i].dtype());
          const bool join = sliced && in[i].rank() > 0;
          results.push_back(join ? cat({side, in[i], side}) : add(in[i], side));
          seeds.push_back(random_tensor(results.back().shape(), "other"));
          const int64_t c = in[i].shape().channels();
          added[i] = join ? middle_channels(seeds.back(), c, c) : seeds.back().to_vector<double>();
        }
      };
      if (other_first) use();
      const Tensor y = op().run(in);
      if (!other_first) use();
      results.push_back(y), seeds.push_back(upstream(y.shape(), y.dtype()));
      backward(results, seeds);
      const auto gradients = gradients_of(leaves);
      for (size_t i = 0; i < in.size(); i++) {
        std::vector<double> both = alone.gradients[i];
        for (size_t k = 0; k < both.size(); k++) both[k] += added[i][k];
        expect_close(gradients[i], both, kRounding, "input " + std::to_string(i));
      }
    }
}

TEST_P(OpCases, ReadsChannelSlices) {
  constexpr int64_t kBefore = 2, kAfter = 3;
  const Outcome packed_inputs = expected();
  const PoisonedMemory poison;
  std::vector<Tensor> wide, in;
  for (const Tensor& t : inputs_of(op())) {
    if (t.rank() == 0) {
      wide.push_back(t.clone().set_requires_grad());
      in.push_back(wide.back());
      continue;
    }
    const NoGrad no_grad;
    Shape before = t.shape(), after = t.shape();
    before[-1] = kBefore, after[-1] = kAfter;
    wide.push_back(cat({random_tensor(before, "before"), t, random_tensor(after, "after")}).set_requires_grad());
    in.push_back({});
  }
  for (size_t i = 0; i < in.size(); i++)
    if (!in[i].defined()) in[i] = slice_channels(wide[i], kBefore, op().inputs[i].channels());
  const Tensor y = op().run(in);
  expect_close(y.to_vector<double>(), packed_inputs.y, kRounding, "result");
  backward({y}, {upstream(y.shape(), y.dtype())});
  for (size_t i = 0; i < in.size(); i++) {
    const Tensor g = wide[i].grad();
    ASSERT_TRUE(g.defined());
    const bool sliced = in[i].rank() > 0;
    expect_close(sliced ? middle_channels(g, kBefore, op().inputs[i].channels()) : g.to_vector<double>(),
                 packed_inputs.gradients[i], kRounding, "input " + std::to_string(i));
    if (!sliced) continue;
    for (const double v : middle_channels(g, 0, kBefore)) ASSERT_EQ(v, 0);
    for (const double v : middle_channels(g, kBefore + op().inputs[i].channels(), kAfter)) ASSERT_EQ(v, 0);
  }
}

TEST_P(OpCases, TakesAChannelSliceAsItsGradient) {
  const Outcome whole = expected();
  const PoisonedMemory poison;
  const std::vector<Tensor> leaves = leaves_of(inputs_of(op()));
  const Tensor y = op().run(leaves);
  if (y.rank() == 0) return;  // a number has no channels
  const Tensor side = Tensor::zeros(y.shape(), y.dtype()), up = upstream(y.shape(), y.dtype());
  backward({cat({side, y, side})}, {cat({side, up, side})});
  const auto gradients = gradients_of(leaves);
  for (size_t i = 0; i < gradients.size(); i++)
    expect_close(gradients[i], whole.gradients[i], kRounding, "input " + std::to_string(i));
}

// Inputs are relu(batch_norm(x)): folded, they reach the operator with a transform that is still to be applied.
TEST_P(OpCases, ReadsPendingTransforms) {
  const double middle = (op().lo + op().hi) / 2, spread = (op().hi - op().lo) / 8;  // |x̂| of a uniform x is below √3
  std::vector<Tensor> inputs = inputs_of(op());
  const size_t count = inputs.size();
  for (size_t i = 0; i < count; i++) {
    const Shape c{inputs[i].shape().channels()};
    inputs.push_back(random_tensor(c, "gamma", -spread, spread));
    inputs.push_back(random_tensor(c, "beta", middle - spread / 4, middle + spread / 4));
  }
  const Program wrapped = [&](const std::vector<Tensor>& in) {
    std::vector<Tensor> pending;
    for (size_t i = 0; i < count; i++) {
      if (in[i].rank() < 2) {
        pending.push_back(in[i]);
        continue;
      }
      const Tensor &gamma = in[count + 2 * i], &beta = in[count + 2 * i + 1];
      // with few values the batch's own statistics would leave only ±1, and no gradient
      const bool training = in[i].shape().pixels() >= 4;
      const RunningStatistics running{Tensor::full(gamma.shape(), 0.1, gamma.dtype()),
                                      Tensor::full(gamma.shape(), 1.2, gamma.dtype()), Tensor()};
      pending.push_back(relu(batch_norm(in[i], gamma, beta, running, {.training = training})));
    }
    return op().run(pending);
  };
  auto outcome = [&](bool fold) {
    const Folding setting(fold);
    const PoisonedMemory poison;
    return run(wrapped, inputs);
  };
  expect_close(outcome(true), outcome(false), 1e-10);
}

TEST_P(OpCases, GivesGradientsOnlyWhereWanted) {
  const Outcome all = expected();
  const std::vector<Tensor> values = inputs_of(op());
  for (size_t wanted = 0; wanted < values.size(); wanted++) {
    std::vector<Tensor> in = values;
    in[wanted] = values[wanted].clone().set_requires_grad();
    const Tensor y = op().run(in);
    backward({y}, {upstream(y.shape(), y.dtype())});
    for (size_t i = 0; i < in.size(); i++) {
      ASSERT_EQ(in[i].grad().defined(), i == wanted);
      if (i == wanted) expect_close(in[i].grad().to_vector<double>(), all.gradients[i], kRounding, "gradient");
    }
  }
  EXPECT_FALSE(op().run(values).requires_grad());
  const NoGrad no_grad;
  const std::vector<Tensor> leaves = leaves_of(values);
  const Tensor y = op().run(passed_on(leaves));
  EXPECT_FALSE(y.requires_grad());
}

TEST_P(OpCases, LeavesNothingBehind) {
  const std::vector<Tensor> values = inputs_of(op());
  const Threads one(1);  // each thread keeps working memory from its first loop on
  run(op().run, values);
  const int64_t nodes = live_nodes(), bytes = memory_stats().bytes_in_use;
  {
    const std::vector<Tensor> leaves = leaves_of(values);
    const Tensor unused = op().run(leaves);  // a graph that nobody runs backward
    EXPECT_GT(live_nodes(), nodes);
  }
  EXPECT_EQ(live_nodes(), nodes);
  EXPECT_EQ(memory_stats().bytes_in_use, bytes);
  run(op().run, values);
  EXPECT_EQ(live_nodes(), nodes);
  EXPECT_EQ(memory_stats().bytes_in_use, bytes);
}

TEST_P(OpCases, BitsDoNotDependOnThreads) {
  const std::vector<Tensor> values = inputs_of(op(), DType::f32);
  auto outcome = [&](int n) {
    const Threads setting(n);
    return run(op().run, values);
  };
  const Outcome one = outcome(1);
  for (const int n : {2, 4}) {
    const Outcome many = outcome(n);
    EXPECT_EQ(many.y, one.y);
    EXPECT_EQ(many.gradients, one.gradients);
  }
}

INSTANTIATE_TEST_SUITE_P(All, OpCases, testing::ValuesIn(all_cases()), test_name);

}  // namespace
}  // namespace ghost::test
