#include "train/run/patience.h"

#include <fmt/format.h>

namespace ghost {

bool out_of_patience(const TrainConfig& train, const Progress& progress) {
  const bool tested = progress.batch == 0 && progress.best_epoch > 0 && progress.epoch % train.eval_every == 0;
  return train.patience > 0 && tested && progress.epoch - progress.best_epoch >= train.patience;
}

// Between the last step and its test a run with a budget still has its epoch to close.
bool is_as_long_as_wanted(const TrainConfig& train, const Progress& progress) {
  if (train.hours == 0) return progress.epoch >= train.epochs;
  const std::optional<RunLayout>& layout = progress.layout;
  if (!layout || progress.batch > 0) return false;
  if (layout->hours != train.hours) return layout->seconds >= train.hours * 3600;
  return progress.step >= layout->end;
}

bool has_ended(const TrainConfig& train, const Progress& progress) {
  return is_as_long_as_wanted(train, progress) || out_of_patience(train, progress);
}

std::string patience_sentence(const TrainConfig& train, const Progress& progress) {
  return fmt::format(
      "after epoch {}, since no test in {} epoch{} was better than the {:.2f} % of epoch {} "
      "(train.patience)",
      epoch_of_all(train, progress.epoch), progress.epoch - progress.best_epoch,
      progress.epoch - progress.best_epoch == 1 ? "" : "s", progress.best_top1, progress.best_epoch);
}

}  // namespace ghost
