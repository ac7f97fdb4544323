// What makes ghosts: values against plain definitions, then both ghost layers with each of them.
#include "nn/layers/cheap_op.h"

#include <algorithm>
#include <cmath>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/ops/affine_sample.h"
#include "core/ops/arithmetic.h"
#include "core/ops/haar.h"
#include "core/ops/reduce.h"
#include "core/ops/shift.h"
#include "nn/layers/ghost_conv.h"
#include "nn/layers/ghost_module.h"
#include "nn/models/registry.h"
#include "support/modules.h"
#include "support/programs.h"

namespace ghost {
namespace {

using test::entry_names;
using test::error_of;
using test::parameter_count;
using test::random_tensor;
using testing::Contains;
using testing::Each;
using testing::StartsWith;

// ---- operators -----------------------------------------------------------------------------------------------------

// A map (H, W) with zeros around it.
struct Map {
  std::vector<double> values;
  int64_t h, w, channels;
  double at(int64_t n, int64_t i, int64_t j, int64_t c) const {
    return i < 0 || i >= h || j < 0 || j >= w ? 0 : values[static_cast<size_t>(((n * h + i) * w + j) * channels + c)];
  }
};
Map map_of(const Tensor& t) { return {t.to_vector<double>(), t.size(1), t.size(2), t.size(3)}; }

// expected(input, n, i, j, o) for every element of y
template <class F>
void expect_values(const Tensor& x, const Tensor& y, F expected, double tolerance = 1e-12) {
  const Map in = map_of(x), out = map_of(y);
  for (int64_t n = 0; n < y.size(0); n++)
    for (int64_t i = 0; i < out.h; i++)
      for (int64_t j = 0; j < out.w; j++)
        for (int64_t o = 0; o < out.channels; o++)
          ASSERT_NEAR(out.at(n, i, j, o), expected(in, n, i, j, o), tolerance)
              << "image " << n << ", pixel (" << i << ", " << j << "), channel " << o;
}

TEST(Shift, MovesEachGhostByItsOffset) {
  const std::vector<PixelOffset> offsets{{0, 1}, {-1, 0}, {2, -1}, {1, 1}, {0, -5}, {4, 0}};
  const Tensor x = random_tensor({2, 4, 5, 3}, 0, DType::f64);
  expect_values(
      x, shift(x, offsets),
      [&](const Map& in, int64_t n, int64_t i, int64_t j, int64_t o) {
        const PixelOffset by = offsets[static_cast<size_t>(o)];
        return in.at(n, i + by.y, j + by.x, o / 2);
      },
      0);
  EXPECT_EQ(error_of([&] {
              shift(x, {{0, 0}, {1, 0}});
            }),
            "shift: 2 offsets given for input (2, 4, 5, 3), but their number must be a positive multiple of its 3 "
            "channels");
}

TEST(Haar, MixesTheFourBands) {
  const Tensor x = random_tensor({2, 4, 5, 3}, 0, DType::f64), k = random_tensor({6, 4}, 1, DType::f64);
  const std::vector<double> weight = k.to_vector<double>();
  expect_values(x, haar_mix(x, k), [&](const Map& in, int64_t n, int64_t i, int64_t j, int64_t o) {
    const double a = in.at(n, i, j, o / 2), b = in.at(n, i, j + 1, o / 2);
    const double c = in.at(n, i + 1, j, o / 2), d = in.at(n, i + 1, j + 1, o / 2);
    // a pair's sum and difference along the rows, then the same of these along the columns
    const double low_top = a + b, low_bottom = c + d, high_top = a - b, high_bottom = c - d;
    const double bands[] = {low_top + low_bottom, low_top - low_bottom, high_top + high_bottom, high_top - high_bottom};
    double sum = 0;
    for (size_t band = 0; band < 4; band++) sum += weight[static_cast<size_t>(o) * 4 + band] * bands[band] / 2;
    return sum;
  });
  EXPECT_EQ(error_of([&] {
              haar_mix(x, random_tensor({4, 4}, 0, DType::f64));
            }),
            "haar_mix: coefficients are (4, 4), but for input (2, 4, 5, 3) must be (a multiple of 3, 4)");
}

// Equation 5 of arXiv 1506.02025 as it stands: a sum over all pixels.
TEST(AffineSample, IsTheSumOfItsEquation) {
  const Tensor x = random_tensor({2, 5, 6, 2}, 0, DType::f64), theta = random_tensor({6, 2, 3}, 1, DType::f64);
  const std::vector<double> t = theta.to_vector<double>();
  expect_values(x, affine_sample(x, theta), [&](const Map& in, int64_t n, int64_t i, int64_t j, int64_t o) {
    const auto w = static_cast<double>(in.w), h = static_cast<double>(in.h);
    const double u = (static_cast<double>(j) + 0.5) * 2 / w - 1, v = (static_cast<double>(i) + 0.5) * 2 / h - 1;
    const double* a = t.data() + o * 6;
    const double px = (a[0] * u + a[1] * v + a[2] + 1) * w / 2 - 0.5,
                 py = (a[3] * u + a[4] * v + a[5] + 1) * h / 2 - 0.5;
    double sum = 0;
    for (int64_t y = 0; y < in.h; y++)
      for (int64_t z = 0; z < in.w; z++)
        sum += in.at(n, y, z, o / 3) * std::max(0.0, 1 - std::abs(px - static_cast<double>(z))) *
               std::max(0.0, 1 - std::abs(py - static_cast<double>(y)));
    return sum;
  });
}

// Maps whose result is known without computing: what PyTorch's affine_grid and grid_sample give with
// align_corners=False (with True a shift by one pixel would be 2/(W − 1)).
TEST(AffineSample, PixelsLieWherePyTorchHasThem) {
  const Tensor x = Tensor::from<double>({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, {1, 4, 4, 1});
  const auto seen = [&](const std::vector<double>& theta) {
    return affine_sample(x, Tensor::from(theta, {1, 2, 3})).to_vector<double>();
  };
  const auto expect_seen = [&](const std::vector<double>& theta, const std::vector<double>& y) {
    const std::vector<double> came = seen(theta);
    for (size_t k = 0; k < y.size(); k++) EXPECT_NEAR(came[k], y[k], 1e-12) << k;
  };
  expect_seen({1, 0, 0, 0, 1, 0}, x.to_vector<double>());
  expect_seen({1, 0, 0.5, 0, 1, 0}, {2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0, 14, 15, 16, 0});  // 2/W: one to the left
  expect_seen({1, 0, 0, 0, 1, -0.5}, {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  expect_seen({-1, 0, 0, 0, 1, 0}, {4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13});
  expect_seen({0, 1, 0, 1, 0, 0}, {1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15, 4, 8, 12, 16});
  // half the size: positions −1.5, 0.5, 2.5, 4.5 of each axis
  expect_seen({2, 0, 0, 0, 2, 0}, {0, 0, 0, 0, 0, 3.5, 5.5, 0, 0, 11.5, 13.5, 0, 0, 0, 0, 0});
  // half a pixel: the last column is half outside
  expect_seen({1, 0, 0.25, 0, 1, 0}, {1.5, 2.5, 3.5, 2, 5.5, 6.5, 7.5, 4, 9.5, 10.5, 11.5, 6, 13.5, 14.5, 15.5, 8});
  EXPECT_THAT(seen({1e300, 0, 0, 0, 1, 0}), Each(0));
  for (const double v : seen({std::nan(""), 0, 0, 0, 1, 0})) EXPECT_TRUE(std::isnan(v));
  for (const double v : seen({1, 0, HUGE_VAL, 0, 1, 0})) EXPECT_TRUE(std::isnan(v));
  EXPECT_EQ(error_of([&] {
              affine_sample(x, Tensor::zeros({1, 3, 2}, DType::f64));
            }),
            "affine_sample: theta is (1, 3, 2), but for input (1, 4, 4, 1) must be (a multiple of 1, 2, 3)");
}

TEST(Blur, IsTheBinomialFilter) {
  const Tensor x = random_tensor({1, 6, 5, 2}, 0);
  const std::vector<std::vector<double>> binomials{{1}, {1, 2, 1}, {1, 4, 6, 4, 1}, {1, 6, 15, 20, 15, 6, 1}};
  for (const std::vector<double>& row : binomials) {
    const auto d = static_cast<int64_t>(row.size());
    const ModulePtr blur = make_cheap_op("blur", {.in = 2, .out = 4, .kernel = d});
    expect_values(
        x, (*blur)(x),
        [&](const Map& in, int64_t n, int64_t i, int64_t j, int64_t o) {
          double sum = 0;
          for (int64_t u = 0; u < d; u++)
            for (int64_t v = 0; v < d; v++)
              sum += row[static_cast<size_t>(u)] * row[static_cast<size_t>(v)] *
                     in.at(n, i + u - d / 2, j + v - d / 2, o / 2);
          return sum / std::pow(4, static_cast<double>(d - 1));
        },
        1e-6);
  }
}

TEST(CheapOp, ShiftTakesTheNeighboursInTurn) {
  const ModulePtr module = make_cheap_op("shift", {.in = 9, .out = 9, .kernel = 3});
  std::vector<float> dot(5 * 5 * 9, 0);
  std::fill_n(dot.begin() + 12 * 9, 9, 1.0F);  // the middle pixel
  const Map y = map_of((*module)(Tensor::from(dot, {1, 5, 5, 9})));
  const std::vector<std::pair<int64_t, int64_t>> offsets{{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}, {0, 1},
                                                         {1, -1},  {1, 0},  {1, 1},  {-1, -1}};
  for (int64_t o = 0; o < 9; o++) {
    const auto [down, right] = offsets[static_cast<size_t>(o)];
    EXPECT_EQ(y.at(0, 2 - down, 2 - right, o), 1) << o;
  }
}

TEST(CheapOp, AffineStartsNearTheIdentity) {
  const ModulePtr module = make_cheap_op("affine", {.in = 50, .out = 100});
  module->initialise(3);
  const std::vector<double> theta = module->parameters()[0].tensor.to_vector<double>();
  double largest = 0;
  for (size_t k = 0; k < theta.size(); k++)
    largest = std::max(largest, std::abs(theta[k] - (k % 6 == 0 || k % 6 == 4 ? 1 : 0)));
  EXPECT_LE(largest, 0.1);
  EXPECT_GT(largest, 0.09);
  EXPECT_NE(theta[0], theta[6]);
}

// ---- layers --------------------------------------------------------------------------------------------------------

struct Layer {
  std::string layer, op;
};
void PrintTo(const Layer& l, std::ostream* out) { *out << l.layer << " " << l.op; }

class GhostLayers : public testing::TestWithParam<Layer> {
 protected:
  static std::string op() { return GetParam().op; }
  static bool module() { return GetParam().layer == "GhostModule"; }
  static ModulePtr make(int64_t in, int64_t out, int64_t ratio, int64_t cheap_kernel = 3,
                        Activation activation = Activation::relu) {
    if (module())
      return std::make_shared<GhostModule>(GhostModule::Options{.in = in,
                                                                .out = out,
                                                                .ratio = ratio,
                                                                .cheap_op = op(),
                                                                .cheap_kernel = cheap_kernel,
                                                                .activation = activation});
    return std::make_shared<GhostConv>(GhostConv::Options{.in = in,
                                                          .out = out,
                                                          .ratio = static_cast<double>(ratio),
                                                          .cheap_op = op(),
                                                          .cheap_kernel = cheap_kernel,
                                                          .activation = activation});
  }
  static std::string cheap() { return module() ? "cheap_operation" : "cheap_conv"; }
};

// What a ghost learns with a 5×5 kernel, and what it costs.
struct Cost {
  int64_t parameters, macs;
};
const std::map<std::string, Cost> kCosts{
    {"depthwise", {25, 25}}, {"shift", {0, 0}},  {"pointwise_depthwise1x1", {1, 1}},
    {"blur", {0, 25}},       {"affine", {6, 4}}, {"haar", {4, 4}}};

TEST_P(GhostLayers, CountWhatTheyLearnAndCompute) {
  const ModulePtr layer = make(8, 12, 3, 5);  // 4 intrinsic, 8 ghosts
  const Cost& cost = kCosts.at(op());
  EXPECT_EQ(parameter_count(*layer), 8 * 4 + 8 + 8 * cost.parameters + 16);
  const auto modules = layer->modules();
  const auto found =
      std::find_if(modules.begin(), modules.end(), [](const auto& m) { return m.first == cheap() + ".0"; });
  ASSERT_NE(found, modules.end());
  EXPECT_EQ(found->second->macs({2, 3, 5, 4}, {2, 3, 5, 8}), 2 * 3 * 5 * 8 * cost.macs);
}

TEST_P(GhostLayers, NameBatchNormAlikeForEveryOperation) {
  const ModulePtr layer = make(8, 12, 3);
  const std::vector<std::string> names = entry_names(*layer);
  for (const char* entry : {".1.weight", ".1.bias", ".1.running_mean", ".1.running_var", ".1.num_batches_tracked"})
    EXPECT_THAT(names, Contains(cheap() + entry));
  const std::string learned = kCosts.at(op()).parameters == 0 ? "" : op() == "affine" ? ".0.theta" : ".0.weight";
  if (!learned.empty()) {
    EXPECT_THAT(names, Contains(cheap() + learned));
  }
  EXPECT_EQ(names.size(), learned.empty() ? 11u : 12u);
}

TEST_P(GhostLayers, GiveTheNumericGradientToEveryParameter) {
  const ModulePtr layer = make(3, 6, 3, 3, Activation::none);  // 2 intrinsic, 4 ghosts; without the kinks of a ReLU
  layer->initialise(1);
  layer->to(DType::f64);
  const std::vector<Parameter> parameters = layer->parameters();
  std::vector<Tensor> inputs{random_tensor({2, 4, 5, 3}, 0, DType::f64)};
  for (const Parameter& p : parameters) inputs.push_back(p.tensor.clone());
  const auto gradients = [&](const Tensor& input) {
    const Tensor x = input.clone().set_requires_grad();
    for (const Parameter& p : parameters) Tensor(p.tensor).clear_grad();
    const Tensor y = (*layer)(x);
    backward({y}, {test::upstream(y.shape(), DType::f64)});
    std::vector<Tensor> all{x.grad()};
    for (const Parameter& p : parameters) all.push_back(p.tensor.grad());
    return all;
  };
  const auto value = [&] {
    const NoGrad no_grad;
    const Tensor y = (*layer)(inputs[0]);
    return sum(y * test::upstream(y.shape(), DType::f64)).item<double>();
  };
  for (const bool fold : {true, false}) {
    const test::Folding setting(fold);
    const std::vector<Tensor> analytic = gradients(inputs[0]);
    for (size_t k = 0; k < inputs.size(); k++) {
      const std::string name = k == 0 ? "the input" : parameters[k - 1].name;
      ASSERT_TRUE(analytic[k].defined()) << name;
      EXPECT_GT(test::largest_magnitude(analytic[k]), 1e-9) << name;
      Tensor moved = k == 0 ? inputs[0] : parameters[k - 1].tensor;
      const std::vector<double> g = analytic[k].to_vector<double>();
      constexpr double kStep = 1e-5;
      for (int64_t e = 0; e < moved.numel(); e += std::max<int64_t>(1, moved.numel() / 12)) {
        const double at = moved.to_vector<double>()[static_cast<size_t>(e)];
        const auto value_at = [&](double v) {
          moved.mutable_data<double>()[e] = v;
          return value();
        };
        const double numeric = (value_at(at + kStep) - value_at(at - kStep)) / (2 * kStep);
        moved.mutable_data<double>()[e] = at;
        EXPECT_NEAR(g[static_cast<size_t>(e)], numeric, 1e-6 * (1 + std::abs(numeric))) << name << " [" << e << "]";
      }
    }
  }
}

// Values and gradients of one training call.
std::vector<std::vector<float>> trained_once(Module& layer, const Tensor& x) {
  for (const Parameter& p : layer.parameters()) Tensor(p.tensor).clear_grad();
  const Tensor leaf = x.clone().set_requires_grad();
  const Tensor y = layer(leaf);
  backward({y}, {test::upstream(y.shape(), y.dtype())});
  std::vector<std::vector<float>> all{y.to_vector<float>(), leaf.grad().to_vector<float>()};
  for (const Parameter& p : layer.parameters()) all.push_back(p.tensor.grad().to_vector<float>());
  return all;
}

TEST_P(GhostLayers, BitsDoNotDependOnThreads) {
  const ModulePtr layer = make(8, 36, 3);
  layer->initialise(0);
  const Tensor x = random_tensor({5, 9, 7, 8}, 0);
  const auto with_threads = [&](int n) {
    const test::Threads setting(n);
    return trained_once(*layer, x);
  };
  const auto one = with_threads(1);
  EXPECT_EQ(with_threads(2), one);
  EXPECT_EQ(with_threads(4), one);
}

TEST_P(GhostLayers, FoldingChangesNothingButRounding) {
  const ModulePtr layer = make(8, 12, 3);
  layer->initialise(0);
  const Tensor x = random_tensor({3, 6, 5, 8}, 0);
  const auto with_folding = [&](bool on) {
    const test::Folding setting(on);
    return trained_once(*layer, x);
  };
  const auto folded = with_folding(true), plain = with_folding(false);
  for (size_t k = 0; k < folded.size(); k++)
    test::expect_close({folded[k].begin(), folded[k].end()}, {plain[k].begin(), plain[k].end()}, 1e-4,
                       "result " + std::to_string(k));
}

TEST_P(GhostLayers, TheGhostsAreNotCopied) {
  const test::Folding setting(true);
  const ModulePtr layer = make(8, 12, 3);
  layer->initialise(0);
  std::vector<Tensor> written;
  const ForwardObserver observer([&](Module& m, const Tensor&, const Tensor& y) {
    if (m.path() == cheap() + ".0") written.push_back(y);
  });
  const Tensor y = (*layer)(random_tensor({2, 4, 4, 8}, 0));
  ASSERT_EQ(written.size(), 1u);
  ASSERT_TRUE(y.body()->raw.in_parts());
  EXPECT_EQ(y.body()->raw.parts->back().storage, written[0].body()->raw.storage);
}

TEST_P(GhostLayers, LearnInThreeSteps) {
  const ModulePtr layer = make(6, 12, 2);
  layer->initialise(2);
  const Tensor x = random_tensor({8, 6, 6, 6}, 0), wanted = random_tensor({8, 6, 6, 12}, 1);
  std::vector<double> losses;
  for (int step = 0; step < 4; step++) {
    for (const Parameter& p : layer->parameters()) Tensor(p.tensor).clear_grad();
    const Tensor error = (*layer)(x)-wanted;
    const Tensor loss = mean(error * error);
    losses.push_back(loss.item<double>());
    loss.backward();
    const NoGrad no_grad;
    for (const Parameter& p : layer->parameters())
      Tensor(p.tensor).copy_from(p.tensor - p.tensor.grad() * Tensor::scalar(0.3));
  }
  for (size_t step = 1; step < losses.size(); step++) EXPECT_LT(losses[step], losses[step - 1]) << "step " << step;
}

TEST_P(GhostLayers, RefuseEvenKernels) {
  EXPECT_EQ(error_of([] { make(8, 12, 3, 4); }),
            GetParam().layer +
                ": cheap_kernel=4 is even, so its maps would not align with the primary ones; nearest "
                "valid: 3 or 5");
  if (op() == "shift") {
    EXPECT_EQ(error_of([] { make(8, 12, 3, 1); }),
              GetParam().layer + ": cheap_kernel=1, but cheap_op=shift needs at least 3");
  } else {
    EXPECT_NO_THROW(make(8, 12, 3, 1));
  }
}

std::vector<Layer> all_layers() {
  std::vector<Layer> all;
  for (const char* layer : {"GhostModule", "GhostConv"})
    for (const std::string& op : cheap_op_names()) all.push_back({layer, op});
  return all;
}
INSTANTIATE_TEST_SUITE_P(CheapOp, GhostLayers, testing::ValuesIn(all_layers()),
                         [](const auto& row) { return row.param.layer + "_" + row.param.op; });

TEST(CheapOp, CutChannelsGetNoGradient) {
  for (const std::string& op : cheap_op_names()) {
    GhostModule layer({.in = 4, .out = 7, .ratio = 4, .cheap_op = op});  // 2 + 6 made, 1 cut
    layer.initialise(0);
    const Tensor y = layer(random_tensor({3, 5, 5, 4}, 0));
    ASSERT_EQ(y.shape(), Shape({3, 5, 5, 7}));
    sum(y * random_tensor(y.shape(), 1)).backward();
    for (const Parameter& p : layer.parameters()) {
      if (!p.name.starts_with("cheap_operation")) continue;
      const std::vector<float> g = p.tensor.grad().to_vector<float>();
      const std::vector<float> cut(g.begin() + static_cast<int64_t>(g.size()) * 5 / 6, g.end());
      EXPECT_THAT(cut, Each(0)) << op << ", " << p.name;
      EXPECT_GT(test::largest_magnitude(p.tensor.grad()), 0) << op << ", " << p.name;
    }
  }
}

TEST(CheapOp, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_EQ(
      error_of([] { GhostModule m({.in = 4, .out = 8, .cheap_op = "blr"}); }),
      "GhostModule: cheap_op: 'blr' is not one of depthwise, shift, pointwise_depthwise1x1, blur, affine or haar; "
      "did you mean 'blur'?");
  EXPECT_THAT(error_of([] { GhostConv m({.in = 4, .out = 8, .cheap_op = "wavelet"}); }),
              StartsWith("GhostConv: cheap_op: 'wavelet' is not one of depthwise"));
}

TEST(CheapOp, AWholeModelTakesIt) {
  const auto count = [](const std::string& op) {
    return parameter_count(*build_model({.name = "ghostnet", .width = 0.5, .cheap_op = op}, 0));
  };
  const int64_t depthwise = count("depthwise"), shifted = count("shift");
  EXPECT_EQ((depthwise - shifted) % 9, 0);
  const int64_t ghosts = (depthwise - shifted) / 9;
  EXPECT_GT(ghosts, 1000);
  EXPECT_EQ(count("haar") - shifted, 4 * ghosts);
  EXPECT_EQ(count("affine") - shifted, 6 * ghosts);
  for (const char* variant : {"tensorflow", "d_li14"}) {
    const ModulePtr model =
        build_model({.name = "ghostnet", .width = 0.5, .variant = variant, .cheap_op = "blur", .stem_stride = 1}, 0);
    const NoGrad no_grad;
    model->eval();
    EXPECT_EQ((*model)(random_tensor({1, 32, 32, 3}, 0)).shape(), Shape({1, 10})) << variant;
  }
}

}  // namespace
}  // namespace ghost
