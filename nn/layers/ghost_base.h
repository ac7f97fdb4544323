// What GhostConv and GhostModule share (Han et al., arXiv 1911.11907, section 3.1): an ordinary convolution makes the
// intrinsic maps, a cheap operation (cheap_op.h) makes the ghosts from them, and the result is both, side by side.
#pragma once
#include "nn/layers/cheap_op.h"
#include "nn/layers/conv_bn_act.h"
#include "nn/sequential.h"

namespace ghost {

class GhostBase : public Module {
 public:
  int64_t intrinsic() const { return plan_.intrinsic; }  // channels of the primary convolution
  int64_t ghosts() const { return plan_.ghosts; }        // channels of the cheap operation; 0: there is none
  int64_t out() const { return plan_.out; }              // channels of the result
  // The last ghosts, if they are computed and then cut off. They own parameters, whose gradient is 0.
  int64_t dead() const { return plan_.intrinsic + plan_.ghosts - plan_.out; }

 protected:
  struct Plan {
    int64_t in, intrinsic, ghosts, out;  // ghosts: a multiple of intrinsic
    Size2 kernel, stride, padding, dilation;
    std::string cheap_op;
    int64_t cheap_kernel;
    Activation activation;  // after each branch's batch norm
  };
  // Children primary_conv and, if there are ghosts, <cheap_name>: 0 (the cheap operation), 1 (batch norm), 2
  // (activation).
  GhostBase(const Plan& plan, const char* cheap_name);

  // x (N, H, W, in) → y (N, H', W', out): channels [intrinsic, ghosts], ghost j made from intrinsic map ⌊j/(ghosts per
  // map)⌋.
  Tensor forward(const Tensor& x) override;

 private:
  Plan plan_;
  Child<ConvBnAct> primary_conv_;
  Child<Sequential> cheap_;
};

}  // namespace ghost
