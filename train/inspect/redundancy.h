// Redundancy of feature maps: the d×d filter that best predicts one map from another, by least squares (Han et al.,
// arXiv 1911.11907, figure 1 and table 2).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace ghost {

// Least-squares fits of every map of a layer from every other map, for one size of filter.
struct FilterFits {
  int64_t kernel = 0;            // d
  int64_t maps = 0;              // C
  int64_t pixels = 0;            // of one map, over all pictures
  std::vector<double> error;     // (source, target): mean squared error of the best filter; 0 of a map from itself
  std::vector<double> variance;  // of each map
  double nothing =
      0;  // a variance up to this counts as 0: it is rounding error beside the largest variance of the layer

  double mse(int64_t source, int64_t target) const { return error[static_cast<size_t>(source * maps + target)]; }
  // A map without variance, such as one that a ReLU has switched off. It needs no filter.
  bool constant(int64_t map) const { return variance[static_cast<size_t>(map)] <= nothing; }
  // The share of the target's variance that the filter does not explain: mse/variance; 0 if the target is constant.
  double unexplained(int64_t source, int64_t target) const;
};

// Whether maps have enough pixels: a filter of d² numbers fits any map of hardly more pixels, which shows nothing.
inline bool meaningful(int64_t kernel, int64_t pixels) { return pixels >= 4 * kernel * kernel; }

// maps (N, H, W, C), any floating type: C maps of N pictures. kernels: odd sizes, at least one; one result each. The
// filter sees zeros outside of the picture, as a depthwise convolution does, and has no bias. Throws UsageError for an
// even kernel and Error for other shapes or values that are not finite.
std::vector<FilterFits> fit_all_pairs(const Tensor& maps, std::span<const int64_t> kernels);

// One pair: Y ≈ filter ⋆ X.
struct PairFit {
  int64_t source = 0, target = 0, kernel = 0;
  std::vector<double> filter;     // (d, d), as a convolution's weight: correlation
  std::vector<double> predicted;  // (N, H, W)
  double mse = 0;
};
PairFit fit_pair(const Tensor& maps, int64_t source, int64_t target, int64_t kernel);

// The largest ghost ratio that would still work for a layer.
struct GhostRatio {
  double tolerance = 0;   // largest unexplained share of the variance with which a map counts as predicted
  int64_t constant = 0;   // maps without variance
  int64_t predicted = 0;  // maps that can be predicted from another one within the tolerance; constant ones count
  // Maps from which all others can be predicted, each from a single one. Greedy: the next map is the one that predicts
  // the most maps that are not covered yet.
  std::vector<int64_t> intrinsic;
  double share = 0;  // predicted / maps
  double ratio = 1;  // maps / intrinsic maps: s in the paper's terms
};
GhostRatio ghost_ratio(const FilterFits& fits, double tolerance);

}  // namespace ghost
