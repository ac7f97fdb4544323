// The reference has PyTorch's axes, this project has channels last: how one lies in the other.
#pragma once
#include <vector>

#include "core/tensor.h"

namespace ghost::reference {

// The reference tensor is first viewed with `leading` sizes of 1 in front of its shape; our dimension i is then
// dimension axes[i] of that view.
struct Layout {
  std::vector<int> axes;
  int leading = 0;
};

Layout plain(int rank);          // the same axes on both sides
Layout channels_last(int rank);  // rank 4: (N, C, H, W) → (N, H, W, C), (O, I, H, W) → (O, H, W, I); other ranks: plain
// Of a tensor with `rank` dimensions that is broadcast against one with `other`: beside a 4-D one it becomes 4-D.
Layout broadcast_layout(int rank, int other);

// Our dimension of a dimension of the reference, which may count from the end. Throws Error if there is none.
int our_dim(const Layout& layout, int64_t reference_dim);

Tensor to_ours(const Tensor& reference, const Layout& layout);
Tensor to_reference(const Tensor& ours, const Layout& layout);

}  // namespace ghost::reference
