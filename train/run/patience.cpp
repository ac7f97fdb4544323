#include "train/run/patience.h"

#include <fmt/format.h>

namespace ghost {

bool out_of_patience(const TrainConfig& train, const Progress& progress) {
  const bool tested = progress.batch == 0 && progress.best_epoch > 0 && progress.epoch % train.eval_every == 0;
  return train.patience > 0 && tested && progress.epoch - progress.best_epoch >= train.patience;
}

bool has_ended(const TrainConfig& train, const Progress& progress) {
  return progress.epoch >= train.epochs || out_of_patience(train, progress);
}

std::string patience_sentence(const TrainConfig& train, const Progress& progress) {
  return fmt::format(
      "after epoch {} of {}, since no test in {} epoch{} was better than the {:.2f} % of epoch {} "
      "(train.patience)",
      progress.epoch, train.epochs, progress.epoch - progress.best_epoch,
      progress.epoch - progress.best_epoch == 1 ? "" : "s", progress.best_top1, progress.best_epoch);
}

}  // namespace ghost
