#include "data/preprocess.h"

namespace ghost {
namespace {

// Hands each augmentation its stream of random numbers.
class Draws {
 public:
  explicit Draws(const SampleKey& key) : key_(key), shared_(stream("augment")) {}

  template <class Stage, class Apply>
  void each(const std::vector<std::pair<const AugmentationEntry*, const Stage*>>& active, const Apply& apply) {
    for (const auto& [entry, augmentation] : active) {
      if (entry->shared_stream) {
        apply(*augmentation, shared_);
      } else {
        RandomStream own = stream("augment." + entry->name);
        apply(*augmentation, own);
      }
    }
  }

 private:
  RandomStream stream(const std::string& name) const {
    return {key_.seed, name, {static_cast<uint64_t>(key_.epoch), static_cast<uint64_t>(key_.sample)}};
  }
  SampleKey key_;
  RandomStream shared_;
};

PictureSize size_of(const Image& image) { return {.height = image.height, .width = image.width}; }

}  // namespace

Preprocessor::Preprocessor(const DataSplits& splits, const AugmentConfig& augment)
    : target_{.size = splits.image_size, .resize = splits.resize, .enlarge = splits.enlarge},
      channels_(splits.channels),
      normalize_(splits.mean, splits.std),
      augment_(std::make_shared<const AugmentConfig>(augment)) {
  check_options(augment, "data.augment");
  if (normalize_.channels() != channels_)
    fail("preprocessing: {} channels, but {} means", channels_, normalize_.channels());
  for (size_t i = 0; i < augment_->all().size(); i++) {
    const Augmentation& one = *augment_->all()[i];
    if (!one.on()) continue;
    const AugmentationEntry* const entry = &augmentations()[i];
    switch (one.stage()) {
      case AugmentStage::geometry:
        geometry_.emplace_back(entry, static_cast<const GeometryAugmentation*>(&one));
        break;
      case AugmentStage::pixels:
        pixels_.emplace_back(entry, static_cast<const PixelAugmentation*>(&one));
        break;
      case AugmentStage::normalized:
        normalized_.emplace_back(entry, static_cast<const NormalizedAugmentation*>(&one));
        break;
      case AugmentStage::batch:  // BatchMixer's
        break;
    }
  }
}

Image Preprocessor::evaluation_image(Image image) const {
  image = with_channels(std::move(image), channels_);
  const Framing framing = center_of_picture(size_of(image), target_);
  return framed(std::move(image), framing, target_.size);
}

void Preprocessor::evaluation(Image image, float* out) const { normalize_(evaluation_image(std::move(image)), out); }

void Preprocessor::training(Image image, const SampleKey& key, float* out) const {
  Draws draws(key);
  image = with_channels(std::move(image), channels_);
  if (geometry_.empty()) {
    const Framing framing = center_of_picture(size_of(image), target_);
    image = framed(std::move(image), framing, target_.size);
  }
  draws.each(geometry_, [&](const GeometryAugmentation& one, RandomStream& random) {
    const Framing framing = one.framing(size_of(image), target_, random);
    image = framed(std::move(image), framing, target_.size);
  });
  draws.each(pixels_, [&](const PixelAugmentation& one, RandomStream& random) { one.apply(image, key, random); });
  normalize_(image, out);
  const NormalizedImage normalized{.height = image.height,
                                   .width = image.width,
                                   .channels = channels_,
                                   .values = out,
                                   .deviation = normalize_.deviations()};
  draws.each(normalized_,
             [&](const NormalizedAugmentation& one, RandomStream& random) { one.apply(normalized, random); });
}

}  // namespace ghost
