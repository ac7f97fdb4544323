// What training pictures become: the bits of each augmentation, and of all together.
#include <bit>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <ostream>

#include "data/loader.h"
#include "support/picture_files.h"
#include "train/config/config.h"

namespace ghost {
namespace {

// Twelve pictures of different sizes around (height, width).
class Patterns : public Dataset {
 public:
  Patterns(int64_t height, int64_t width, int64_t channels) : height_(height), width_(width), channels_(channels) {}
  int64_t size() const override { return 12; }
  int64_t channels() const override { return channels_; }
  const std::vector<std::string>& class_names() const override { return names_; }
  int64_t label(int64_t index) const override { return index % 2; }
  std::string name(int64_t index) const override { return "picture " + std::to_string(index); }
  Image read(int64_t index) const override {
    return test::patterned_image(height_ + 3 * (index % 3), width_ + 5 * (index % 4), channels_, index);
  }

 private:
  int64_t height_, width_, channels_;
  std::vector<std::string> names_{"a", "b"};
};

struct Golden {
  std::string augment;  // under data.augment
  int64_t height, width, stored_channels;
  int64_t image_size, resize, channels;  // resize 0: pictures are not enlarged
  bool training;
  uint64_t bits;
};
void PrintTo(const Golden& golden, std::ostream* out) { *out << '{' << golden.augment << '}'; }

// FNV-1a (Fowler, Noll and Vo) over the bits of all values of two epochs.
uint64_t bits_of(const Golden& golden) {
  const LoadedConfig loaded = load_config_text("data:\n  augment: {" + golden.augment + "}\n", "a.yaml", {});
  const auto channels = static_cast<size_t>(golden.channels);
  const std::vector<double> mean{0.4914, 0.4822, 0.4465}, deviation{0.2470, 0.2435, 0.2616};
  const DataSplits splits{.train = nullptr,
                          .test = nullptr,
                          .image_size = golden.image_size,
                          .channels = golden.channels,
                          .resize = golden.resize > 0 ? golden.resize : golden.image_size,
                          .mean = {mean.begin(), mean.begin() + static_cast<int64_t>(channels)},
                          .std = {deviation.begin(), deviation.begin() + static_cast<int64_t>(channels)},
                          .enlarge = golden.resize > 0};
  Loader loader(std::make_shared<Patterns>(golden.height, golden.width, golden.stored_channels), splits,
                loaded.config.data.augment, {.batch_size = 5, .training = golden.training, .seed = 41}, nullptr);
  uint64_t hash = 0xCBF29CE484222325;
  for (const int64_t epoch : {0, 3}) {
    loader.start(epoch);
    while (const std::optional<Batch> batch = loader.next())
      for (const float value : batch->images.to_vector<float>()) {
        const auto bits = std::bit_cast<uint32_t>(value);
        for (int byte = 0; byte < 4; byte++) hash = (hash ^ (bits >> (8 * byte) & 0xFF)) * 0x100000001B3;
      }
  }
  return hash;
}

class AugmentGolden : public testing::TestWithParam<Golden> {};

TEST_P(AugmentGolden, GivesTheSameBitsAsEver) {
  EXPECT_EQ(bits_of(GetParam()), GetParam().bits) << std::hex << bits_of(GetParam());
}

const std::string kAll =
    "random_resized_crop: true, scale: [0.2, 0.9], flip: true, brightness: 0.4, contrast: 0.3, saturation: 0.5, "
    "lighting: 0.1";

INSTANTIATE_TEST_SUITE_P(
    Options, AugmentGolden,
    testing::Values(Golden{"", 32, 32, 3, 32, 0, 3, false, 0xFC8F1920ACA27B7D},
                    Golden{kAll, 40, 50, 3, 16, 18, 3, false, 0xEA28E1EFBE2C5FF5},
                    Golden{"", 40, 50, 3, 16, 18, 3, true, 0x8F1A8A4CD18DA0B5},
                    Golden{"", 40, 50, 1, 32, 0, 3, true, 0x4BE35959205F0A0D},
                    Golden{"crop_padding: 4", 32, 32, 3, 32, 0, 3, true, 0xA5FE2F31F33E9A82},
                    Golden{"crop_padding: 2", 20, 28, 1, 32, 0, 1, true, 0x3B3280D161A3A574},
                    Golden{"crop_padding: 3", 40, 50, 3, 16, 20, 3, true, 0xBE02496EBC9FA091},
                    Golden{"flip: true", 15, 17, 1, 16, 0, 1, true, 0xB5CFFF4AF85875AD},
                    Golden{"flip: true", 15, 17, 3, 16, 0, 3, true, 0x68F65603EA6C3BB5},
                    Golden{"random_resized_crop: true", 40, 50, 3, 16, 0, 3, true, 0xF408D336FE383BC5},
                    Golden{"random_resized_crop: true", 16, 99, 1, 24, 0, 1, true, 0xE94357A012B00D17},
                    Golden{"scale: [0.5, 0.6]", 40, 50, 3, 16, 18, 3, true, 0x8F1A8A4CD18DA0B5},
                    Golden{"brightness: 0.5", 16, 16, 3, 16, 0, 3, true, 0x8622EAFDC2A8CD4A},
                    Golden{"contrast: 2", 16, 16, 1, 16, 0, 1, true, 0xF4CF06354C9C8956},
                    Golden{"saturation: 0.7", 16, 16, 3, 16, 0, 3, true, 0x833321EC0D2CB213},
                    Golden{"lighting: 0.2", 16, 16, 3, 16, 0, 3, true, 0xE463B920B574AE30},
                    Golden{"lighting: 0.2", 16, 16, 3, 16, 0, 1, true, 0xC793A6AED385A455},
                    Golden{"crop_padding: 2, flip: true, brightness: 0.2, lighting: 0.1", 32, 32, 3, 32, 0, 3, true,
                           0xF29B7E4E27B61811},
                    Golden{kAll, 40, 50, 3, 16, 18, 3, true, 0xEF50305A3E6A0AF2},
                    Golden{kAll, 40, 50, 3, 16, 0, 1, true, 0xFF7AD697A477D53A}));

}  // namespace
}  // namespace ghost
