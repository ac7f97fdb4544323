// Accuracy on a test set.
#pragma once
#include <functional>
#include <optional>

#include "data/loader.h"
#include "nn/module.h"
#include "train/network/augmented_views.h"
#include "train/run/metrics.h"

namespace ghost {

struct Evaluation {
  MetricSums sums;
  double seconds = 0;
  double images_per_second() const { return seconds > 0 ? static_cast<double>(sums.count) / seconds : 0; }
};

struct EvaluateOptions {
  std::function<void(int64_t batches_done, int64_t batches)> on_batch;
  std::function<bool()> stop;            // is asked after every batch whether to stop
  ConfusionMatrix* confusion = nullptr;  // counts every answer, if given
  std::vector<TestView> views{{}};       // of which every image counts by the mean logits
  // The output of the model that each label of the data set stands for; empty: outputs and labels are the same.
  std::vector<int64_t> output_of_label = {};
};

// Sends one pass of the loader through the model, in evaluation mode and without gradients; afterwards the model is in
// the mode it was in. The loss is the mean over samples of −log_softmax at the label, summed in f64, without the label
// smoothing that training may use. The result is empty if options.stop said so. Throws NotFiniteError, naming the first
// layer at fault, if a loss is NaN or infinite.
std::optional<Evaluation> evaluate(Module& model, Loader& loader, const EvaluateOptions& options = {});

}  // namespace ghost
