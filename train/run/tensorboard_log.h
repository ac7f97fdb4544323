// The curves of a run for TensorBoard: tensorboard/events.out.tfevents.… in its folder. Everything in them is of
// metrics.jsonl: train/loss, train/top1, lr and images_per_second of its steps, test/loss, test/top1 and test/top5 of
// its epochs (val/… where there is a validation part), and <hook>_test/… of weights that a hook keeps. The step is that
// of the optimizer.
//
// A resumed run begins a new file with all that metrics.jsonl has up to the checkpoint, and removes the older ones. So
// nothing that came after the checkpoint shows twice, whoever reads the files: readers do not agree on what a
// SessionLog.START purges, and a file that was cut off in the middle of a record would be read no further.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "train/run/event_file.h"

namespace ghost {

class TensorBoardLog {
 public:
  // Takes the place of all event files of the folder, which is made, once remove_older() is called. `seconds` are
  // those of the run so far: they say when its lines were written, as if it had never been interrupted.
  TensorBoardLog(const std::filesystem::path& folder, double seconds);
  // Takes a line of metrics.jsonl.
  void take(const std::string& line);
  // Removes the files of the run's earlier parts.
  void remove_older() const;

 private:
  double began_;  // seconds since 1970
  EventFile file_;
};

}  // namespace ghost
