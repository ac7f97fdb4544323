#include "train/evaluator.h"

#include <chrono>
#include <cmath>

#include "core/ops/cross_entropy.h"
#include "train/finite.h"

namespace ghost {

namespace {

class EvaluationMode {
 public:
  explicit EvaluationMode(Module& model) : model_(model), before_(model.training()) { model_.eval(); }
  ~EvaluationMode() { model_.train(before_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Module& model_;
  bool before_;
};

}  // namespace

std::optional<Evaluation> evaluate(Module& model, Loader& loader, const EvaluateOptions& options) {
  const NoGrad no_grad;
  const EvaluationMode mode(model);
  CrossEntropyOptions per_sample;
  per_sample.reduction = Reduction::none;
  const auto start = std::chrono::steady_clock::now();
  Evaluation result;
  int64_t done = 0;
  loader.start(0);
  while (const std::optional<Batch> batch = loader.next()) {
    const Tensor logits = model(batch->images);
    const Tensor losses = cross_entropy(logits, batch->labels, per_sample);
    Tally tally = count_hits(logits, batch->labels);
    for (const double loss : losses.to_vector<double>()) tally.loss_sum += loss;
    if (!std::isfinite(tally.loss_sum))
      fail("the test loss became {}; {}", name_of_bad(tally.loss_sum), blame_forward(model, *batch));
    if (options.confusion) options.confusion->add(logits, batch->labels);
    result.tally += tally;
    if (options.on_batch) options.on_batch(++done, loader.batches());
    if (options.stop && options.stop()) return std::nullopt;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace ghost
