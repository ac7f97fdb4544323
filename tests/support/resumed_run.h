// Runs that are stopped and resumed all the time, to be compared with runs that never were.
#pragma once
#include "train/loop/trainer.h"

namespace ghost::test {

// Trains to the end, but stops after every step and goes on from the checkpoint in a trainer that knows nothing else.
inline void run_step_by_step(const Config& config, const RunDir& dir) {
  for (bool first = true, ended = false; !ended; first = false) {
    Trainer trainer(config, {});
    if (!first) trainer.restore(read_checkpoint(dir.last()));
    const int64_t before = trainer.progress().step;
    ended = !trainer.run(dir, [&] { return trainer.progress().step > before; }).interrupted;
  }
}

}  // namespace ghost::test
