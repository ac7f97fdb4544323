// How much of a feature map another one already says: the d×d filter that best makes one map from another, by least
// squares (Han et al., arXiv 1911.11907, figure 1 and table 2).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace ghost {

// The fits of every map of a layer from every other, for one size of filter.
struct Fits {
  int64_t kernel = 0;            // d
  int64_t maps = 0;              // C
  int64_t pixels = 0;            // of one map, over all pictures
  std::vector<double> error;     // (source, target): mean squared error of the best filter; 0 of a map from itself
  std::vector<double> variance;  // of each map
  double nothing = 0;            // a variance up to this is none: beside the liveliest map it is rounding

  double mse(int64_t source, int64_t target) const { return error[static_cast<size_t>(source * maps + target)]; }
  // A map without variance, such as one that a ReLU has switched off; it needs no filter at all.
  bool constant(int64_t map) const { return variance[static_cast<size_t>(map)] <= nothing; }
  // The share of the target's variance that the filter does not explain: mse/variance; 0 if the target is constant.
  double unexplained(int64_t source, int64_t target) const;
};

// A filter of d² numbers on maps of hardly more pixels fits anything and shows nothing.
inline bool meaningful(int64_t kernel, int64_t pixels) { return pixels >= 4 * kernel * kernel; }

// maps (N, H, W, C), any floating type: C maps of N pictures. kernels: odd sizes, at least one; one result each. The
// filter sees zeros outside of the picture, as a depthwise convolution does, and has no bias. Throws UsageError for an
// even kernel and Error for other shapes or values that are not finite.
std::vector<Fits> fit_all_pairs(const Tensor& maps, std::span<const int64_t> kernels);

// One pair: Y ≈ filter ⋆ X.
struct PairFit {
  int64_t source = 0, target = 0, kernel = 0;
  std::vector<double> filter;     // (d, d), as a convolution's weight: correlation
  std::vector<double> predicted;  // (N, H, W)
  double mse = 0;
};
PairFit fit_pair(const Tensor& maps, int64_t source, int64_t target, int64_t kernel);

// What ratio would this layer bear?
struct Bearing {
  double tolerance = 0;   // largest unexplained share that still counts as predicted
  int64_t constant = 0;   // maps without variance
  int64_t predicted = 0;  // maps that some other map predicts within the tolerance, the constant ones among them
  // Maps from which all others follow, each from a single one; found by taking the map that predicts the most of what
  // is left, again and again. In the order they were taken.
  std::vector<int64_t> intrinsic;
  double share = 0;  // predicted / maps
  double ratio = 1;  // maps / intrinsic maps: s in the paper's terms
};
Bearing bearing(const Fits& fits, double tolerance);

}  // namespace ghost
