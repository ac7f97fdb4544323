// Layers whose initial values are computed from training images.
#pragma once
#include <cstdint>
#include <functional>

#include "nn/module.h"

namespace ghost {

// What such a layer inherits from beside Module. It reads the network's input.
class InitialisedFromData {
 public:
  virtual ~InitialisedFromData() = default;
  // images (N, H, W, C), prepared as for training but without augmentation, in random order.
  virtual void initialise_from(const Tensor& images) = 0;

 protected:
  InitialisedFromData() = default;
  InitialisedFromData(const InitialisedFromData&) = default;
  InitialisedFromData& operator=(const InitialisedFromData&) = default;
};

// Gives every such layer of the model its values. `images` is called once if there is one.
void initialise_from_data(Module& model, const std::function<Tensor()>& images);

}  // namespace ghost
