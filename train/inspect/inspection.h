// What ghost-inspect computes: for each layer, which of its feature maps can be predicted from another one by a cheap
// filter. Files and pages are made from it.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "data/preprocessing.h"
#include "train/inspect/layer_maps.h"
#include "train/inspect/redundancy.h"

namespace ghost {

struct InspectOptions {
  std::vector<std::string> layers;           // patterns; empty: map_layers()
  std::vector<int64_t> kernels{1, 3, 5, 7};  // sizes of the filter
  double tolerance = 0.1;                    // see GhostRatio
  int64_t pairs = 8;                         // similar pairs to keep of each layer
  std::function<void(size_t done, size_t of, const std::string& layer)> progress;
};

// Fits of one size of filter on one layer.
struct KernelResult {
  int64_t kernel = 0;
  GhostRatio ghost_ratio;
  double mean_mse = 0;  // over maps that are not constant: of the best other map
  double mean_unexplained = 0;
  // Number of ordered pairs of maps by unexplained share, in kHistogramBins equal bins of 0..1; the last bin also holds
  // what lies above 1. Constant maps are left out.
  std::vector<int64_t> histogram;
};
constexpr int64_t kHistogramBins = 20;

// Two maps, and how well a filter predicts the second from the first.
struct SimilarPair {
  int64_t source = 0, target = 0;
  int64_t kernel = 0;                    // the size by which they were found
  std::vector<double> mse, unexplained;  // one of each size
};

struct InspectedLayer {
  LayerMaps layer;
  std::vector<KernelResult> kernels;  // of the sizes for which the maps have pixels enough (meaningful())
  std::vector<SimilarPair> pairs;     // the best first; a map is the target of one pair at most
};

struct Inspection {
  std::vector<int64_t> kernel_sizes;
  double tolerance = 0;
  std::vector<InspectedLayer> layers;
};

// pictures (N, H, W, C), as the model takes them. Throws as layer_maps and fit_all_pairs do, and UsageError for a
// tolerance outside (0, 1).
Inspection inspect(Module& model, const Tensor& pictures, const InspectOptions& options);

// {"preprocessing", "tolerance", "layers": [{"name", "kind", "maps", "height", "width", "intrinsic", "ghosts", "fits":
// [{"kernel", "share", "predicted", "constant", "needed", "ratio", "mse", "unexplained", "histogram"}], "pairs":
// [{"source", "target", "mse", "unexplained"}], "filters"}]}; "mse" and "unexplained" of a pair have one number a size.
std::string inspection_json(const Inspection& inspection, const Preprocessing& preprocessing);

}  // namespace ghost
