// Layers as a command line names them, with the counts of the notebooks (GhostConv, GhostModule, grouped convolution).
#include "nn/layers/layer_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "support/modules.h"

namespace ghost {
namespace {

using test::error_of;
using test::parameter_count;
using testing::HasSubstr;

int64_t count(const std::string& text) { return parameter_count(*parse_layer(text).layer); }

TEST(LayerSpec, CountsWhatTheNotebooksCount) {
  const std::vector<std::pair<std::string, int64_t>> known{
      {"Conv2d(32, 64, 1, bias=False)", 2048},
      {"ConvBn(32, 64)", 2176},
      {"GhostConv(32, 64)", 1440},
      {"GhostConv(32, 64, ratio=1)", 2176},
      {"GhostConv(32, 63, ratio=3)", 1176},
      {"GhostConv(32, 64, ratio=4)", 1072},
      {"GhostModule(32, 65)", 1485},
      {"GhostModule(32, 64, ratio=3)", 1232},
      {"GhostModule(32, 7, ratio=4)", 134},
      {"Conv2d(64, 128, 3, bias=False)", 73728},
      {"Conv2d(64, 128, 3, groups=2, bias=False)", 36864},
      {"Conv2d(64, 128, 3, groups=8, bias=False)", 9216},
      {"Conv2d(64, 128, 3, groups=64, bias=False)", 1152},
      {"DepthwiseSeparableConv(32, 64)", 2464},
      {"GroupedBottleneck(64, 128, groups=8, stride=2)", 25856},
      {"Linear(10, 5)", 55},
  };
  for (const auto& [text, parameters] : known) EXPECT_EQ(count(text), parameters) << text;
  EXPECT_EQ(parse_layer(" GhostBottleneck( 16, 48, 24, stride = 2, se_ratio=0.25 ) ").in_channels, 16);
  EXPECT_EQ(parse_layer("SqueezeExcite(72)").kind, "SqueezeExcite");
}

TEST(LayerSpec, EverySignatureNamesItsArguments) {
  for (const std::string& signature : layer_signatures()) {
    const std::string kind = signature.substr(0, signature.find('('));
    EXPECT_THAT(error_of([&] { parse_layer(kind + "()"); }), HasSubstr(signature));
    EXPECT_THAT(error_of([&] { parse_layer(kind + "(nothing=1)"); }), HasSubstr("has no argument 'nothing'"));
  }
}

TEST(LayerSpec, SaysWhatDoesNotFitWithTheNearest) {
  const auto message = [](const std::string& text) {
    EXPECT_THROW(parse_layer(text), UsageError) << text;
    return error_of([&] { parse_layer(text); });
  };
  EXPECT_THAT(message("GhostConvv(3, 4)"), HasSubstr("did you mean 'GhostConv'?"));
  EXPECT_THAT(message(""), HasSubstr("there is no layer ''"));
  EXPECT_THAT(message("GhostConv"), HasSubstr("is not complete; write GhostConv(c_in, c_out, "));
  EXPECT_THAT(message("GhostConv(32, 64"), HasSubstr("is not complete"));
  EXPECT_THAT(message("GhostConv(32, 64, ratoi=2)"), HasSubstr("did you mean 'ratio'?"));
  EXPECT_THAT(message("GhostConv(32, 64, c_out=64)"), HasSubstr("c_out is given twice"));
  EXPECT_THAT(message("GhostConv(32, c_out=64, 1)"), HasSubstr("'1' follows an argument with a name"));
  EXPECT_THAT(message("Conv2d(32, 64.5, 1)"), HasSubstr("nearest valid: 64 or 65"));
  EXPECT_THAT(message("Conv2d(32, many, 1)"), HasSubstr("out_channels=many, but must be a number"));
  EXPECT_THAT(message("Conv2d(32, 64, 1, bias=2)"), HasSubstr("must be True or False"));
  EXPECT_THAT(message("Linear(1, 2, True, 3)"), HasSubstr("takes 3 arguments"));
  EXPECT_THAT(message("GhostConv(32, 65)"), HasSubstr("nearest valid: out=64 or 66"));
  EXPECT_THAT(message("Conv2d(32, 64, 3, groups=5)"), HasSubstr("groups=5"));
}

}  // namespace
}  // namespace ghost
