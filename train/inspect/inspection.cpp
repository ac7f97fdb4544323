#include "train/inspect/inspection.h"

#include <algorithm>

#include "train/run/preprocessing_json.h"

namespace ghost {

namespace {

// Best other map for each map that is not constant.
std::vector<int64_t> best_sources(const FilterFits& fits) {
  std::vector<int64_t> best(static_cast<size_t>(fits.maps), -1);
  for (int64_t target = 0; target < fits.maps; target++) {
    int64_t& found = best[static_cast<size_t>(target)];
    for (int64_t source = 0; source < fits.maps && !fits.constant(target); source++)
      if (source != target && !fits.constant(source) &&
          (found < 0 || fits.mse(source, target) < fits.mse(found, target)))
        found = source;
  }
  return best;
}

KernelResult result_of(const FilterFits& fits, double tolerance) {
  KernelResult result;
  result.kernel = fits.kernel;
  result.ghost_ratio = ghost_ratio(fits, tolerance);
  result.histogram.assign(kHistogramBins, 0);
  int64_t counted = 0;
  const std::vector<int64_t> best = best_sources(fits);
  for (int64_t target = 0; target < fits.maps; target++) {
    const int64_t source = best[static_cast<size_t>(target)];
    if (source < 0) continue;
    counted++, result.mean_mse += fits.mse(source, target), result.mean_unexplained += fits.unexplained(source, target);
    for (int64_t other = 0; other < fits.maps; other++) {
      if (other == target || fits.constant(other)) continue;
      const double bin = std::min(fits.unexplained(other, target) * kHistogramBins, kHistogramBins - 1.0);
      result.histogram[static_cast<size_t>(bin)]++;
    }
  }
  if (counted > 0)
    result.mean_mse /= static_cast<double>(counted), result.mean_unexplained /= static_cast<double>(counted);
  return result;
}

// By the second size, 3×3 of the usual ones, which a ghost layer has.
std::vector<SimilarPair> similar_pairs(const std::vector<FilterFits>& all, int64_t count) {
  const FilterFits& fits = all[std::min<size_t>(1, all.size() - 1)];
  const std::vector<int64_t> best = best_sources(fits);
  std::vector<int64_t> targets;
  for (int64_t t = 0; t < fits.maps; t++)
    if (best[static_cast<size_t>(t)] >= 0) targets.push_back(t);
  const auto left = [&](int64_t t) { return fits.unexplained(best[static_cast<size_t>(t)], t); };
  std::stable_sort(targets.begin(), targets.end(), [&](int64_t a, int64_t b) { return left(a) < left(b); });
  std::vector<SimilarPair> pairs;
  for (const int64_t target : targets) {
    if (std::ssize(pairs) == count) break;
    const int64_t source = best[static_cast<size_t>(target)];
    // The same two maps the other way round show nothing new.
    if (std::any_of(pairs.begin(), pairs.end(),
                    [&](const SimilarPair& p) { return p.source == target && p.target == source; }))
      continue;
    SimilarPair pair{.source = source, .target = target, .kernel = fits.kernel, .mse = {}, .unexplained = {}};
    for (const FilterFits& f : all)
      pair.mse.push_back(f.mse(source, target)), pair.unexplained.push_back(f.unexplained(source, target));
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

}  // namespace

Inspection inspect(Module& model, const Tensor& pictures, const InspectOptions& options) {
  if (!(options.tolerance > 0 && options.tolerance < 1))
    fail_usage(
        "the tolerance is {}, but must lie between 0 and 1: the share of a map's variance that may stay unexplained",
        options.tolerance);
  Inspection result{.kernel_sizes = options.kernels, .tolerance = options.tolerance, .layers = {}};
  std::vector<LayerMaps> layers = layer_maps(model, pictures, options.layers);
  for (size_t i = 0; i < layers.size(); i++) {
    if (options.progress) options.progress(i, layers.size(), layers[i].name);
    const Tensor& maps = layers[i].maps;
    std::vector<int64_t> sizes;
    for (const int64_t k : options.kernels)
      if (meaningful(k, maps.size(0) * maps.size(1) * maps.size(2))) sizes.push_back(k);
    const std::vector<FilterFits> all = sizes.empty() ? std::vector<FilterFits>{} : fit_all_pairs(maps, sizes);
    InspectedLayer layer{.layer = std::move(layers[i]), .kernels = {}, .pairs = {}};
    for (const FilterFits& fits : all) layer.kernels.push_back(result_of(fits, options.tolerance));
    if (!all.empty()) layer.pairs = similar_pairs(all, options.pairs);
    result.layers.push_back(std::move(layer));
  }
  return result;
}

std::string inspection_json(const Inspection& inspection, const Preprocessing& preprocessing) {
  Json layers = Json::array();
  for (const InspectedLayer& one : inspection.layers) {
    const LayerMaps& layer = one.layer;
    Json fits = Json::array(), pairs = Json::array();
    for (const KernelResult& k : one.kernels)
      fits.push_back({{"kernel", k.kernel},
                      {"share", k.ghost_ratio.share},
                      {"predicted", k.ghost_ratio.predicted},
                      {"constant", k.ghost_ratio.constant},
                      {"needed", k.ghost_ratio.intrinsic.size()},
                      {"ratio", k.ghost_ratio.ratio},
                      {"mse", k.mean_mse},
                      {"unexplained", k.mean_unexplained},
                      {"histogram", k.histogram}});
    for (const SimilarPair& p : one.pairs)
      pairs.push_back({{"source", p.source},
                       {"target", p.target},
                       {"kernel", p.kernel},
                       {"mse", p.mse},
                       {"unexplained", p.unexplained}});
    Json json{{"name", layer.name},           {"kind", layer.kind},          {"maps", layer.maps.size(3)},
              {"height", layer.maps.size(1)}, {"width", layer.maps.size(2)}, {"intrinsic", layer.intrinsic},
              {"ghosts", layer.ghosts},       {"fits", std::move(fits)},     {"pairs", std::move(pairs)}};
    if (layer.filters.defined()) {
      const std::vector<double> all = layer.filters.to_vector<double>();
      const int64_t size = layer.filters.size(1) * layer.filters.size(2);
      Json filters = Json::array();
      for (auto at = all.begin(); at != all.end(); at += size) filters.push_back(std::vector<double>(at, at + size));
      json["filters"] = std::move(filters);
    }
    layers.push_back(std::move(json));
  }
  return Json{{"preprocessing", json_of(preprocessing)},
              {"tolerance", inspection.tolerance},
              {"layers", std::move(layers)}}
             .dump() +
         "\n";
}

}  // namespace ghost
