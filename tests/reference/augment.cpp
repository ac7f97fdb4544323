#include <cmath>
#include <gtest/gtest.h>

#include "data/augment/operations.h"
#include "data/transforms.h"
#include "reference/compare.h"
#include "reference/kinds.h"

namespace ghost::reference {
namespace {

Image picture_of(const Tensor& tensor) {
  Image image{.height = tensor.size(0), .width = tensor.size(1), .channels = tensor.size(2), .pixels = {}};
  for (const int64_t v : tensor.to_vector<int64_t>()) image.pixels.push_back(static_cast<uint8_t>(v));
  return image;
}

Image result_of(const std::string& name, double magnitude, Image image) {
  if (name == "Invert")  // no operation of either policy
    solarize(image, 0);
  else
    picture_operation(name).apply(image, magnitude);
  return image;
}

}  // namespace

// The bytes of Pillow, of every operation.
void check_augment(const Case& c) {
  for (const char* remark : {"interpolation", "fill"}) c.args().ignore(remark);
  for (const Json& row : c.info().at("rows")) {
    const auto name = row.at("op").get<std::string>();
    const std::string what =
        fmt::format("{} by {} of picture {}", name, row.at("magnitude").dump(), row.at("image").get<int64_t>());
    const Image before = picture_of(c.tensor(fmt::format("in/{}", row.at("image").get<int64_t>())));
    const Image want = picture_of(c.tensor(row.at("tensor").get<std::string>()));
    const Image got = result_of(name, row.at("magnitude").is_null() ? 0 : row.at("magnitude").get<double>(), before);
    ASSERT_EQ(got.pixels.size(), want.pixels.size()) << what;
    size_t different = 0;
    for (size_t i = 0; i < got.pixels.size(); i++) different += got.pixels[i] != want.pixels[i];
    EXPECT_EQ(different, 0U) << what << ": bytes that differ, of " << got.pixels.size();
  }
}

}  // namespace ghost::reference
