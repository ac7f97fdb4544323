// Which part of a stored picture the network sees, and how large. A framing is chosen from sizes alone, before any
// pixel is touched.
#pragma once
#include <cstdint>

#include "data/image.h"

namespace ghost {

struct PictureSize {  // in pixels
  int64_t height = 0, width = 0;
  bool operator==(const PictureSize&) const = default;
};

struct Box {  // of pixels, inside a picture
  int64_t top = 0, left = 0, height = 0, width = 0;
};

// The network sees (size, size) pixels. The shorter side of a picture is resized to `resize`, and the pixels are cut
// out of the result, with zeros where it is smaller than they are.
struct FramingTarget {
  int64_t size = 0, resize = 0;
  // false: a picture whose shorter side is not longer than `resize` stays as it is stored. Only networks that were
  // trained before it was decided once how pictures are resized are prepared so.
  bool enlarge = true;
};

// `part` of the stored picture is resized to `resized`. The network sees the (size, size) pixels of it whose corner is
// at (top, left), and what `outside` says where that is outside.
struct Framing {
  enum class Outside { zeros, reflect };  // reflect: the picture mirrored at its outermost pixels, as NumPy's "reflect"
  Box part;
  PictureSize resized;
  int64_t top = 0, left = 0;
  Outside outside = Outside::zeros;
};

// torchvision's Resize(side): the shorter side becomes `side`, the longer one int(side·long/short).
PictureSize with_shorter_side(PictureSize picture, int64_t side);

// The whole picture, resized as `target` says, from its corner (0, 0). Throws ImageError without the picture's name if
// it would have more than kMaxPixels, as a strip of one pixel's height would.
Framing whole_picture(PictureSize stored, FramingTarget target);

// The same from its centre, as torchvision's CenterCrop: the corner is (side − size)/2, rounded half to even; where the
// picture is smaller than `size`, the odd row and column of zeros are below and right.
Framing center_of_picture(PictureSize stored, FramingTarget target);

// (H, W, C) → (size, size, C). Bilinear where it is resized (data/transforms.h).
Image framed(Image stored, const Framing& framing, int64_t size);

}  // namespace ghost
