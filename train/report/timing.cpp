#include "train/report/timing.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/ops/cross_entropy.h"
#include "core/parallel.h"
#include "nn/layers/activation.h"
#include "train/optim/optimizer.h"
#include "train/preflight.h"

namespace ghost {

namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// A convolution's kind is its cost: whether it mixes channels, and over how many pixels.
std::string kind_of(Module& module) {
  const std::string kind = module.kind();
  if (kind == "Conv2d") {
    const Shape w = module.own_parameters().front().tensor.shape();  // (O, KH, KW, I/groups)
    if (w[3] == 1 && w[0] > 1 && w[1] * w[2] > 1) return "depthwise convolution";
    return fmt::format("{}×{} convolution", w[1], w[2]);
  }
  static const std::map<std::string, std::string> plain{{"BatchNorm2d", "batch norm"}, {"Linear", "linear"},
                                                        {"MaxPool2d", "pooling"},      {"AvgPool2d", "pooling"},
                                                        {"GlobalAvgPool", "pooling"},  {"AdaptiveAvgPool2d", "pooling"},
                                                        {"Dropout", "dropout"}};
  if (const auto found = plain.find(kind); found != plain.end()) return found->second;
  if (dynamic_cast<Activation*>(&module)) return "activation";
  return "adding, joining, scaling";  // what blocks do themselves
}

// The time of every call by kind, without that of the calls inside it.
class KindClock {
 public:
  void before() {
    attribute();
    open_.emplace_back();
  }
  void after(Module& module) {
    attribute();
    seconds_[kind_of(module)] += open_.back();
    open_.pop_back();
    since_ = Clock::now();
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  void attribute() {
    if (!open_.empty()) open_.back() += seconds_since(since_);
    since_ = Clock::now();
  }
  std::vector<double> open_;  // of the calls that have not ended, outermost first
  Clock::time_point since_ = Clock::now();
  std::map<std::string, double> seconds_;
};

// A network in training on one batch of random images.
class Candidate {
 public:
  explicit Candidate(const TimingTask& task)
      : task_(task),
        batch_(micro_batch_size(task.config.train)),
        model_(build_model(task.model, task.config.run.seed)),
        optimizer_(build_optimizer(task.config.optimizer, model_->parameters())) {
    RandomStream random(0, "timing");
    images_ = Tensor::empty({batch_, task.image_size, task.image_size, task.model.in_channels});
    labels_ = Tensor::empty({batch_}, DType::i64);
    float* pixels = images_.mutable_data<float>();
    for (int64_t i = 0; i < images_.numel(); ++i) pixels[i] = static_cast<float>(random.normal());
    int64_t* classes = labels_.mutable_data<int64_t>();
    for (int64_t i = 0; i < batch_; ++i) classes[i] = random.below(task.model.num_classes);
    loss_.label_smoothing = task.config.train.label_smoothing;
  }

  int64_t batch() const { return batch_; }

  // The steps do not learn: a rate of zero keeps random labels from driving the weights to NaN, and takes as long.
  void train() {
    set_folding(task_.config.train.fusion);
    model_->train();
    const StepScope scope(task_.config.run.seed, count_++);
    optimizer_->clear_gradients();
    cross_entropy((*model_)(images_), labels_, loss_).backward();
    optimizer_->step(0);
  }

  void infer() {
    set_folding(task_.config.train.fusion);
    const NoGrad no_grad;
    model_->eval();
    (*model_)(images_).values();
  }

  // One training step in parts.
  void profile(std::map<std::string, std::vector<double>>& forward, std::vector<double>& backward,
               std::vector<double>& update) {
    set_folding(task_.config.train.fusion);
    model_->train();
    const StepScope scope(task_.config.run.seed, count_++);
    optimizer_->clear_gradients();
    KindClock clock;
    Tensor logits;
    {
      const ForwardObserver observer([&](Module& module, const Tensor&, const Tensor&) { clock.after(module); },
                                     [&](Module&, const Tensor&) { clock.before(); });
      logits = (*model_)(images_);
    }
    for (const auto& [kind, seconds] : clock.seconds()) forward[kind].push_back(seconds);
    auto before = Clock::now();
    const Tensor loss = cross_entropy(logits, labels_, loss_);
    forward["loss"].push_back(seconds_since(before));
    before = Clock::now();
    loss.backward();
    backward.push_back(seconds_since(before));
    before = Clock::now();
    optimizer_->step(0);
    update.push_back(seconds_since(before));
  }

 private:
  TimingTask task_;
  int64_t batch_;
  ModulePtr model_;
  OptimizerPtr optimizer_;
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
  const bool folding_before = folding();
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
    std::map<std::string, std::vector<double>> forward;
    std::vector<double> backward, update;
    for (int p = 0; p < kProfiled; ++p) {
      step();
      candidates[i]->profile(forward, backward, update);
    }
    Timing& timing = timings[i];
    timing.training_images_per_second = median(timing.training);
    timing.inference_images_per_second = median(timing.inference);
    for (const auto& [kind, seconds] : forward) timing.forward.push_back({kind, median(seconds)});
    std::stable_sort(timing.forward.begin(), timing.forward.end(),
                     [](const LayerTime& a, const LayerTime& b) { return a.seconds > b.seconds; });
    timing.backward_seconds = median(backward);
    timing.update_seconds = median(update);
  }
  set_folding(folding_before);
  return timings;
}

}  // namespace ghost
