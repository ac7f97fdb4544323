#include "train/config/describe.h"

namespace ghost {

Description describe(Config& config) {
  Description d;
  d.section("model", "the network", config.model);
  describe(config.pretrained, d);
  d.section("data", "the images", config.data);
  d.section("optimizer", "how parameters are updated", config.optimizer);
  d.section("schedule", "the learning rate over the run", config.schedule);
  d.section("train", "the steps of a run", config.train);
  d.section("run", "how and where it runs", config.run);
  d.follow_data("model.num_classes", config.model_classes_set);
  d.follow_data("model.in_channels", config.model_channels_set);
  return d;
}

}  // namespace ghost
