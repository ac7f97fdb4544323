#include "train/config/run_config.h"

namespace ghost {

void describe(RunConfig& c, Description& d) {
  d.field("seed", &c.seed, "of initial values, order and augmentation");
  d.field("threads", &c.threads, "compute threads; 0: all cores", rule::at_least(0, 1024));
  d.field("dir", &c.dir, "folder of the run; empty: runs/<configuration>-<n>");
  d.field("tensorboard", &c.tensorboard, "true: write the curves for TensorBoard too, <run>/tensorboard");
}

}  // namespace ghost
