#include "nn/models/mini_group_net.h"

namespace ghost {

MiniGroupNet::MiniGroupNet(const Options& o)
    : stem_(this, "stem", Conv2d::Options{.in = o.in_channels, .out = 64, .kernel = 3, .padding = 1}),
      stage1_(this, "stage1", GroupedBottleneck::Options{.in = 64, .out = 128, .groups = o.groups, .stride = 2}),
      stage2_(this, "stage2", GroupedBottleneck::Options{.in = 128, .out = 256, .groups = o.groups, .stride = 2}),
      pool_(this, "pool"),
      fc_(this, "fc", Linear::Options{.in = 256, .out = o.num_classes}) {}

}  // namespace ghost
