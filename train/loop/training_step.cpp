#include "train/loop/training_step.h"

#include <cmath>

#include "nn/finite.h"
#include "nn/freeze.h"

namespace ghost {
namespace {

constexpr const char* kChecks = "gradient norm, checks";  // as the clock has it
constexpr const char* kOther = "other";
constexpr const char* kWaiting = "waiting for data";

// Keeps the L2 norm of all gradients at or below train.clip_grad_norm.
class Clipping final : public TrainingHook {
 public:
  explicit Clipping(double max_norm) : max_norm_(max_norm) {}
  void before_update(const StepContext&, Update& update) override {
    update.gradient_scale *= clip_factor(update.gradient_norm, max_norm_);
  }

 private:
  double max_norm_;
};

class FiniteChecks final : public TrainingHook {
 public:
  Tensor loss(const StepContext& context, const MicroBatch& micro, const Tensor&, const Tensor& loss) override {
    if (const double value = loss.item<double>(); !std::isfinite(value))
      throw NotFiniteError(
          fmt::format("the loss became {}; {}", name_of_bad(value), blame_forward(context.model, micro.batch.images)));
    return loss;
  }
  void before_update(const StepContext& context, Update& update) override {
    if (!std::isfinite(update.gradient_norm))
      throw NotFiniteError(fmt::format("the gradient of {} became NaN or infinite", first_bad_gradient(context.model)));
  }
  void after_update(const StepContext& context) override {
    if (const std::string bad = first_bad_parameter(context.model); !bad.empty())
      throw NotFiniteError(fmt::format("the update made {} NaN or infinite", bad));
  }
};

}  // namespace

TrainingStep::TrainingStep(const Config& config, Module& model, int64_t steps_per_epoch, int64_t run_steps)
    : model_(model),
      seed_(config.run.seed),
      accumulate_(config.train.accumulate),
      optimizer_(build_optimizer(config.optimizer, trainable_parameters(model))),
      schedule_(make_schedule(config.schedule, config.optimizer.lr, run_steps, steps_per_epoch)),
      hooks_(make_hooks(
          config.train.hooks,
          {.model = model,
           .seed = config.run.seed,
           .curve_steps = config.schedule.epochs > 0 ? config.schedule.epochs * steps_per_epoch : run_steps})) {
  loss_.label_smoothing = config.train.label_smoothing;
  if (config.schedule.name == kPlateau) plateau_.emplace(config.schedule, config.optimizer.lr);
  if (config.train.clip_grad_norm > 0)
    own_hooks_.push_back({kChecks, std::make_unique<Clipping>(config.train.clip_grad_norm)});
  own_hooks_.push_back({kChecks, std::make_unique<FiniteChecks>()});
}

template <class Act>
void TrainingStep::at_each_hook(const Act& act) {
  for (const std::vector<NamedHook>* const hooks : {&hooks_, &own_hooks_})
    for (const NamedHook& named : *hooks) {
      act(*named.hook);
      mark(named.name);
    }
}

void TrainingStep::start() {
  for (const NamedHook& named : hooks_) named.hook->start(model_);
}

// Every micro-batch's mean loss counts by its share of the samples, so that the gradient is that of the mean over all
// of them, short tail included.
bool TrainingStep::run(Loader& loader, Progress& progress) {
  std::optional<Batch> batch = loader.next();
  mark(kWaiting);
  if (!batch) return false;
  optimizer_->clear_gradients();
  const int64_t at = progress.curve_step();
  const ScheduleValue scheduled = fixed_lr_  ? ScheduleValue{.lr = *fixed_lr_}
                                  : plateau_ ? schedule_.at(at, plateau_->lr())
                                             : schedule_.at(at);
  progress.lr = scheduled.lr;
  StepContext context{.model = model_, .seed = seed_, .epoch = progress.epoch, .step = progress.step, .curve_step = at};
  const auto first = static_cast<double>(batch->images.size(0));
  double samples = 0;
  while (batch) {
    const auto n = static_cast<double>(batch->images.size(0));
    samples += n;
    progress.batch = batch->number + 1;  // a batch in which nothing was readable has no turn
    const MetricSums sums = forward_backward(context, *std::move(batch), n / first);
    progress.epoch_sums += sums;
    progress.window += sums;
    mark(kOther);
    if (++context.micro_batch == accumulate_) break;
    batch = loader.next();
    mark(kWaiting);
  }
  update(context, scheduled, first / samples);
  ++progress.step;
  return true;
}

MetricSums TrainingStep::forward_backward(const StepContext& context, Batch batch, double weight) {
  const StepScope scope(seed_, static_cast<uint64_t>(context.step), static_cast<uint64_t>(context.micro_batch));
  const bool mixed = batch.targets.defined();
  const Tensor targets = mixed ? batch.targets : batch.labels;
  MicroBatch micro{.batch = std::move(batch), .targets = targets};
  at_each_hook([&](TrainingHook& hook) { hook.before_forward(context, micro); });
  const Tensor logits = model_(micro.batch.images);
  Tensor loss = cross_entropy(logits, micro.targets, loss_);
  MetricSums sums = mixed ? count_soft_hits(logits, micro.batch.targets) : count_hits(logits, micro.batch.labels);
  mark(kOther);
  at_each_hook([&](TrainingHook& hook) { loss = hook.loss(context, micro, logits, loss); });
  sums.loss_sum = loss.item<double>() * static_cast<double>(sums.count);
  loss.backward(Tensor::scalar(weight));
  return sums;
}

void TrainingStep::update(const StepContext& context, const ScheduleValue& scheduled, double gradient_scale) {
  Update update{.lr = scheduled.lr,
                .momentum = scheduled.momentum,
                .gradient_scale = gradient_scale,
                .gradient_norm = gradient_scale * optimizer_->gradient_norm()};
  at_each_hook([&](TrainingHook& hook) { hook.before_update(context, update); });
  optimizer_->step(update.lr, update.momentum, update.gradient_scale);
  mark("update");
  at_each_hook([&](TrainingHook& hook) { hook.after_update(context); });
}

void TrainingStep::tested(const Progress& progress) {
  if (plateau_ && !schedule_.is_warming_up(progress.curve_step()))
    plateau_->tested(progress.test.loss(), progress.test.top1_percent());
}

std::map<std::string, std::vector<NamedTensor>> TrainingStep::state() const {
  std::map<std::string, std::vector<NamedTensor>> sections{{kOptimizerSection, optimizer_->state()}};
  if (plateau_) sections[kScheduleSection] = plateau_->state();
  for (const NamedHook& named : hooks_)
    if (std::vector<NamedTensor> entries = named.hook->state(); !entries.empty())
      sections[named.name] = std::move(entries);
  return sections;
}

void TrainingStep::load_state(const std::map<std::string, std::vector<NamedTensor>>& sections) {
  std::map<std::string, std::vector<NamedTensor>> left = sections;
  left.erase(kModelSection);
  const auto take = [&](const std::string& section) {
    const auto node = left.extract(section);
    return node ? node.mapped() : std::vector<NamedTensor>{};
  };
  optimizer_->load_state(take(kOptimizerSection));
  if (plateau_) plateau_->load_state(take(kScheduleSection));
  for (const NamedHook& named : hooks_) named.hook->load_state(take(named.name));
  for (const auto& [section, entries] : left)
    if (!entries.empty())
      fail("the checkpoint has {} tensors of train.{}, which is off in this run", entries.size(), section);
}

}  // namespace ghost
