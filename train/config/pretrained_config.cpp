#include "train/config/pretrained_config.h"

namespace ghost {

void describe(PretrainedConfig& c, Description& d) {
  d.field("model.pretrained", &c.file, "weights to start from: safetensors, a checkpoint or a run; empty: none");
  d.field("model.pretrained_strict", &c.strict, "false: take what fits and list the rest");
  d.field("model.pretrained_prefix", &c.prefix, "take only the entries below it, e.g. backbone");
}

}  // namespace ghost
