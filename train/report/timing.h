// Speed of networks on this machine, measured in alternating turns so that other load affects all of them alike.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/config/config.h"

namespace ghost {

struct TimingTask {
  Config config;
  ModelConfig model;        // with outputs and channels resolved
  int64_t image_size = 32;  // side in pixels
};

struct LayerTime {
  std::string kind;                  // "3×3 convolution", "3×3 depthwise convolution", "batch norm"
  double forward = 0, backward = 0;  // seconds
  double seconds() const { return forward + backward; }
};

struct Timing {
  int64_t batch = 0;  // images of a step
  int threads = 0;
  std::vector<double> training, inference;                                 // images/s of each turn
  double training_images_per_second = 0, inference_images_per_second = 0;  // medians
  // Of one training step: forward and backward pass by kind of layer, the longest first, and the update of all
  // parameters. Batch norm and ReLU are applied by the next convolution while it reads, and count there.
  std::vector<LayerTime> layers;
  double update_seconds = 0;
};

// Training steps (forward, cross-entropy, backward, update) and inference on random images in memory, with the
// configuration's batch, optimizer and fusion; after one step that is not counted, `turns` turns A B A B …, each of at
// least one step and about `seconds_per_turn`. `step` is called before every step and may throw to end it.
std::vector<Timing> time_alternately(const std::vector<TimingTask>& tasks, int turns, double seconds_per_turn,
                                     const std::function<void()>& step);

}  // namespace ghost
