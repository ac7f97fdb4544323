// ghost-inspect as a user meets it, and what it finds in networks of which the answer is known.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "data/image.h"
#include "nn/layers/ghost_module.h"
#include "nn/models/registry.h"
#include "support/modules.h"
#include "support/picture_files.h"
#include "support/process.h"
#include "support/temp_dir.h"
#include "support/tiny_images.h"
#include "train/inspect/inspection.h"
#include "train/inspect/page.h"
#include "train/inspect/sheets.h"

namespace ghost {
namespace {

using nlohmann::json;
using test::error_of;
using test::Finished;
using test::random_tensor;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

ModulePtr small_model(const std::string& conv) {
  ModelConfig config;
  config.name = "plain_cnn", config.channels = {8, 12}, config.conv.name = conv;
  return build_model(config, 0);
}

TEST(LayerMaps, AreGhostLayersAndConvolutionsWithWhatFollowsThem) {
  EXPECT_THAT(map_layers(*small_model("ghost")), ElementsAre("stages.0.0", "stages.0.1", "stages.1.0", "stages.1.1"));
  ModelConfig resnet;
  resnet.name = "resnet", resnet.depth = 20;
  const std::vector<std::string> layers = map_layers(*build_model(resnet, 0));
  EXPECT_EQ(layers.size(), 19u);  // without the classifier
  EXPECT_THAT(layers, AllOf(Contains("bn1"), Contains("layer1.0.bn1"), Contains("layer3.2.bn2")));
  // Squeeze-excite works on averages.
  EXPECT_THAT(map_layers(*build_model({.name = "ghostnet"}, 0)), Not(Contains(HasSubstr(".se."))));
}

TEST(LayerMaps, TellIntrinsicMapsGhostsAndFilters) {
  const ModulePtr model = small_model("ghost");
  model->eval();
  const std::vector<LayerMaps> layers = layer_maps(*model, random_tensor({2, 16, 16, 3}, 1), {"stages.1.[01]"});
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].name, "stages.1.0");
  EXPECT_EQ(layers[0].maps.shape(), (Shape{2, 8, 8, 12}));
  EXPECT_EQ(layers[0].intrinsic, 6);
  EXPECT_EQ(layers[0].ghosts, 6);
  EXPECT_EQ(layers[0].filters.shape(), (Shape{6, 3, 3}));
  EXPECT_FALSE(model->training());
}

TEST(LayerMaps, UnknownLayersAreNamedWithTheNearest) {
  const ModulePtr model = small_model("standard");
  const Tensor x = random_tensor({1, 16, 16, 3}, 1);
  EXPECT_THAT(error_of([&] { layer_maps(*model, x, {"stages.0.7"}); }),
              AllOf(HasSubstr("there is no such layer in PlainCnn"), HasSubstr("stages.0.0")));
  EXPECT_THAT(error_of([&] { layer_maps(*model, x, {"classifier", "fc"}); }), HasSubstr("there is no such layer"));
}

// Without ReLU a ghost is its intrinsic map through a 3×3 filter and a batch norm, which in evaluation mode moves it by
// a constant: with zero shift every ghost is predicted, by a filter of its size and by none that is smaller.
TEST(Inspection, FindsTheGhostsOfAGhostLayer) {
  GhostModule layer({.in = 3, .out = 16, .kernel = 3, .activation = Activation::none});
  layer.initialise(0);
  for (Buffer& b : layer.buffers())
    if (b.name.ends_with("running_mean")) b.tensor.copy_from(Tensor::zeros(b.tensor.shape()));
  const Tensor pictures = random_tensor({2, 20, 20, 3}, 3);
  InspectOptions options;
  options.kernels = {1, 3}, options.layers = {}, options.tolerance = 1e-4;
  const Inspection found = inspect(layer, pictures, options);
  ASSERT_EQ(found.layers.size(), 1u);
  const InspectedLayer& one = found.layers[0];
  EXPECT_EQ(one.kernels[0].ghost_ratio.predicted, 0);
  EXPECT_EQ(one.kernels[1].ghost_ratio.predicted, 8);
  EXPECT_EQ(one.kernels[1].ghost_ratio.ratio, 2);
  for (const SimilarPair& pair : one.pairs) {
    EXPECT_EQ(pair.target, pair.source + 8);
    EXPECT_LT(pair.unexplained[1], 1e-4);
  }
  EXPECT_EQ(one.pairs.size(), 8u);
}

