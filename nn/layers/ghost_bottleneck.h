#pragma once
#include <functional>

#include "nn/layers/conv_unit.h"
#include "nn/layers/drop_path.h"
#include "nn/layers/ghost_module.h"
#include "nn/layers/squeeze_excite.h"

namespace ghost {

// GhostNet's block (arXiv 1911.11907, section 3.2 and its official code): ghost1 (ReLU) → at stride > 1 depthwise k×k
// with batch norm → squeeze-excite if se_ratio > 0 → ghost2 (no ReLU), plus the shortcut: x itself, or depthwise k×k,
// batch norm, 1×1, batch norm when the stride or the channels change.
// x (N, H, W, in) → y (N, ⌈H/stride⌉, ⌈W/stride⌉, out)
// Names ghost1, conv_dw, bn_dw, se, ghost2, shortcut.{0,1,2,3}.
class GhostBottleneck final : public Module {
 public:
  // Makes what stands in the place of a ghost module: x (N, H, W, in) → y (N, H, W, out), with batch norm and
  // activation.
  using MakeGhost = std::function<ModulePtr(int64_t in, int64_t out, Activation activation)>;
  struct Options {
    int64_t in = 0, mid = 0, out = 0, kernel = 3, stride = 1;  // kernel: odd, of the depthwise convolutions
    double se_ratio = 0;
    int64_t se_divisor = 4;                      // see SqueezeExcite
    Activation gate = Activation::hard_sigmoid;  // of the squeeze-excite
    std::string cheap_op = "depthwise";          // of both ghost modules; of cheap_op_table()
    double drop_path = 0;                        // of what is added to the shortcut
    MakeGhost ghost1 = {}, ghost2 = {};          // of the networks after GhostNet; empty: a GhostModule
  };
  explicit GhostBottleneck(const Options& options);
  const char* kind() const override { return "GhostBottleneck"; }

 protected:
  Tensor forward(const Tensor& x) override;

 private:
  ModulePtr ghost1_;
  ConvUnit conv_dw_;
  Child<SqueezeExcite> se_;
  ModulePtr ghost2_;
  Child<Sequential> shortcut_;
  Child<DropPath> drop_path_;
};

}  // namespace ghost
