#include "train/inspect/sheets.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/ops/shape_ops.h"

namespace ghost {

namespace {

constexpr int64_t kGap = 2, kWideGap = 8;
constexpr int64_t kSmallest = 48;  // pixels of a map's longer side on a sheet

using Colour = std::array<double, 3>;

// Anchors of viridis (van der Walt and Smith, 2015): dark to light evenly, also for the colour-blind and in print.
constexpr std::array<Colour, 6> kViridis{
    {{68, 1, 84}, {65, 68, 135}, {42, 120, 142}, {34, 168, 132}, {122, 209, 81}, {253, 231, 37}}};
constexpr std::array<Colour, 3> kBlueWhiteRed{{{33, 102, 172}, {247, 247, 247}, {178, 24, 43}}};

template <size_t N>
std::array<uint8_t, 3> colour(const std::array<Colour, N>& anchors, double t) {
  t = std::isfinite(t) ? std::clamp(t, 0.0, 1.0) * (N - 1) : 0;
  const auto i = std::min(static_cast<size_t>(t), N - 2);
  std::array<uint8_t, 3> rgb{};
  for (size_t c = 0; c < 3; c++)
    rgb[c] = static_cast<uint8_t>(
        std::lround(anchors[i][c] + (anchors[i + 1][c] - anchors[i][c]) * (t - static_cast<double>(i))));
  return rgb;
}

template <size_t N>
Image painted(std::span<const double> values, int64_t height, int64_t width, double low, double high, int64_t side,
              const std::array<Colour, N>& anchors) {
  Image image = Image::zeros(height * side, width * side, 3);
  for (int64_t y = 0; y < height * side; y++)
    for (int64_t x = 0; x < width * side; x++) {
      const double v = values[static_cast<size_t>(y / side * width + x / side)];
      const auto rgb = colour(anchors, high > low ? (v - low) / (high - low) : 0);
      std::copy(rgb.begin(), rgb.end(), image.pixels.begin() + (y * width * side + x) * 3);
    }
  return image;
}

void place(Image& canvas, const Image& cell, int64_t top, int64_t left) {
  for (int64_t y = 0; y < cell.height; y++)
    std::copy_n(cell.pixels.begin() + y * cell.width * 3, cell.width * 3,
                canvas.pixels.begin() + ((top + y) * canvas.width + left) * 3);
}

int64_t side_of(int64_t height, int64_t width) {
  const int64_t longer = std::max(height, width);
  return std::max<int64_t>(1, (kSmallest + longer - 1) / longer);
}

std::vector<double> values_of(const Tensor& maps, int64_t map, int64_t picture) {
  const NoGrad no_grad;
  return slice(maps, {{.start = picture, .stop = picture + 1}, {}, {}, {.start = map, .stop = map + 1}})
      .to_vector<double>();
}

std::pair<double, double> range(std::span<const double> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

struct Grid {
  int64_t height, width;
  std::vector<double> values;
};
// A map by the means of square blocks, if it is larger; those at the lower and right edge may be narrower.
Grid reduced(std::vector<double> values, int64_t height, int64_t width, int64_t most_pixels) {
  const int64_t block = (std::max(height, width) + most_pixels - 1) / most_pixels;
  if (block <= 1) return {height, width, std::move(values)};
  Grid small{(height + block - 1) / block, (width + block - 1) / block, {}};
  for (int64_t top = 0; top < height; top += block)
    for (int64_t left = 0; left < width; left += block) {
      const int64_t bottom = std::min(top + block, height), right = std::min(left + block, width);
      double sum = 0;
      for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++) sum += values[static_cast<size_t>(y * width + x)];
      small.values.push_back(sum / static_cast<double>((bottom - top) * (right - left)));
    }
  return small;
}

// The order of a ghost layer's maps on the sheet: each intrinsic map, then its ghosts.
std::vector<int64_t> sheet_order(const LayerMaps& layer) {
  const int64_t maps = layer.maps.size(3), each = layer.intrinsic > 0 ? layer.ghosts / layer.intrinsic : 0;
  std::vector<int64_t> order;
  for (int64_t i = 0; i < (each > 0 ? layer.intrinsic : maps); i++) {
    order.push_back(i);
    for (int64_t j = 0; j < each; j++) order.push_back(layer.intrinsic + i * each + j);
  }
  return order;
}

}  // namespace

Image colour_map(std::span<const double> values, int64_t height, int64_t width, double low, double high, int64_t side) {
  return painted(values, height, width, low, high, side, kViridis);
}

Image signed_colour_map(std::span<const double> values, int64_t height, int64_t width, double limit, int64_t side) {
  return painted(values, height, width, -limit, limit, side, kBlueWhiteRed);
}

Image grid(const std::vector<Image>& cells, int64_t columns, int64_t group) {
  const int64_t height = cells.at(0).height, width = cells[0].width, count = std::ssize(cells);
  columns = std::min(columns, count);
  const int64_t gap = group > 1 ? kWideGap : kGap;
  const auto left = [&](int64_t column) {
    const int64_t before = column / group;  // groups
    return gap + before * (group * width + (group - 1) * kGap + gap) + column % group * (width + kGap);
  };
  const int64_t rows = (count + columns - 1) / columns;
  Image canvas = Image::zeros(rows * (height + gap) + gap, left(columns - 1) + width + gap, 3);
  std::fill(canvas.pixels.begin(), canvas.pixels.end(), uint8_t{255});
  for (int64_t i = 0; i < count; i++) {
    // An empty cell keeps its place.
    if (!cells[static_cast<size_t>(i)].pixels.empty())
      place(canvas, cells[static_cast<size_t>(i)], gap + i / columns * (height + gap), left(i % columns));
  }
  return canvas;
}

Image map_picture(const Tensor& maps, int64_t map, int64_t picture, int64_t most_pixels) {
  const Grid shown = reduced(values_of(maps, map, picture), maps.size(1), maps.size(2), most_pixels);
  const auto [low, high] = range(shown.values);
  return colour_map(shown.values, shown.height, shown.width, low, high, side_of(shown.height, shown.width));
}

Image contact_sheet(const LayerMaps& layer, int64_t picture, int64_t most_pixels) {
  const std::vector<int64_t> order = sheet_order(layer);
  const int64_t maps = layer.maps.size(3);
  std::vector<Image> cells;
  cells.reserve(order.size());
  for (const int64_t map : order)
    cells.push_back(map < maps ? map_picture(layer.maps, map, picture, most_pixels) : Image{});
  const int64_t group = layer.intrinsic > 0 && layer.ghosts > 0 ? layer.ghosts / layer.intrinsic + 1 : 1;
  const auto across = static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(cells.size()) * 1.5)));
  return grid(cells, (across + group - 1) / group * group, group);
}

