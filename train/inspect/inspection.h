// Looking inside a network: which of its feature maps could have been made from others by a cheap filter, layer by
// layer. What ghost-inspect computes; files and pages are made from it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/inspect/layer_maps.h"
#include "train/inspect/redundancy.h"

namespace ghost {

struct InspectOptions {
  std::vector<std::string> layers;           // patterns; empty: map_layers()
  std::vector<int64_t> kernels{1, 3, 5, 7};  // sizes of the filter
  double tolerance = 0.1;                    // see Bearing
  int64_t pairs = 8;                         // similar pairs to keep of each layer
  std::function<void(size_t done, size_t of, const std::string& layer)> progress;
};

// How well one size of filter does on a layer.
struct KernelResult {
  int64_t kernel = 0;
  Bearing bearing;
  double mean_mse = 0;  // over maps that are not constant: of the best other map
  double mean_unexplained = 0;
  // Ordered pairs of maps that are not constant by unexplained share: kHistogramBins even parts of 0..1, the last one
  // with all above.
  std::vector<int64_t> histogram;
};
constexpr int64_t kHistogramBins = 20;

// Two maps, by the filter that makes the second from the first.
struct SimilarPair {
  int64_t source = 0, target = 0;
  int64_t kernel = 0;                    // the size by which they were found
  std::vector<double> mse, unexplained;  // one of each size
};

struct InspectedLayer {
  LayerMaps layer;
  std::vector<KernelResult> kernels;  // of the sizes for which the maps have pixels enough (meaningful())
  std::vector<SimilarPair> pairs;     // the best first; no map is the target of two
};

struct Inspection {
  std::vector<int64_t> kernel_sizes;
  double tolerance = 0;
  std::vector<InspectedLayer> layers;
};

// pictures (N, H, W, C), as the model takes them. Throws as layer_maps and fit_all_pairs do, and UsageError for a
// tolerance outside (0, 1).
Inspection inspect(Module& model, const Tensor& pictures, const InspectOptions& options);

// {"tolerance", "layers": [{"name", "kind", "maps", "height", "width", "intrinsic", "ghosts", "fits": [{"kernel",
// "share", "predicted", "constant", "needed", "ratio", "mse", "unexplained", "histogram"}], "pairs":
// [{"source", "target", "mse", "unexplained"}], "filters"}]}; "mse" and "unexplained" of a pair have one number a size.
std::string inspection_json(const Inspection& inspection);

}  // namespace ghost
