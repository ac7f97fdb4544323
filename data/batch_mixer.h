// Augmentations that mix the images of a batch.
#pragma once
#include <memory>
#include <vector>

#include "data/augment/augmentation.h"
#include "data/augment/config.h"
#include "data/loader.h"

namespace ghost {

// An epoch of a run. With the number of a batch it is what the random numbers of the batch are a function of.
struct EpochKey {
  uint64_t seed = 0;
  int64_t epoch = 0;
};

class BatchMixer {
 public:
  // `classes`: that the labels are of. Throws UsageError if there is one and an augmentation that mixes is on.
  BatchMixer(const AugmentConfig& augment, int64_t classes);

  // Lets one of the augmentations that are on act on the batch: it changes the images and gives the targets, λ of the
  // image's own label and 1 − λ of that of the image after it. Random numbers are a function of the key and the batch's
  // number.
  void mix(Batch& batch, const EpochKey& key) const;

 private:
  std::shared_ptr<const AugmentConfig> augment_;  // what the others point into
  std::vector<const BatchAugmentation*> active_;
  int64_t classes_;
};

}  // namespace ghost