TEST(Inspection, PairsAreCountedOnceInTheHistogram) {
  const ModulePtr model = small_model("standard");
  const Inspection found = inspect(*model, random_tensor({1, 16, 16, 3}, 2), InspectOptions());
  const json data = json::parse(inspection_json(found, {8, 8, 1, {0.5}, {0.5}}));
  EXPECT_EQ(data.at("layers").size(), 4u);
  for (const json& layer : data.at("layers"))
    for (const json& fit : layer.at("fits")) {
      const int64_t live = layer.at("maps").get<int64_t>() - fit.at("constant").get<int64_t>();
      int64_t pairs = 0;
      for (const json& bin : fit.at("histogram")) pairs += bin.get<int64_t>();
      EXPECT_EQ(pairs, live * (live - 1));
      EXPECT_DOUBLE_EQ(fit.at("ratio").get<double>(), layer.at("maps").get<double>() / fit.at("needed").get<double>());
    }
  // 8×8 maps of one picture are too small for a filter of 7×7.
  EXPECT_EQ(data.at("layers").back().at("fits").size(), 2u);
  InspectOptions all;
  all.tolerance = 1;
  EXPECT_THAT(error_of([&] { inspect(*model, random_tensor({1, 16, 16, 3}, 2), all); }), HasSubstr("between 0 and 1"));
}

TEST(Sheets, AMapIsDrawnFromItsLowestToItsHighestValue) {
  const std::vector<double> values{0, 1, 2, 3};
  const Image image = colour_map(values, 2, 2, 0, 3, 5);
  EXPECT_EQ(image.height, 10);
  EXPECT_EQ(image.width, 10);
  const auto pixel = [&](int64_t y, int64_t x) {
    const uint8_t* p = image.pixels.data() + (y * 10 + x) * 3;
    return std::array{p[0], p[1], p[2]};
  };
  EXPECT_EQ(pixel(0, 0), (std::array<uint8_t, 3>{68, 1, 84}));
  EXPECT_EQ(pixel(9, 9), (std::array<uint8_t, 3>{253, 231, 37}));
  EXPECT_EQ(pixel(4, 4), pixel(0, 0));
  EXPECT_NE(pixel(4, 5), pixel(4, 4));
}

TEST(Sheets, GhostsStandBesideTheMapTheyAreMadeFrom) {
  // Maps 0 and 1 from the convolution, 2 and 3 made from 0, 4 and 5 from 1; all constant in their first row.
  std::vector<float> values;
  for (int p = 0; p < 4; p++)
    for (int c = 0; c < 6; c++) values.push_back(p == c % 4 ? 1.F : 0.F);
  const LayerMaps layer{.name = "layer",
                        .kind = "GhostModule",
                        .maps = Tensor::from<float>(values, {1, 2, 2, 6}),
                        .intrinsic = 2,
                        .ghosts = 4,
                        .filters = {}};
  const Image sheet = contact_sheet(layer);
  // One group of three cells of 48 pixels in a row.
  const int64_t row = 8 + 3 * 48 + 2 * 2 + 8;
  EXPECT_EQ(sheet.width, row);
  EXPECT_EQ(sheet.height, 2 * 48 + 3 * 8);
}

TEST(Sheets, LargeMapsAreDrawnAtASizeForLooking) {
  const LayerMaps layer{.name = "layer",
                        .kind = "Conv2d",
                        .maps = random_tensor({1, 224, 112, 32}, 1),
                        .intrinsic = 0,
                        .ghosts = 0,
                        .filters = {}};
  const Image map = map_picture(layer.maps, 3, 0, 64);
  EXPECT_EQ(map.height, 56) << "blocks of 4×4";
  EXPECT_EQ(map.width, 28);
  EXPECT_EQ(map_picture(layer.maps, 3).height, 224);
  Inspection inspection{.kernel_sizes = {1, 3}, .tolerance = 0.1, .layers = {}};
  for (int i = 0; i < 2; i++) inspection.layers.push_back({.layer = layer, .kernels = {}, .pairs = {}});
  EXPECT_LT(inspection_sections(inspection, 2, 64).size(), 500'000U);
  EXPECT_GT(inspection_sections(inspection, 2, kEveryValue).size(), 5'000'000U);
}

// A small ghost network of 16×16 grey pictures, trained for an epoch, in run/.
class InspectProgram : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new test::TempDir;
    test::write_tiny_task(*dir_, {.size = 16});
    const Finished run = test::run_program(
        "ghost-train",
        {"--config", "tiny.yaml", "--run", "run", "--set", "model.conv.name=ghost", "--set", "train.epochs=1"},
        {.directory = dir_->str()});
    ASSERT_EQ(run.status, 0) << run.err;
    dir_->write("a.png", test::png_bytes(test::patterned_image(16, 16, 1, 5)));
    dir_->write("b.png", test::png_bytes(test::patterned_image(40, 30, 3, 6)));
    dir_->write("broken.png", std::string_view("no picture"));
  }
  static void TearDownTestSuite() {
    delete dir_;
    dir_ = nullptr;
  }
  static Finished inspect(const Words& arguments) {
    return test::run_program("ghost-inspect", arguments, {.directory = dir_->str()});
  }
  static inline test::TempDir* dir_ = nullptr;
};

