#include "data/sizing.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <vector>

#include "core/parallel.h"

namespace ghost {
namespace {

// Pictures that are looked at together; and so many are looked at, for the note, if the first ones decide already.
constexpr int64_t kAtOnce = 1024;

}  // namespace

int64_t usual_resize(int64_t image_size) { return std::llround(static_cast<double>(image_size) * 256 / 224); }

int64_t resize_for_stored_size(PictureSize stored, int64_t image_size, bool pad) {
  const auto [shorter, longer] = std::minmax(stored.height, stored.width);
  return pad && longer <= image_size && image_size < 2 * shorter ? shorter : image_size;
}

SizeDecision resize_for_pictures(const Dataset& pictures, int64_t image_size) {
  const PictureSize wanted{.height = image_size, .width = image_size};
  int64_t seen = 0, fitting = 0, other = -1;
  PictureSize other_size;
  for (int64_t begin = 0; begin < pictures.size() && other < 0; begin += kAtOnce) {
    std::vector<std::optional<PictureSize>> sizes(static_cast<size_t>(std::min(kAtOnce, pictures.size() - begin)));
    parallel_for(std::ssize(sizes),
                 [&](int64_t i) { sizes[static_cast<size_t>(i)] = pictures.stored_size(begin + i); });
    for (int64_t i = 0; i < std::ssize(sizes); i++) {
      const std::optional<PictureSize>& size = sizes[static_cast<size_t>(i)];
      if (!size) continue;
      seen++;
      if (*size == wanted)
        fitting++;
      else if (other < 0)
        other = begin + i, other_size = *size;
    }
  }
  if (other < 0 && seen > 0) return {image_size, ""};
  const int64_t resize = usual_resize(image_size);
  if (fitting == 0) return {resize, ""};
  return {resize, fmt::format("{} of {} pictures that were looked at are stored at {}×{} already, but not all ({} is "
                              "{}×{}): the shorter side of every picture is resized to {} before the crop, and "
                              "data.resize {} would leave those as they are",
                              fitting, seen, image_size, image_size, pictures.name(other), other_size.width,
                              other_size.height, resize, image_size)};
}

}  // namespace ghost
