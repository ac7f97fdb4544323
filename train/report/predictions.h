// Predictions of networks on the images that their epochs were tested on, and the images on which two of them disagree.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/preprocessing.h"
#include "train/inspect/inspection.h"
#include "train/report/run_record.h"
#include "train/run/metrics.h"

namespace ghost {

struct Predictions {
  size_t run = 0;  // into the runs that were compared
  int64_t epoch = 0, step = 0;
  std::vector<std::string> classes, names;  // of the test images: files, or records
  Preprocessing preprocessing;              // of the checkpoint
  std::vector<int64_t> labels, predicted;   // one for each test image that could be read
  ConfusionMatrix confusion{0};
  std::shared_ptr<const Inspection> inside;  // of the first few test images
  double accuracy_percent() const;
};

// Runs last.safetensors over the images that the run's epochs were tested on (DataSplits::held_out). `step` is called
// before every batch and may throw to end it. Throws Error if the data or the checkpoint cannot be read.
Predictions predict_test_set(const RunRecord& run, const std::function<void(double share)>& step);

struct Example {
  size_t image = 0;  // into labels, predicted
  std::string png;   // what the network sees of it, before normalisation, at 96 pixels at most; base64
};

struct Disagreement {
  size_t a = 0, b = 0;  // configurations
  int64_t both_right = 0, only_a = 0, only_b = 0, both_wrong = 0;
  int64_t differ = 0;  // images for which the two predicted different classes
  std::vector<Example> examples;
};

// Whether both are predictions for the same images in the same order.
bool same_images(const Predictions& a, const Predictions& b);
// Counts, and up to `examples` pictures, taken in turn from those that only a, only b and neither got right. `of` is a
// run with the test set.
Disagreement disagreement(const Predictions& a, const Predictions& b, const RunRecord& of, size_t examples);

}  // namespace ghost