TEST_F(InspectProgram, SaysWhatItNeeds) {
  EXPECT_EQ(inspect({}).status, 2);
  const Finished nothing = inspect({"--json"});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_EQ(nothing.err, "ghost-inspect: needs --checkpoint FILE or --weights FILE; --help shows examples\n");
  EXPECT_THAT(inspect({"--checkpoint", "run"}).err, HasSubstr("needs --image FILE"));
  const Finished missing = inspect({"--checkpoint", "nothing", "--image", "a.png"});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("--checkpoint nothing: there is no such file"));
  const Finished broken = inspect({"--checkpoint", "run", "--image", "broken.png"});
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.err, HasSubstr("broken.png"));
  const Finished even = inspect({"--checkpoint", "run", "--image", "a.png", "--kernels", "2"});
  EXPECT_EQ(even.status, 2);
  EXPECT_THAT(even.err, HasSubstr("kernel=2, but must be odd"));
}

TEST_F(InspectProgram, ListsItsLayers) {
  EXPECT_EQ(inspect({"--checkpoint", "run", "--list"}).out, "stages.0.0\nstages.0.1\nstages.1.0\nstages.1.1\n");
}

TEST_F(InspectProgram, PrintsATableOrJson) {
  const Words common{"--checkpoint", "run", "--image", "a.png", "--image", "b.png"};
  const Finished table = inspect(common);
  ASSERT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.out, AllOf(HasSubstr("stages.1.1"), HasSubstr("3×3 filter"), HasSubstr("s = ")));
  Words arguments = common;
  arguments.insert(arguments.end(), {"--json", "--layer", "stages.0.[01]", "--pairs", "2"});
  const Finished finished = inspect(arguments);
  ASSERT_EQ(finished.status, 0) << finished.err;
  const json data = json::parse(finished.out);
  ASSERT_EQ(data.at("layers").size(), 2u);
  EXPECT_EQ(data.at("layers")[0].at("intrinsic"), 3);
  EXPECT_EQ(data.at("layers")[0].at("ghosts"), 3);
  EXPECT_EQ(data.at("layers")[0].at("filters").size(), 3u);
  EXPECT_LE(data.at("layers")[0].at("pairs").size(), 2u);
  arguments.insert(arguments.end(), {"--threads", "3"});
  EXPECT_EQ(inspect(arguments).out, finished.out);
}

TEST_F(InspectProgram, WritesPicturesAndAPageOfItsOwn) {
  const Finished finished =
      inspect({"--checkpoint", "run", "--image", "a.png", "--layer", "stages.0.0", "--output", "look"});
  ASSERT_EQ(finished.status, 0) << finished.err;
  EXPECT_THAT(finished.out, HasSubstr("Page: look/index.html"));
  const fs::path look = *dir_ / "look";
  EXPECT_EQ(read_image(look / "stages.0.0-maps.png").channels, 3);
  EXPECT_EQ(read_image(look / "stages.0.0-filters.png").channels, 3);
  EXPECT_EQ(json::parse(test::file_text(look / "inspect.json")).at("layers").size(), 1u);
  const std::string page = test::file_text(look / "index.html");
  EXPECT_THAT(page, AllOf(HasSubstr("stages.0.0"), HasSubstr("data:image/png;base64,"), HasSubstr("<svg")));
  // Nothing is fetched.
  EXPECT_THAT(page, AllOf(Not(HasSubstr("<script")), Not(HasSubstr("src=\"http")), Not(HasSubstr("url("))));
}

}  // namespace
}  // namespace ghost
