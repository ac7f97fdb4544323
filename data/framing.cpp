#include "data/framing.h"

#include <algorithm>
#include <cmath>

#include "data/format_check.h"
#include "data/transforms.h"

namespace ghost {

PictureSize with_shorter_side(PictureSize picture, int64_t side) {
  const auto [h, w] = picture;
  return w <= h ? PictureSize{side * h / w, side} : PictureSize{side, side * w / h};
}

Framing whole_picture(PictureSize stored, FramingTarget target) {
  const int64_t shorter = std::min(stored.height, stored.width), longer = std::max(stored.height, stored.width);
  const int64_t side = target.resize;
  const Box all{.height = stored.height, .width = stored.width};
  if (shorter == side || (shorter < side && !target.enlarge)) return {.part = all, .resized = stored};
  if (side * longer / shorter > kMaxPixels / side)
    throw ImageError(fmt::format("{}x{} pixels, which would be more than {} million with a shorter side of {}",
                                 stored.width, stored.height, kMaxPixels / 1'000'000, side));
  return {.part = all, .resized = with_shorter_side(stored, side)};
}

Framing center_of_picture(PictureSize stored, FramingTarget target) {
  // A missing row is halved towards zero above, torchvision's (size − h)//2; a surplus one is halved to even.
  const auto corner = [&](int64_t side) {
    if (side < target.size) return -((target.size - side) / 2);
    return static_cast<int64_t>(std::nearbyint(static_cast<double>(side - target.size) / 2));
  };
  Framing framing = whole_picture(stored, target);
  framing.top = corner(framing.resized.height);
  framing.left = corner(framing.resized.width);
  return framing;
}

Image framed(Image stored, const Framing& framing, int64_t size) {
  const Box& part = framing.part;
  const PictureSize resized = framing.resized;
  const bool as_stored =
      part.height == stored.height && part.width == stored.width && resized == PictureSize{stored.height, stored.width};
  Image image = as_stored ? std::move(stored) : resize_bilinear(stored, part, resized.height, resized.width);
  if (framing.top == 0 && framing.left == 0 && resized == PictureSize{size, size}) return image;
  return framing.outside == Framing::Outside::reflect ? crop_reflected(image, framing.top, framing.left, size, size)
                                                      : crop(image, framing.top, framing.left, size, size);
}

}  // namespace ghost
