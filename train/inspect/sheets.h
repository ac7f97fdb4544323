// Feature maps, filters and fits as pictures.
#pragma once
#include "data/image.h"
#include "train/inspect/layer_maps.h"
#include "train/inspect/redundancy.h"

namespace ghost {

// Numbers as colours: `values` (height, width), from `low` (dark blue) over green to `high` (yellow), each number a
// square of `side` pixels. RGB.
Image colour_map(std::span<const double> values, int64_t height, int64_t width, double low, double high, int64_t side);
// From −limit (blue) over 0 (white) to limit (red).
Image signed_colour_map(std::span<const double> values, int64_t height, int64_t width, double limit, int64_t side);

// Pictures of one size in a grid, with white gaps; the gaps within each `group` of pictures are smaller (1: no groups).
// Empty cells at the end are white.
Image grid(const std::vector<Image>& cells, int64_t columns, int64_t group = 1);

// The most pixels that the longer side of a map may take; larger maps are drawn by the means of square blocks of their
// values. Small maps are enlarged, whatever it says.
constexpr int64_t kEveryValue = int64_t{1} << 30;

// Every map of one picture of the layer, each in its own range of values, side by side; those of a ghost layer as
// groups of an intrinsic map and the ghosts made from it, in the order of the intrinsic maps.
Image contact_sheet(const LayerMaps& layer, int64_t picture = 0, int64_t most_pixels = kEveryValue);

// One map of one picture, scaled as contact_sheet scales it.
Image map_picture(const Tensor& maps, int64_t map, int64_t picture = 0, int64_t most_pixels = kEveryValue);

// source, prediction, target and their difference, side by side, all in the range of the target.
Image pair_picture(const Tensor& maps, const PairFit& fit, int64_t picture = 0, int64_t most_pixels = kEveryValue);

// filters (count, d, d): one square each, in a common range.
Image filter_sheet(const Tensor& filters);

}  // namespace ghost
