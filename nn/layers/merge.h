// Parallel convolutions of one input, each with its batch norm, are one convolution in evaluation (Ding et al., RepVGG,
// arXiv 2101.03697, section 3.3): their kernels and biases add up, once each batch norm is multiplied in.
#pragma once
#include <vector>

#include "nn/layers/batch_norm2d.h"
#include "nn/layers/conv2d.h"

namespace ghost {

// Gathers branches in f64 and writes their sum to a convolution with bias. All branches have the stride and the groups
// of that convolution, and the middle of their kernels at the middle of its own.
class BranchSum {
 public:
  explicit BranchSum(const Conv2d& into);
  // Throws Error if the branch has other channels, groups or stride, or a kernel that does not fit in the middle.
  void add(const Conv2d& conv, const BatchNorm2d& norm);
  void add_identity(const BatchNorm2d& norm);  // the branch is the batch norm alone; as many outputs as inputs
  void write() const;

 private:
  // Adds `value(o, y, x, i)·scale(o)` for the kernel of these sizes, and the shift of the batch norm.
  template <class F>
  void add_kernel(Size2 kernel, const BatchNorm2d& norm, F value);
  const Conv2d& into_;
  std::vector<double> weight_, bias_;
};

// A module of a deployed network (model.deployed) that has one convolution where the trained one has branches.
class MergesBranches {
 public:
  virtual ~MergesBranches() = default;
  // Takes the sum of the branches of `trained`, which stands at the same place in the trained network. Throws Error if
  // that is another kind of module, or itself deployed.
  virtual void merge(Module& trained) = 0;
};

}  // namespace ghost
