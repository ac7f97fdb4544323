// Operators that move values without computing.
#pragma once
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace ghost {

// Along dim (may count from the end). Along the channels nothing is copied.
Tensor cat(const std::vector<Tensor>& parts, int dim = -1);

struct Range {  // [start, stop) in steps ≥ 1; empty: from the first, to the last; negative counts from the end
  std::optional<int64_t> start{}, stop{};
  int64_t step = 1;
};
Tensor slice(const Tensor& x, const std::vector<Range>& ranges);       // one per dimension; missing ones: whole
Tensor slice_channels(const Tensor& x, int64_t first, int64_t count);  // a view, without copy
Tensor reshape(const Tensor& x, const std::vector<int64_t>& shape);    // row-major; one size may be −1
Tensor permute(const Tensor& x, const std::vector<int>& dims);
// From `start` on into one dimension. A 4-D (N, H, W, C) activation yields PyTorch's (C, H, W) order of columns.
Tensor flatten(const Tensor& x, int start = 1);

struct Pad2d {
  int64_t left = 0, right = 0, top = 0, bottom = 0, front = 0, back = 0;
  double value = 0;
};
Tensor pad(const Tensor& x, const Pad2d& by);  // x (N, H, W, C); front and back pad channels

}  // namespace ghost
