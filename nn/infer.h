// Running a trained model: evaluation, predictions, timing.
#pragma once
#include <cstdint>

#include "nn/module.h"

namespace ghost {

// The number of images (H, W, C) that a model should answer in one call. It depends on their size and the number of
// parameters alone, so that the bits of an answer do not depend on threads. The images are few enough that what one
// layer writes is still in a cache when the next one reads it, and at least 8, so that the last layers still have work
// for several threads. A model of many parameters takes more, since every call reads all of them: 2¹⁶ pixels, or one
// for every 32 parameters.
int64_t images_at_once(const Module& model, const Shape& image);

// model(images) in evaluation mode and without gradients, for images (N, H, W, C) in even parts of at most
// images_at_once(). The model's mode is as before afterwards. Throws Error if the first dimension of what the model
// makes is not the images'.
Tensor infer(Module& model, const Tensor& images);

}  // namespace ghost
