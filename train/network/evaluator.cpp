#include "train/network/evaluator.h"

#include <chrono>
#include <cmath>

#include "core/ops/cross_entropy.h"
#include "nn/finite.h"
#include "nn/mode_scope.h"

namespace ghost {

namespace {

Tensor mapped(const Tensor& labels, const std::vector<int64_t>& to) {
  std::vector<int64_t> values = labels.to_vector<int64_t>();
  for (int64_t& v : values) v = to.at(static_cast<size_t>(v));
  return Tensor::from(values, labels.shape());
}

}  // namespace

std::optional<Evaluation> evaluate(Module& model, Loader& loader, const EvaluateOptions& options) {
  const NoGrad no_grad;
  const ModeScope mode(model, false);
  CrossEntropyOptions per_sample;
  per_sample.reduction = Reduction::none;
  const auto start = std::chrono::steady_clock::now();
  Evaluation result;
  int64_t done = 0;
  loader.start(0);
  while (const std::optional<Batch> batch = loader.next()) {
    const Tensor labels =
        options.output_of_label.empty() ? batch->labels : mapped(batch->labels, options.output_of_label);
    const Tensor logits = infer_views(model, batch->images, options.views);
    const Tensor losses = cross_entropy(logits, labels, per_sample);
    MetricSums sums = count_hits(logits, labels);
    for (const double loss : losses.to_vector<double>()) sums.loss_sum += loss;
    if (!std::isfinite(sums.loss_sum))
      throw NotFiniteError(
          fmt::format("the test loss became {}; {}", name_of_bad(sums.loss_sum), blame_forward(model, batch->images)));
    if (options.confusion) options.confusion->add(logits, labels);
    result.sums += sums;
    if (options.on_batch) options.on_batch(++done, loader.batches());
    if (options.stop && options.stop()) return std::nullopt;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace ghost
