// The least time that a step of a network can take on a machine (Williams, Waterman and Patterson, "Roofline", 2009).
//
// The layers are those that multiply: convolutions, linear layers, and what stands in for a convolution in ghost
// layers. Each needs max(FLOPs / peak, compulsory bytes / bandwidth), and the step the sum of that.
//   forward                 reads the input and the weights once, writes the output once;   2 · MACs
//   gradient of the weights reads the output's gradient and the input, writes the gradient; 2 · MACs
//   gradient of the input   reads the weights, writes the gradient;                         2 · MACs
// The two gradients share one reading of the output's gradient. A layer whose input is the image needs no gradient of
// it, a frozen layer none of its weights. Inference is the forward pass alone.
//
// Batch norm, activations, residual sums, joining and dropping count nothing: a fused network does them while a
// multiplying layer reads or writes what it has to read or write anyway. Pooling and squeeze-and-excitation count only
// what their linear parts do, the optimiser nothing. So no arrangement of the work is held to less than it needs, and
// what they cost is part of the distance from the limit. The bandwidth is that of main memory: what stays in a cache
// from one layer to the next is faster, and MACs are those of the definition, of which Winograd's convolution needs a
// quarter: small maps and dense 3×3 layers could even pass this limit.
#pragma once
#include <string>
#include <vector>

#include "bench/limits.h"
#include "nn/module.h"

namespace ghost::bench {

struct LayerCost {  // of one call with a whole batch, f32
  std::string name, kind;
  double flops = 0, bytes = 0;
  double seconds(const Limits& limits) const;
};

struct StepCost {
  std::vector<LayerCost> layers;
  int64_t macs = 0;  // forward, for one image
  double seconds(const Limits& limits) const;
};

// Costs of a step with `batch` images of size (H, W, C), found by sending two of them through the model, in training
// mode for the cost of training: running statistics move then.
StepCost step_cost(Module& model, const Shape& image, int64_t batch, bool training);

}  // namespace ghost::bench
