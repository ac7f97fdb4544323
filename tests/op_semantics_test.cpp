// What operators do at their edges: kinks, ties, empty windows, odd options, and what they refuse.
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/memory.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/batch_norm.h"
#include "core/ops/conv2d.h"
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/linear.h"
#include "core/ops/pool.h"
#include "core/ops/reduce.h"
#include "core/ops/shape_ops.h"
#include "core/ops/softmax.h"

namespace ghost::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using Values = std::vector<double>;

Tensor vector_of(const Values& v) { return Tensor::from(v, {static_cast<int64_t>(v.size())}); }
Tensor picture(const Values& v, int64_t h, int64_t w) { return Tensor::from(v, {1, h, w, 1}); }

template <class F>
Values slope_at(F f, const Values& at) {
  Tensor x = vector_of(at).set_requires_grad();
  sum(f(x)).backward();
  return x.grad().to_vector<double>();
}
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
template <class F>
Values gradient_of(F f, const Tensor& value) {
  Tensor x = value.clone().set_requires_grad();
  sum(f(x)).backward();
  return x.grad().to_vector<double>();
}

TEST(Activation, SlopesAtTheKinksArePyTorchs) {
  EXPECT_THAT(slope_at(relu, {-1, 0, 1}), ElementsAre(0, 0, 1));
  EXPECT_THAT(slope_at(relu6, {0, 3, 6, 7}), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(slope_at(hard_sigmoid, {-3, 0, 3}), ElementsAre(0, 1.0 / 6, 0));
  EXPECT_THAT(slope_at([](const Tensor& x) { return clamp(x, -1, 2); }, {-1.5, -1, 0, 2, 2.5}),
              ElementsAre(0, 1, 1, 1, 0));
}

TEST(Activation, ClampOfCrossedBoundsGivesTheUpperOne) {
  EXPECT_THAT(clamp(vector_of({-5, 0, 5}), 2, 1).to_vector<double>(), ElementsAre(1, 1, 1));
}

// x·Φ(x) and Φ(x) + x·φ(x), computed with 30 digits
TEST(Activation, GeluIsTheExactOne) {
  const Values x{-2, -0.5, 0, 1, 3};
  const Values value{-0.045500263896358414, -0.15426876936299345, 0, 0.84134474606854295, 2.9959503059051097};
  const Values slope{-0.085231801078196897, 0.13250487534383716, 0.5, 1.0833154705876864, 1.0119456472041839};
  for (size_t i = 0; i < x.size(); i++) {
    EXPECT_NEAR(gelu(vector_of(x)).to_vector<double>()[i], value[i], 1e-12);
    EXPECT_NEAR(slope_at(gelu, x)[i], slope[i], 1e-12);
  }
}

TEST(Activation, SigmoidSiluAndGeluAreFiniteEverywhere) {
  for (const DType t : {DType::f32, DType::f64}) {
    const Tensor x = vector_of({-1e4, -100, 100, 1e4}).to(t);
    for (const double v : gelu(x).to_vector<double>()) EXPECT_TRUE(std::isfinite(v));
    for (const double v : gradient_of(gelu, x)) EXPECT_TRUE(std::isfinite(v));
    EXPECT_THAT(sigmoid(x).to_vector<float>(), ElementsAre(0, testing::FloatNear(0, 1e-40F), 1, 1));
    for (const double v : silu(x).to_vector<double>()) EXPECT_TRUE(std::isfinite(v));
    for (const double v : gradient_of(silu, x)) EXPECT_TRUE(std::isfinite(v));
    for (const double v : gradient_of(sigmoid, x)) EXPECT_TRUE(std::isfinite(v));
  }
}

TEST(MaxPool, ATieGoesToTheFirstInRowMajorOrder) {
  const auto pool = [](const Tensor& x) { return max_pool2d(x); };
  EXPECT_THAT(gradient_of(pool, picture({1, 2, 2, 2}, 2, 2)), ElementsAre(0, 1, 0, 0));
  EXPECT_THAT(gradient_of(pool, picture({3, 3, 3, 3}, 2, 2)), ElementsAre(1, 0, 0, 0));
}

TEST(MaxPool, PaddingIsLowerThanEverything) {
  const PoolOptions o{.kernel = {3, 3}, .padding = {1, 1}};
  EXPECT_THAT(max_pool2d(picture({-5, -6, -7, -8}, 2, 2), o).to_vector<double>(), ElementsAre(-5));
  EXPECT_THAT(max_pool2d(picture({-INFINITY}, 1, 1), o).to_vector<double>(), ElementsAre(-INFINITY));
  EXPECT_THAT(gradient_of([&](const Tensor& x) { return max_pool2d(x, o); }, picture({-INFINITY}, 1, 1)),
              ElementsAre(1));
}

TEST(MaxPool, AWindowOfPaddingOnlyIsMinusInfinityAndHasNoGradient) {
  const PoolOptions o{.kernel = {2, 2}, .stride = {1, 1}, .padding = {1, 1}, .dilation = {3, 3}};
  const Tensor x = picture({1, 2, 3, 4}, 2, 2);
  EXPECT_THAT(max_pool2d(x, o).to_vector<double>(), ElementsAre(-INFINITY));
  EXPECT_THAT(gradient_of([&](const Tensor& t) { return max_pool2d(t, o); }, x), ElementsAre(0, 0, 0, 0));
}

TEST(Pool, CeilModeDropsAWindowThatWouldStartInThePadding) {
  const PoolOptions o{.padding = {1, 1}, .ceil_mode = true};
  EXPECT_EQ(max_pool2d(Tensor::zeros({1, 5, 5, 1}), o).shape(), (Shape{1, 3, 3, 1}));
  EXPECT_EQ(avg_pool2d(Tensor::zeros({1, 5, 5, 1}), o).shape(), (Shape{1, 3, 3, 1}));
  // a window larger than what is there, which ceil_mode still allows
  EXPECT_EQ(max_pool2d(Tensor::zeros({1, 2, 2, 1}), {.kernel = {3, 3}, .ceil_mode = true}).shape(),
            (Shape{1, 1, 1, 1}));
}

TEST(AvgPool, DivisorsCountPaddingButNotWhatLiesBeyond) {
  const Tensor ones = Tensor::full({1, 3, 3, 1}, 1, DType::f64);
  PoolOptions o{.kernel = {3, 3}, .padding = {1, 1}, .ceil_mode = true};
  EXPECT_THAT(avg_pool2d(ones, o).to_vector<double>(), testing::Each(4.0 / 9));
  o.count_include_pad = false;
  EXPECT_THAT(avg_pool2d(ones, o).to_vector<double>(), testing::Each(1));
  // rows 0–1, then row 2 and one row of padding; the window would need a second one beyond it
  EXPECT_THAT(avg_pool2d(Tensor::full({1, 3, 1, 1}, 6, DType::f64),
                         {.kernel = {3, 1}, .stride = {3, 1}, .padding = {1, 0}, .ceil_mode = true})
                  .to_vector<double>(),
              ElementsAre(4, 3));
}

TEST(Pool, RefusesWhatCannotBe) {
  const Tensor x = Tensor::zeros({1, 4, 4, 2});
  EXPECT_THAT(error_of([&] {
                max_pool2d(Tensor::zeros({4, 4}));
              }),
              AllOf(HasSubstr("max_pool2d"), HasSubstr("(4, 4)")));
  EXPECT_THAT(error_of([&] { max_pool2d(x, {.padding = {2, 0}}); }), HasSubstr("at most 1"));
  EXPECT_THAT(error_of([&] { avg_pool2d(x, {.kernel = {5, 2}}); }), AllOf(HasSubstr("kernel 5"), HasSubstr("height")));
  EXPECT_THAT(error_of([&] { avg_pool2d(x, {.stride = {2, 0}}); }), HasSubstr("stride 0"));
  EXPECT_THAT(error_of([&] { avg_pool2d(x, {.dilation = {2, 1}}); }), HasSubstr("dilation (2, 1)"));
  EXPECT_THAT(error_of([&] { adaptive_avg_pool2d(x, {0, 1}); }), HasSubstr("(0, 1)"));
  EXPECT_THAT(error_of([&] { global_avg_pool(Tensor::zeros({1, 0, 4, 2})); }), HasSubstr("no pixels"));
  EXPECT_THAT(error_of([&] { max_pool2d(Tensor::zeros({1, 4, 4, 2}, DType::i64)); }), HasSubstr("i64"));
  EXPECT_THAT(error_of([&] { max_pool2d({}); }), HasSubstr("undefined"));
}

TEST(Arithmetic, BroadcastsAsNumPyDoes) {
  EXPECT_EQ(broadcast_shape({2, 1, 4}, {3, 1}, "add"), (Shape{2, 3, 4}));
  EXPECT_EQ(broadcast_shape({}, {5}, "add"), (Shape{5}));
  EXPECT_EQ(broadcast_shape({1}, {0}, "add"), (Shape{0}));
  EXPECT_THAT(error_of([] {
                broadcast_shape({2, 3}, {2, 4}, "mul");
              }),
              AllOf(HasSubstr("mul"), HasSubstr("(2, 3)"), HasSubstr("(2, 4)")));
  EXPECT_THAT(error_of([] { mul(Tensor::zeros({2}), Tensor::zeros({2}, DType::f64)); }),
              AllOf(HasSubstr("f32"), HasSubstr("f64")));
}

TEST(Arithmetic, ATensorMayBeBothOperands) {
  EXPECT_THAT(slope_at([](const Tensor& x) { return x * x; }, {3}), ElementsAre(6));
  EXPECT_THAT(slope_at([](const Tensor& x) { return x / x; }, {3}), ElementsAre(testing::DoubleNear(0, 1e-15)));
  EXPECT_THAT(slope_at([](const Tensor& x) { return x - x; }, {3}), ElementsAre(0));
  EXPECT_THAT(slope_at([](const Tensor& x) { return relu(x) * x + x; }, {-2, 3}), ElementsAre(1, 7));
}

// x and w are kept by the first product, so their sum is not; backward makes it again.
TEST(Add, ASumOfKeptTermsIsMadeAgain) {
  constexpr int64_t kBytes = 4096 * sizeof(double);
  Tensor x = Tensor::full({4096}, 3, DType::f64).set_requires_grad(), w = Tensor::full({4096}, 2, DType::f64);
  w.set_requires_grad();
  const auto graph = [&] {
    const Tensor product = mul(x, w), s = add(x, w);
    return sum(add(product, mul(s, s)));
  };
  const int64_t before = memory_stats().bytes_requested;
  const Tensor loss = graph();
  EXPECT_LT(memory_stats().bytes_requested - before, kBytes);
  loss.backward();
  EXPECT_EQ(x.grad().to_vector<double>()[7], 2 + 2 * (3 + 2));
  EXPECT_EQ(w.grad().to_vector<double>()[7], 3 + 2 * (3 + 2));

  const Tensor changed = graph();
  x.mutable_data<double>()[0] = 1;
  EXPECT_THAT(error_of([&] { changed.backward(); }), HasSubstr("was changed after it was used"));
}

TEST(Add, ASumIsMadeAgainOnlyWhereItWouldBeTheSame) {
  const auto leaf = [](double value) { return Tensor::full({2, 4}, value).set_requires_grad(); };
  const Tensor x = leaf(3), w = leaf(2);
  const auto slope = [&](const Tensor& loss) {
    Tensor leaf_x = x;
    leaf_x.clear_grad();
    loss.backward();
    return x.grad().to_vector<float>()[0];
  };
  {  // its values were changed before they were used
    const Tensor product = mul(x, w);
    Tensor s = add(x, w);
    s.mutable_data<float>()[0] = 10;
    Tensor square = mul(s, s);
    s = {};
    EXPECT_EQ(slope(sum(add(product, square))), 2 + 2 * 10);
  }
  {  // its memory was left to a slice, which is written to
    const Tensor product = mul(x, w);
    Tensor s = add(x, w);
    const Tensor loss = sum(add(product, mul(s, s)));
    Tensor part = slice_channels(s, 0, 2);
    s = {};
    part.mutable_data<float>()[0] = 100;
    EXPECT_EQ(slope(loss), 2 + 2 * 5);
  }
  {  // it is changed while backward needs it
    const Tensor product = mul(x, w);
    Tensor s = add(x, w);
    const Tensor loss = sum(add(product, mul(s, s)));
    s.mutable_data<float>()[0] = 100;
    EXPECT_THAT(error_of([&] { loss.backward(); }), HasSubstr("was changed after it was used"));
  }
}

// Whoever holds a sum does not hold its terms: neither after backward nor without it.
TEST(Add, ASumThatOutlivesItsGraphDoesNotKeepItsTerms) {
  constexpr int64_t kBytes = 4096 * sizeof(float);
  const Tensor x = Tensor::full({4096}, 3).set_requires_grad();
  for (const bool run : {true, false}) {
    const int64_t before = memory_stats().bytes_requested;
    Tensor held;
    {
      const Tensor a = sigmoid(x), b = sigmoid(x), s = add(a, b), loss = sum(mul(s, s));
      held = s.detach();
      if (run) loss.backward();
      Tensor leaf = x;
      leaf.clear_grad();
    }
    EXPECT_LT(memory_stats().bytes_requested - before, 2 * kBytes);
    EXPECT_NE(held.to_vector<float>()[0], 0);
  }
}

TEST(Reduce, LongSumsKeepTheirDigits) {
  // in f32 the running sum would stop growing at 2²⁴
  const Tensor ones = Tensor::full({5000, 5000}, 1);
  EXPECT_EQ(sum(ones).item<float>(), 25e6F);
  EXPECT_EQ(mean(ones).item<float>(), 1);
  EXPECT_EQ(sum(ones, {0}).to_vector<float>()[4999], 5000);
}

TEST(Reduce, RefusesDimensionsThatDoNotExist) {
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_THAT(error_of([&] { sum(x, {2}); }), AllOf(HasSubstr("sum"), HasSubstr("-2 to 1")));
  EXPECT_THAT(error_of([&] { mean(x, {1, -1}); }), HasSubstr("twice"));
}

TEST(ShapeOps, FlattenGivesPyTorchsOrderOfColumns) {
  // (N, H, W, C) = (1, 2, 1, 3): channels slowest in the result
  const Tensor x = Tensor::from<double>({0, 1, 2, 10, 11, 12}, {1, 2, 1, 3});
  EXPECT_EQ(flatten(x).shape(), (Shape{1, 6}));
  EXPECT_THAT(flatten(x).to_vector<double>(), ElementsAre(0, 10, 1, 11, 2, 12));
  EXPECT_EQ(flatten(x, 2).shape(), (Shape{1, 3, 2}));
}

TEST(ShapeOps, SliceCountsAsPythonDoes) {
  const Tensor x = vector_of({0, 1, 2, 3, 4, 5, 6});
  EXPECT_THAT(slice(x, {{-3, {}}}).to_vector<double>(), ElementsAre(4, 5, 6));
  EXPECT_THAT(slice(x, {{1, -1, 2}}).to_vector<double>(), ElementsAre(1, 3, 5));
  EXPECT_THAT(slice(x, {{{}, 100, 4}}).to_vector<double>(), ElementsAre(0, 4));
  EXPECT_THAT(error_of([&] { slice(x, {{5, 2}}); }), HasSubstr("selects nothing"));
  EXPECT_THAT(error_of([&] { slice(x, {{{}, {}, 0}}); }), HasSubstr("step 0"));
  EXPECT_THAT(error_of([&] { slice(x, {{}, {}}); }), HasSubstr("2 ranges"));
}

TEST(ShapeOps, ATensorOfNoElementsIsMovedLikeAnyOther) {
  for (const Shape& shape : {Shape{2, 0, 3}, Shape{2, 3, 0}, Shape{0, 2, 3}}) {
    const Tensor x = Tensor::zeros(shape).set_requires_grad();
    const Tensor y = relu(x + permute(permute(x, {1, 0, 2}), {1, 0, 2}));
    EXPECT_EQ(y.shape(), shape);
    EXPECT_EQ(cat({x, y}).to_vector<float>().size(), 0u);
    EXPECT_EQ(cat({x, y}).body()->raw.slice_channels(0, 0).shape.channels(), 0);
    y.backward(Tensor::zeros(shape));
    EXPECT_EQ(x.grad().shape(), shape);
  }
}

TEST(ShapeOps, ReshapeRefusesWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3});
  EXPECT_EQ(reshape(x, {-1}).shape(), (Shape{6}));
  EXPECT_THAT(error_of([&] { reshape(x, {4, -1}); }), HasSubstr("6 elements"));
  EXPECT_THAT(error_of([&] { reshape(x, {-1, -1}); }), HasSubstr("only one"));
  EXPECT_THAT(error_of([&] { reshape(x, {5}); }), AllOf(HasSubstr("(2, 3)"), HasSubstr("(5)")));
  EXPECT_THAT(error_of([&] { permute(x, {0, 0}); }), HasSubstr("needed once"));
  EXPECT_THAT(error_of([&] { permute(x, {0}); }), HasSubstr("1 dimensions given"));
  EXPECT_THAT(error_of([&] { flatten(x, 2); }), HasSubstr("start 2"));
  EXPECT_THAT(error_of([&] { pad(Tensor::zeros({1, 2, 2, 1}), {.top = -1, .bottom = -1}); }), HasSubstr("nothing"));
}

