#include "nn/models/mini_group_net.h"

#include "core/ops/shape_ops.h"

namespace ghost {

MiniGroupNet::MiniGroupNet(const Options& o)
    : stem_(this, "stem", {.in = o.in_channels, .out = 64, .first = true}, o.conv),
      stage1_(this, "stage1",
              GroupedBottleneck::Options{.in = 64, .out = 128, .groups = o.groups, .stride = 2, .conv = o.conv}),
      stage2_(this, "stage2",
              GroupedBottleneck::Options{
                  .in = 128, .out = 256, .groups = o.groups, .stride = 2, .drop_path = o.drop_path, .conv = o.conv}),
      pool_(this, "pool"),
      fc_(this, "fc", Linear::Options{.in = 256, .out = o.num_classes}) {}

Tensor MiniGroupNet::forward(const Tensor& x) { return fc_(flatten(pool_(stage2_(stage1_(stem_(x)))))); }

}  // namespace ghost
