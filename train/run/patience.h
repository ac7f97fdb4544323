// train.patience: a run ends before its last epoch when it does not get better any more.
#pragma once
#include <string>

#include "train/run/checkpoint.h"

namespace ghost {

// The run at `progress` has just been tested, and for train.patience epochs no test was better than the best one. A
// function of what a checkpoint holds, so a resumed run, and a report, know it too.
bool out_of_patience(const TrainConfig& train, const Progress& progress);

// All epochs are done, or the time is over (train.hours).
bool is_as_long_as_wanted(const TrainConfig& train, const Progress& progress);

// The same, or the run is out of patience.
bool has_ended(const TrainConfig& train, const Progress& progress);

// "after epoch 12 of 40, since no test in 5 epochs was better than the 91.2 % of epoch 7 (train.patience)"
std::string patience_sentence(const TrainConfig& train, const Progress& progress);

}  // namespace ghost