TEST(Softmax, IsExactForLargeInputs) {
  const Values large{1e4, 1e4 + 1, -1e4};
  const double e = std::exp(-1.0);
  EXPECT_THAT(softmax(vector_of(large)).to_vector<double>(),
              ElementsAre(testing::DoubleNear(e / (1 + e), 1e-12), testing::DoubleNear(1 / (1 + e), 1e-12), 0));
  EXPECT_THAT(log_softmax(vector_of(large)).to_vector<double>()[2], testing::DoubleNear(-20001 - std::log1p(e), 1e-9));
}

TEST(CrossEntropy, LabelsOutOfRangeAreNamed) {
  const Tensor logits = Tensor::zeros({3, 4});
  for (const int64_t label : {int64_t{4}, int64_t{-1}, int64_t{200}})
    EXPECT_THAT(error_of([&] {
                  cross_entropy(logits, Tensor::from<int64_t>({0, label, 1}, {3}));
                }),
                AllOf(HasSubstr("sample 1"), HasSubstr(std::to_string(label)), HasSubstr("0 to 3")));
  EXPECT_THAT(error_of([&] { cross_entropy(logits, Tensor::from<int64_t>({0, 1}, {2})); }), HasSubstr("(2)"));
  EXPECT_THAT(error_of([&] { cross_entropy(logits, Tensor::zeros({3, 5})); }), HasSubstr("(3, 5)"));
  EXPECT_THAT(error_of([&] {
                cross_entropy(logits, Tensor::from<int64_t>({0, 1, 2}, {3}), {.label_smoothing = 1.5});
              }),
              HasSubstr("1.5"));
}

