#include <cmath>
#include <gtest/gtest.h>
#include <regex>

#include "data/framing.h"
#include "data/image.h"
#include "data/transforms.h"
#include "reference/compare.h"
#include "reference/kinds.h"

namespace ghost::reference {
namespace {

std::filesystem::path find_picture(const std::filesystem::path& folder, const std::string& name) {
  if (!std::filesystem::is_directory(folder)) fail("there is no folder {}", folder.string());
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().filename() == name) return entry.path();
  fail("{} holds no picture {}", folder.string(), name);
}

void check_decoded(const Image& image, const Json& described, const std::string& name) {
  EXPECT_EQ(image.width, described.at("width").get<int64_t>()) << name;
  EXPECT_EQ(image.height, described.at("height").get<int64_t>()) << name;
  const int64_t pixels = image.height * image.width;
  for (int64_t channel = 0; channel < image.channels; channel++) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < pixels; i++) {
      const double v = image.pixels[static_cast<size_t>(i * image.channels + channel)];
      sum += v;
      squares += v * v;
    }
    const double mean = sum / static_cast<double>(pixels);
    const double deviation = std::sqrt(std::max(0.0, squares / static_cast<double>(pixels) - mean * mean));
    const auto c = static_cast<size_t>(channel);
    expect_within(name + ": decoded mean", mean, described.at("decoded_mean").at(c).get<double>(), 1e-3);
    expect_within(name + ": decoded deviation", deviation, described.at("decoded_std").at(c).get<double>(), 1e-3);
  }
}

// The same decoder, the same filter, the same rounding: the same bytes.
void expect_pixels(const Case& c, const std::string& name, const Image& image) {
  const Tensor& reference = c.tensor("out/" + name);  // (C, H, W)
  ASSERT_EQ(Shape({image.channels, image.height, image.width}).str(), reference.shape().str()) << name;
  const std::vector<double> want = reference.to_vector<double>();
  double worst = 0;
  const int64_t pixels = image.height * image.width;
  for (int64_t channel = 0; channel < image.channels; channel++)
    for (int64_t i = 0; i < pixels; i++) {
      const double got = image.pixels[static_cast<size_t>(i * image.channels + channel)];
      worst = std::max(worst, std::abs(got - want[static_cast<size_t>(channel * pixels + i)]));
    }
  EXPECT_EQ(worst, 0) << name << ": largest difference";
}

}  // namespace

void check_preprocess(const Case& c) {
  static const std::regex known("Resize\\((\\d+)\\)\\+CenterCrop\\((\\d+)\\)");
  std::smatch match;
  if (!std::regex_match(c.op(), match, known)) fail("the preprocessing {} is not known", c.op());
  const int64_t side = std::stoll(match[1]), size = std::stoll(match[2]);
  for (const char* remark : {"resize", "crop", "exif", "color"}) c.args().ignore(remark);

  const std::filesystem::path folder = c.directory() / c.info().at("image_dir").get<std::string>();
  for (const Json& described : c.info().at("images")) {
    const auto name = described.at("file").get<std::string>();
    const Image image = with_channels(read_image(find_picture(folder, name)), 3);
    check_decoded(image, described, name);
    const Framing framing =
        center_of_picture({.height = image.height, .width = image.width}, {.size = size, .resize = side});
    EXPECT_EQ(std::vector({framing.resized.width, framing.resized.height}),
              described.at("resized").get<std::vector<int64_t>>())
        << name;
    expect_pixels(c, name, framed(image, framing, size));
  }
}

}  // namespace ghost::reference
