#include "bench/workload.h"

#include "core/ops/cross_entropy.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "nn/freeze.h"
#include "nn/infer.h"
#include "train/cli/program.h"
#include "train/loop/arithmetic.h"

namespace ghost::bench {

void Setup::add_options(CLI::App& app, const std::string& what) {
  app.add_option("--config", config, what)->type_name("FILE")->required();
  app.add_option("--set", overrides, "Change one option, e.g. --set model.width=0.5; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  cli::add_threads_option(app, threads);
}

Config Setup::load() const {
  Config loaded = load_config(config, overrides).config;
  if (const int64_t count = threads.value_or(loaded.run.threads); count > 0) set_threads(static_cast<int>(count));
  set_arithmetic(loaded.train);
  return loaded;
}

Workload::Workload(const Config& config, const DataInfo& data, int64_t batch, int64_t image_size)
    : config_(config), batch_(batch > 0 ? batch : micro_batch_size(config.train)) {
  const ModelConfig model = model_config(config, data);
  const int64_t side = image_size > 0 ? image_size : data.image_size;
  image_ = {side, side, model.in_channels};
  model_ = build_model(model, config.run.seed);
  freeze(*model_, config.train.freeze);
  optimizer_ = build_optimizer(config.optimizer, model_->parameters());
  loss_.label_smoothing = config.train.label_smoothing;

  RandomStream stream(0, "bench");
  images_ = Tensor::empty({batch_, side, side, model.in_channels});
  float* pixels = images_.mutable_data<float>();
  for (int64_t i = 0; i < images_.numel(); i++) pixels[i] = static_cast<float>(stream.normal());
  labels_ = Tensor::empty({batch_}, DType::i64);
  int64_t* classes = labels_.mutable_data<int64_t>();
  for (int64_t i = 0; i < batch_; i++) classes[i] = stream.below(model.num_classes);
}

void Workload::train_step() {
  model_->train();
  const StepScope scope(config_.run.seed, steps_++);
  optimizer_->clear_gradients();
  cross_entropy((*model_)(images_), labels_, loss_).backward();
  optimizer_->step(config_.optimizer.lr);
}

void Workload::infer() { ghost::infer(*model_, images_).values(); }

int64_t Workload::parameters() const {
  int64_t count = 0;
  for (const Parameter& p : model_->parameters()) count += p.tensor.numel();
  return count;
}

}  // namespace ghost::bench
