#include "train/config/train_config.h"

#include <algorithm>

#include "core/error.h"
#include "train/hooks/hook_table.h"

namespace ghost {

void describe(TrainConfig& c, Description& d) {
  FieldRule epochs = rule::at_least(1, 1e6);
  epochs.set = &c.epochs_set;
  d.field("epochs", &c.epochs, "passes over the training images; auto: 10, or what train.hours allows", epochs);
  d.field("hours", &c.hours, "time that the run may take, instead of epochs, e.g. 0.5; 0: no budget",
          rule::at_least(0, 1e5));
  d.field("batch_size", &c.batch_size, "images per step", rule::at_least(1, 1e6));
  d.field("accumulate", &c.accumulate, "parts that a step's batch is cut into, to save memory", rule::at_least(1, 1e6));
  d.field("label_smoothing", &c.label_smoothing, "share of the target spread over all classes (arXiv 1512.00567)",
          rule::below_one());
  d.field("clip_grad_norm", &c.clip_grad_norm, "largest norm of all gradients together (arXiv 1211.5063); 0: no limit",
          rule::at_least(0));
  d.field("eval_every", &c.eval_every, "epochs between tests", rule::at_least(1));
  d.field("patience", &c.patience, "ends the run after so many epochs without a better accuracy; 0: never",
          rule::at_least(0, 1e6));
  d.field("eval_batch_size", &c.eval_batch_size, "images at a time in tests", rule::at_least(1, 1e6));
  d.field("log_every", &c.log_every, "steps between lines in metrics.jsonl", rule::at_least(1));
  d.field("checkpoint_every", &c.checkpoint_every, "epochs between checkpoints", rule::at_least(1));
  d.field("checkpoint_minutes", &c.checkpoint_minutes, "minutes after which an epoch under way is saved; 0: never",
          rule::at_least(0));
  d.field("keep", &c.keep, "checkpoints of epochs, the newest, that stay besides last and best", rule::at_least(0));
  d.field("freeze", &c.freeze, "parameters that stay as they are, e.g. [conv_stem, blocks.*]");
  d.field("fusion", &c.fusion, "false: finish every operator by itself (slow, for checking)");
  d.field("numerics", &c.numerics, "exact: no convolution by Winograd, whose rounding is larger",
          rule::one_of({"fast", "exact"}));
  d.field("precision", &c.precision, "how activations and their gradients are stored; all else is f32",
          rule::one_of({"f32", "bf16"}));
  std::vector<std::string> weights{"auto", "raw"};
  for (const HookEntry& hook : hook_table())
    if (hook.keeps_weights) weights.push_back(hook.name);
  d.field("best", &c.best, "weights whose accuracy chooses `best`; auto: averaged ones, if there are any",
          rule::one_of(std::move(weights)));
  describe(c.hooks, d);
}

std::string best_weights(const TrainConfig& c) {
  if (c.best != "auto") return c.best;
  const std::vector<std::string> kept = weights_of_hooks(c.hooks);
  return kept.empty() ? "raw" : kept.back();
}

std::string epoch_of_all(const TrainConfig& c, int64_t epoch, const std::string& of) {
  return c.hours > 0 ? std::to_string(epoch) : fmt::format("{}{}{}", epoch, of, c.epochs);
}

void check_together(const TrainConfig& c, const Finding& refuse, const Finding&) {
  if (c.hours > 0 && c.epochs_set)
    refuse({"train.hours", "train.epochs"},
           fmt::format("train.hours is {} and train.epochs is {}, but a run has one length: with train.epochs: auto it "
                       "is as long as train.hours says, with train.hours: 0 as train.epochs",
                       c.hours, c.epochs));
  const std::vector<std::string> kept = weights_of_hooks(c.hooks);
  if (c.best != "auto" && c.best != "raw" && std::find(kept.begin(), kept.end(), c.best) == kept.end())
    refuse({"train.best", "train." + c.best},
           fmt::format("train.best is {0}, but train.{0} is off, so there are no such weights", c.best));
  const std::vector<std::string> paths{"train.accumulate", "train.batch_size"};
  if (c.accumulate > c.batch_size)
    refuse(paths, fmt::format("train.accumulate is {}, but a batch of {} cannot be cut into more parts than it has "
                              "images",
                              c.accumulate, c.batch_size));
  else if (c.batch_size % c.accumulate != 0) {
    int64_t below = c.accumulate, above = c.accumulate;
    while (c.batch_size % below != 0) --below;
    while (c.batch_size % above != 0) ++above;
    refuse(paths, fmt::format("train.accumulate is {}, which does not divide train.batch_size {}: the nearest values "
                              "that do are {} and {}",
                              c.accumulate, c.batch_size, below, above));
  }
}

}  // namespace ghost
