// The operations of RandAugment (Cubuk et al., 2020, arXiv 1909.13719) and TrivialAugment (Müller and Hutter, 2021,
// arXiv 2103.10158) on 8-bit pictures, as Pillow does them; strengths as torchvision has them.
#pragma once
#include <span>
#include <string_view>

#include "data/framing.h"
#include "data/image.h"

namespace ghost {

// Nearest neighbour; what comes from outside of the picture is black.
// A shear by the factor, about the top left corner: a row moves by factor·y to the left, a column by factor·x upwards.
void shear_x(Image& image, double factor);
void shear_y(Image& image, double factor);
void translate_x(Image& image, double pixels);  // to the right; cut to whole pixels
void translate_y(Image& image, double pixels);  // down
void rotate(Image& image, double degrees);      // counter-clockwise, about the centre

void adjust_sharpness(Image& image, double factor);  // ImageEnhance.Sharpness; 0: smoothed, 1: unchanged
void posterize(Image& image, int bits);              // keeps that many high bits, 1 to 8
void solarize(Image& image, double threshold);       // inverts values from the threshold on
void auto_contrast(Image& image);                    // each channel is stretched to 0..255
void equalize(Image& image);                         // ImageOps.equalize, each channel by itself

struct PictureOperation {
  std::string_view name;  // as torchvision's
  // The magnitude at a strength in 0..1 in a picture of that size.
  double (*rand_augment)(double strength, PictureSize size);
  double (*trivial_augment)(double strength, PictureSize size);
  bool has_sign;  // the magnitude is negative half of the time
  void (*apply)(Image& image, double magnitude);
};
// In torchvision's order; the first changes nothing.
std::span<const PictureOperation> picture_operations();
const PictureOperation& picture_operation(std::string_view name);  // throws Error if there is none

}  // namespace ghost
