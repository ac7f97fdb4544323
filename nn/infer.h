// What a trained model answers.
#pragma once
#include <cstdint>

#include "nn/module.h"

namespace ghost {

// How many images (H, W, C) a model answers best at once: by their size and its number of parameters alone, so that the
// bits of an answer do not depend on threads. Few enough that what one layer writes is still in a cache when the next
// one reads it; at least 8, since the last layers would have nothing to share among threads; and more for a model of
// many parameters, since all of them are read for every part: 2¹⁶ pixels, or one for every 32 parameters.
// Measured on an EPYC with AVX-512, images/s of one thread, whole batch → in parts, best of three runs in turns:
// GhostNet at 224×224 192 → 209 (16 images, 8 at once), at 32×32 2,070 → 2,234, ResNet-56 996 → 1,078 (128 images, 64
// at once). VGG-16, 15 million parameters, would lose: 410 → 344, so it takes 128 images and more.
int64_t images_at_once(const Module& model, const Shape& image);

// model(images) in evaluation mode and without gradients, for images (N, H, W, C) in even parts of at most
// images_at_once(). The model's mode is as before afterwards. Throws Error if the first dimension of what the model
// makes is not the images'.
Tensor infer(Module& model, const Tensor& images);

}  // namespace ghost