Image pair_picture(const Tensor& maps, const PairFit& fit, int64_t picture, int64_t most_pixels) {
  const int64_t height = maps.size(1), width = maps.size(2), pixels = height * width;
  const auto shown = [&](std::vector<double> values) { return reduced(std::move(values), height, width, most_pixels); };
  const auto first = fit.predicted.begin() + picture * pixels;
  const Grid source = shown(values_of(maps, fit.source, picture)), target = shown(values_of(maps, fit.target, picture)),
             predicted = shown({first, first + pixels});
  std::vector<double> off;
  for (size_t i = 0; i < target.values.size(); i++) off.push_back(predicted.values[i] - target.values[i]);
  const auto [low, high] = range(target.values);
  const auto [source_low, source_high] = range(source.values);
  const int64_t h = target.height, w = target.width, side = side_of(h, w);
  return grid({colour_map(source.values, h, w, source_low, source_high, side),
               colour_map(predicted.values, h, w, low, high, side), colour_map(target.values, h, w, low, high, side),
               signed_colour_map(off, h, w, (high - low) / 2, side)},
              4);
}

Image filter_sheet(const Tensor& filters) {
  const int64_t count = filters.size(0), d = filters.size(1);
  const std::vector<double> all = filters.to_vector<double>();
  double limit = 0;
  for (const double v : all) limit = std::max(limit, std::abs(v));
  std::vector<Image> cells;
  for (int64_t i = 0; i < count; i++)
    cells.push_back(
        signed_colour_map(std::span(all).subspan(static_cast<size_t>(i * d * d), static_cast<size_t>(d * d)), d, d,
                          limit, std::max<int64_t>(4, 30 / d)));
  return grid(cells, static_cast<int64_t>(std::ceil(std::sqrt(static_cast<double>(count) * 2))));
}

}  // namespace ghost