TEST(CrossEntropy, IgnoredSamplesCountNothing) {
  const Tensor target = Tensor::from<int64_t>({-100, 1}, {2});
  Tensor logits = Tensor::from<double>({NAN, 1, 2, 3}, {2, 2}).set_requires_grad();
  const Tensor loss = cross_entropy(logits, target);
  EXPECT_NEAR(loss.item<double>(), std::log1p(std::exp(-1.0)), 1e-12);
  loss.backward();
  const Values g = logits.grad().to_vector<double>();
  EXPECT_EQ(g[0], 0);
  EXPECT_EQ(g[1], 0);
  EXPECT_LT(g[3], 0);
  // nothing left to average, as in PyTorch
  EXPECT_TRUE(std::isnan(cross_entropy(logits, Tensor::from<int64_t>({-100, -100}, {2})).item<double>()));
}

TEST(CrossEntropy, AnImpossibleClassThatIsNotTheLabelsCostsNothing) {
  const Tensor logits = Tensor::from<double>({0, -INFINITY, 0}, {1, 3});
  EXPECT_NEAR(cross_entropy(logits, Tensor::from<int64_t>({0}, {1})).item<double>(), std::log(2.0), 1e-12);
}

TEST(Dropout, KeepsAShareAndScalesIt) {
  const Tensor x = Tensor::full({100, 1000}, 2, DType::f64);
  const Values y = dropout(x, 0.3, RandomStream(1, "d")).to_vector<double>();
  const auto kept = std::count_if(y.begin(), y.end(), [](double v) { return v != 0; });
  for (const double v : y) ASSERT_TRUE(v == 0 || std::abs(v - 2 / 0.7) < 1e-12);
  EXPECT_NEAR(static_cast<double>(kept), 7e4, 5 * std::sqrt(1e5 * 0.21));
}

TEST(Dropout, DrawsFromTheStreamInRowMajorOrder) {
  RandomStream stream(1, "d");
  const Values y = dropout(Tensor::full({2, 3, 4}, 1, DType::f64), 0.5, stream).to_vector<double>();
  for (const double v : y) EXPECT_EQ(v != 0, stream.next() >= uint32_t{1} << 31);
}

TEST(Dropout, OfNothingIsTheInputAndOfAllIsRefused) {
  const Tensor x = Tensor::zeros({2});
  EXPECT_EQ(dropout(x, 0, RandomStream(1, "d")).body(), x.body());
  for (const double p : {1.0, -0.1, 1.5, static_cast<double>(NAN)})
    EXPECT_THAT(error_of([&] { dropout(x, p, RandomStream(1, "d")); }), HasSubstr("[0, 1)"));
}

}  // namespace
}  // namespace ghost::test
