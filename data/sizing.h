// To which size pictures are resized where data.resize leaves it open: decided from the sizes that they are stored at.
#pragma once
#include <cstdint>
#include <string>

#include "data/dataset.h"
#include "data/framing.h"

namespace ghost {

// ImageNet's usual: image_size·256/224, rounded.
int64_t usual_resize(int64_t image_size);

// For a data set whose pictures all have one size. Where it is image_size, or where `pad` is set and they are smaller,
// but more than half as large, it is their shorter side, so that no pixel changes; else image_size.
int64_t resize_for_stored_size(PictureSize stored, int64_t image_size, bool pad);

// For pictures of any size: image_size if all of them are stored at image_size squared, since enlarging and cropping
// them would only blur, else usual_resize(). The sizes are those that the files declare; a file that declares none does
// not count. The note says if some, but not all, have that size; else it is empty.
struct SizeDecision {
  int64_t resize = 0;
  std::string note;
};
SizeDecision resize_for_pictures(const Dataset& pictures, int64_t image_size);

}  // namespace ghost
