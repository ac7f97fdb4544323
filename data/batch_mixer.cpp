#include "data/batch_mixer.h"

#include "core/error.h"

namespace ghost {

BatchMixer::BatchMixer(const AugmentConfig& augment, int64_t classes)
    : augment_(std::make_shared<const AugmentConfig>(augment)), classes_(classes) {
  for (size_t i = 0; i < augment_->all().size(); i++) {
    const Augmentation& one = *augment_->all()[i];
    if (one.stage() != AugmentStage::batch || !one.on()) continue;
    active_.push_back(static_cast<const BatchAugmentation*>(&one));
    if (classes < 2)
      fail_usage("data.augment.{} mixes images of different classes, but the data has {}", augmentations()[i].name,
                 classes == 1 ? "a single class" : "no classes");
  }
}

void BatchMixer::mix(Batch& batch, const EpochKey& key) const {
  if (active_.empty()) return;
  RandomStream random(key.seed, "augment.batch",
                      {static_cast<uint64_t>(key.epoch), static_cast<uint64_t>(batch.number)});
  const BatchAugmentation* chosen = active_.front();
  for (size_t i = 1; i < active_.size(); i++)
    if (random.flip(active_[i]->switch_probability())) chosen = active_[i];
  const Shape& shape = batch.images.shape();
  const int64_t n = shape[0];
  const auto own = static_cast<float>(chosen->mix({.count = n,
                                                   .height = shape[1],
                                                   .width = shape[2],
                                                   .channels = shape[3],
                                                   .values = batch.images.mutable_data<float>()},
                                                  random));
  batch.targets = Tensor::zeros({n, classes_});
  auto* const target = batch.targets.mutable_data<float>();
  const auto* const label = batch.labels.data<int64_t>();
  for (int64_t i = 0; i < n; i++) {
    target[i * classes_ + label[i]] += own;
    target[i * classes_ + label[(i + 1) % n]] += 1 - own;
  }
}

}  // namespace ghost
