#include "train/report/timing.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "core/backward_observer.h"
#include "core/ops/cross_entropy.h"
#include "core/parallel.h"
#include "nn/freeze.h"
#include "nn/layers/activation.h"
#include "nn/layers/conv2d.h"
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
  if (dynamic_cast<const Activation*>(&module)) return "activation";
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
  void add(const std::string& kind, double seconds) { seconds_[kind] += seconds; }
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
        optimizer_(build_optimizer(task.config.optimizer, model_->parameters())) {
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
  void profile(Parts& parts) {
    set_folding(task_.config.train.fusion);
    model_->train();
    const StepScope scope(task_.config.run.seed, count_++);
    optimizer_->clear_gradients();
    KindClock forward;
    Tensor logits;
    {
      const ForwardObserver observer([&](Module& module, const Tensor&, const Tensor&) { forward.after(module); },
                                     [&](Module&, const Tensor&) { forward.before(); });
      logits = (*model_)(images_);
    }
    auto before = Clock::now();
    const Tensor loss = cross_entropy(logits, labels_, loss_);
    forward.add("loss", seconds_since(before));
    std::map<std::string, double> backward;
    {
      before = Clock::now();
      const BackwardObserver observer([&](const Node& node) {
        const auto module = modules_.find(node.where());
        const bool in_model = !node.where().empty() && module != modules_.end();
        backward[in_model ? kind_of(*module->second) : std::string("loss")] += seconds_since(before);
        before = Clock::now();
      });
      loss.backward();
    }
    before = Clock::now();
    optimizer_->step(0);
    parts.update.push_back(seconds_since(before));
    for (const auto& [kind, seconds] : forward.seconds()) parts.forward[kind].push_back(seconds);
    for (const auto& [kind, seconds] : backward) parts.backward[kind].push_back(seconds);
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
  set_folding(folding_before);
  return timings;
}

}  // namespace ghost
