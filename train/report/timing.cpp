#include "train/report/timing.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/ops/cross_entropy.h"
#include "core/parallel.h"
#include "core/rng.h"
#include "nn/freeze.h"
#include "nn/infer.h"
#include "nn/layers/activation.h"
#include "nn/layers/conv2d.h"
#include "train/loop/arithmetic.h"
#include "train/loop/preflight.h"
#include "train/loop/step_clock.h"
#include "train/optim/optimizer.h"

namespace ghost {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

constexpr const char* kJoining = "adding, joining, scaling";  // what blocks do themselves

// A convolution's kind is its cost: whether it mixes channels, and over how many pixels.
std::string kind_of(const Module& module) {
  const std::string kind = module.kind();
  if (const auto* conv = dynamic_cast<const Conv2d*>(&module)) {
    const Shape w = conv->weight().shape();  // (O, KH, KW, I/groups)
    const int64_t groups = conv->options().groups;
    const char* how = groups == 1 ? "" : w[3] == 1 ? "depthwise " : "grouped ";
    return fmt::format("{}×{} {}convolution", w[1], w[2], how);
  }
  static const std::map<std::string, std::string> plain{{"BatchNorm2d", "batch norm"}, {"Linear", "linear"},
                                                        {"MaxPool2d", "pooling"},      {"AvgPool2d", "pooling"},
                                                        {"GlobalAvgPool", "pooling"},  {"AdaptiveAvgPool2d", "pooling"},
                                                        {"Dropout", "dropout"}};
  if (const auto found = plain.find(kind); found != plain.end()) return found->second;
  if (dynamic_cast<const ActivationLayer*>(&module)) return "activation";
  return kJoining;
}

struct Parts {  // seconds of each profiled step
  std::map<std::string, std::vector<double>> forward, backward;
  std::vector<double> update;
};

ModulePtr built(const TimingTask& task) {
  ModulePtr model = build_model(task.model, task.config.run.seed);
  freeze(*model, task.config.train.freeze);
  return model;
}

// A network in training on one batch of random images.
class Candidate {
 public:
  explicit Candidate(const TimingTask& task)
      : task_(task),
        batch_(micro_batch_size(task.config.train)),
        model_(built(task)),
        optimizer_(build_optimizer(task.config.optimizer, trainable_parameters(*model_))) {
    RandomStream random(0, "timing");
    images_ = Tensor::empty({batch_, task.image_size, task.image_size, task.model.in_channels});
    labels_ = Tensor::empty({batch_}, DType::i64);
    float* pixels = images_.mutable_data<float>();
    for (int64_t i = 0; i < images_.numel(); ++i) pixels[i] = static_cast<float>(random.normal());
    int64_t* classes = labels_.mutable_data<int64_t>();
    for (int64_t i = 0; i < batch_; ++i) classes[i] = random.below(task.model.num_classes);
    loss_.label_smoothing = task.config.train.label_smoothing;
    for (const auto& [path, module] : model_->modules()) modules_[path] = module;
  }

  int64_t batch() const { return batch_; }

  // The steps do not learn: a rate of zero keeps random labels from driving the weights to NaN, and takes as long.
  void train() {
    set_arithmetic(task_.config.train);
    model_->train();
    const StepScope scope(task_.config.run.seed, count_++);
    optimizer_->clear_gradients();
    cross_entropy((*model_)(images_), labels_, loss_).backward();
    optimizer_->step(0);
  }

  void infer() {
    set_arithmetic(task_.config.train);
    ghost::infer(*model_, images_).values();
  }

  // One training step in parts.
  void profile(Parts& parts) {
    set_arithmetic(task_.config.train);
    model_->train();
    const StepScope scope(task_.config.run.seed, count_++);
    StepClock clock;
    optimizer_->clear_gradients();
    clock.mark("gradients");
    cross_entropy((*model_)(images_), labels_, loss_).backward();
    clock.mark("gradients");
    optimizer_->step(0);
    clock.mark("update");
    std::map<std::string, TimeSpent> kinds;
    for (const auto& [path, time] : clock.times().modules) {
      const auto module = modules_.find(path);
      kinds[module == modules_.end() ? kJoining : kind_of(*module->second)] += time;
    }
    kinds["loss"] += clock.times().loss;
    for (const auto& [kind, time] : kinds) {
      parts.forward[kind].push_back(time.forward);
      parts.backward[kind].push_back(time.backward);
    }
    parts.update.push_back(clock.times().outside.at("update"));
  }

 private:
  TimingTask task_;
  int64_t batch_;
  ModulePtr model_;
  OptimizerPtr optimizer_;
  std::map<std::string, const Module*> modules_;  // by path
  Tensor images_, labels_;
  CrossEntropyOptions loss_;
  uint64_t count_ = 0;
};

// Images/s of one turn.
double turn(Candidate& candidate, void (Candidate::*what)(), double seconds, const std::function<void()>& step) {
  const auto start = Clock::now();
  int64_t images = 0;
  do {
    step();
    (candidate.*what)();
    images += candidate.batch();
  } while (seconds_since(start) < seconds);
  return static_cast<double>(images) / seconds_since(start);
}

}  // namespace

std::vector<Timing> time_alternately(const std::vector<TimingTask>& tasks, int turns, double seconds_per_turn,
                                     const std::function<void()>& step) {
  const ArithmeticScope before;
  std::vector<std::unique_ptr<Candidate>> candidates;
  std::vector<Timing> timings(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    step();
    candidates.push_back(std::make_unique<Candidate>(tasks[i]));
    timings[i].batch = candidates[i]->batch();
    timings[i].threads = threads();
    candidates[i]->train();
    candidates[i]->infer();
  }
  constexpr int kProfiled = 5;
  for (int t = 0; t < turns; ++t)
    for (size_t i = 0; i < candidates.size(); ++i) {
      timings[i].training.push_back(turn(*candidates[i], &Candidate::train, seconds_per_turn, step));
      timings[i].inference.push_back(turn(*candidates[i], &Candidate::infer, seconds_per_turn, step));
    }
  for (size_t i = 0; i < candidates.size(); ++i) {
    Parts parts;
    for (int p = 0; p < kProfiled; ++p) {
      step();
      candidates[i]->profile(parts);
    }
    Timing& timing = timings[i];
    timing.training_images_per_second = median(timing.training);
    timing.inference_images_per_second = median(timing.inference);
    std::map<std::string, LayerTime> layers;
    for (const auto& [kind, seconds] : parts.forward) layers[kind].forward = median(seconds);
    for (const auto& [kind, seconds] : parts.backward) layers[kind].backward = median(seconds);
    for (auto& [kind, layer] : layers) {
      layer.kind = kind;
      timing.layers.push_back(layer);
    }
    std::stable_sort(timing.layers.begin(), timing.layers.end(),
                     [](const LayerTime& x, const LayerTime& y) { return x.seconds() > y.seconds(); });
    timing.update_seconds = median(parts.update);
  }
  return timings;
}

}  // namespace ghost
