#include "data/augment/operations.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "data/transforms.h"

namespace ghost {
namespace {

// The pixel (x, y) of the result is that of the picture at
//   (a·(x + ½) + b·(y + ½) + c, d·(x + ½) + e·(y + ½) + f).
struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

// In 16.16 fixed point, as Pillow computes it: a neighbour more or less at an edge depends on that.
void move_pixels(Image& image, const Affine& map) {
  const auto fixed = [](double v) { return static_cast<int64_t>(std::floor(v * 65536 + 0.5)); };
  const int64_t a = fixed(map.a), b = fixed(map.b), d = fixed(map.d), e = fixed(map.e);
  int64_t column = fixed(map.c + 0.5 * map.a + 0.5 * map.b), row = fixed(map.f + 0.5 * map.d + 0.5 * map.e);
  Image out = Image::zeros(image.height, image.width, image.channels);
  uint8_t* to = out.pixels.data();
  for (int64_t y = 0; y < image.height; y++, column += b, row += e) {
    int64_t fx = column, fy = row;
    for (int64_t x = 0; x < image.width; x++, fx += a, fy += d, to += image.channels) {
      const int64_t from_x = fx >> 16, from_y = fy >> 16;
      if (from_x >= 0 && from_x < image.width && from_y >= 0 && from_y < image.height)
        std::copy_n(image.pixels.data() + (from_y * image.width + from_x) * image.channels, image.channels, to);
    }
  }
  image = std::move(out);
}

// Every channel's values through a table of its own.
template <class MakeTable>
void map_channels(Image& image, const MakeTable& make_table) {
  const int64_t channels = image.channels;
  for (int64_t c = 0; c < channels; c++) {
    std::array<int64_t, 256> histogram{};
    for (size_t p = static_cast<size_t>(c); p < image.pixels.size(); p += static_cast<size_t>(channels))
      histogram[image.pixels[p]]++;
    const std::array<uint8_t, 256> table = make_table(histogram);
    for (size_t p = static_cast<size_t>(c); p < image.pixels.size(); p += static_cast<size_t>(channels))
      image.pixels[p] = table[image.pixels[p]];
  }
}

template <class Value>
void map_values(Image& image, const Value& value) {
  std::array<uint8_t, 256> table{};
  for (size_t v = 0; v < table.size(); v++) table[v] = value(static_cast<uint8_t>(v));
  for (uint8_t& v : image.pixels) v = table[v];
}

// ImageFilter.SMOOTH: the pixel counts five times, its neighbours once; the outermost pixels stay.
Image smoothed(const Image& image) {
  Image out = image;
  const int64_t channels = image.channels, row = image.width * channels;
  for (int64_t y = 1; y + 1 < image.height; y++)
    for (int64_t i = y * row + channels; i < (y + 1) * row - channels; i++) {
      const uint8_t* at = image.pixels.data() + i;
      int sum = 4 * at[0];
      for (const int64_t line : {-row, int64_t{0}, row}) sum += at[line - channels] + at[line] + at[line + channels];
      out.pixels[static_cast<size_t>(i)] = static_cast<uint8_t>((2 * sum + 13) / 26);
    }
  return out;
}

std::array<uint8_t, 256> identity_table() {
  std::array<uint8_t, 256> table{};
  for (size_t v = 0; v < table.size(); v++) table[v] = static_cast<uint8_t>(v);
  return table;
}

// Magnitudes that do not depend on the picture's size.
template <int kHundredths>
double up_to(double strength, PictureSize /*size*/) {
  return strength * kHundredths / 100;
}
// Kept bits: eight, and fewer with growing strength, rounded half to even.
template <int kFewer>
double bits(double strength, PictureSize /*size*/) {
  return 8 - std::nearbyint(kFewer * strength);
}
double threshold(double strength, PictureSize /*size*/) { return 255 - 255 * strength; }
double share_of_width(double strength, PictureSize size) {
  return 150.0 / 331.0 * static_cast<double>(size.width) * strength;
}
double share_of_height(double strength, PictureSize size) {
  return 150.0 / 331.0 * static_cast<double>(size.height) * strength;
}
double none(double /*strength*/, PictureSize /*size*/) { return 0; }

// Brightness, saturation, contrast and sharpness have the factor 1 + magnitude.
template <void (*kAdjust)(Image&, double)>
void adjust_by(Image& image, double magnitude) {
  kAdjust(image, 1 + magnitude);
}

}  // namespace

void shear_x(Image& image, double factor) { move_pixels(image, {.b = factor}); }
void shear_y(Image& image, double factor) { move_pixels(image, {.d = factor}); }
void translate_x(Image& image, double pixels) { move_pixels(image, {.c = -std::trunc(pixels)}); }
void translate_y(Image& image, double pixels) { move_pixels(image, {.f = -std::trunc(pixels)}); }

void rotate(Image& image, double degrees) {
  const double angle = degrees * std::numbers::pi / 180, cosine = std::cos(angle), sine = std::sin(angle);
  const double x = static_cast<double>(image.width) / 2, y = static_cast<double>(image.height) / 2;
  move_pixels(image, {.a = cosine,
                      .b = -sine,
                      .c = x - cosine * x + sine * y,
                      .d = sine,
                      .e = cosine,
                      .f = y - sine * x - cosine * y});
}

void adjust_sharpness(Image& image, double factor) {
  if (image.height < 3 || image.width < 3) return;
  const Image blurred = smoothed(image);
  const auto f = static_cast<float>(factor);
  for (size_t i = 0; i < image.pixels.size(); i++) image.pixels[i] = blend(blurred.pixels[i], image.pixels[i], f);
}

void posterize(Image& image, int bits) {
  const auto mask = static_cast<uint8_t>(0xFF << (8 - bits));
  map_values(image, [&](uint8_t v) { return static_cast<uint8_t>(v & mask); });
}

void solarize(Image& image, double threshold) {
  map_values(image, [&](uint8_t v) { return v < threshold ? v : static_cast<uint8_t>(255 - v); });
}

void auto_contrast(Image& image) {
  map_channels(image, [](const std::array<int64_t, 256>& histogram) {
    const auto used = [](int64_t count) { return count > 0; };
    const auto low = std::find_if(histogram.begin(), histogram.end(), used) - histogram.begin();
    const auto high = 255 - (std::find_if(histogram.rbegin(), histogram.rend(), used) - histogram.rbegin());
    std::array<uint8_t, 256> table = identity_table();
    if (high <= low) return table;
    const double scale = 255.0 / static_cast<double>(high - low), offset = -static_cast<double>(low) * scale;
    for (size_t v = 0; v < table.size(); v++)
      table[v] = static_cast<uint8_t>(std::clamp(std::trunc(static_cast<double>(v) * scale + offset), 0.0, 255.0));
    return table;
  });
}

void equalize(Image& image) {
  map_channels(image, [](const std::array<int64_t, 256>& histogram) {
    std::array<uint8_t, 256> table = identity_table();
    int64_t pixels = 0, values = 0, last = 0;
    for (const int64_t count : histogram)
      if (count > 0) pixels += count, last = count, values++;
    const int64_t step = (pixels - last) / 255;
    if (values <= 1 || step == 0) return table;
    int64_t n = step / 2;
    for (size_t v = 0; v < table.size(); n += histogram[v], v++)
      table[v] = static_cast<uint8_t>(std::min<int64_t>(n / step, 255));
    return table;
  });
}

std::span<const PictureOperation> picture_operations() {
  static constexpr std::array<PictureOperation, 14> kOperations{{
      {"Identity", none, none, false, [](Image&, double) {}},
      {"ShearX", up_to<30>, up_to<99>, true, shear_x},
      {"ShearY", up_to<30>, up_to<99>, true, shear_y},
      {"TranslateX", share_of_width, up_to<3200>, true, translate_x},
      {"TranslateY", share_of_height, up_to<3200>, true, translate_y},
      {"Rotate", up_to<3000>, up_to<13500>, true, rotate},
      {"Brightness", up_to<90>, up_to<99>, true, adjust_by<adjust_brightness>},
      {"Color", up_to<90>, up_to<99>, true, adjust_by<adjust_saturation>},
      {"Contrast", up_to<90>, up_to<99>, true, adjust_by<adjust_contrast>},
      {"Sharpness", up_to<90>, up_to<99>, true, adjust_by<adjust_sharpness>},
      {"Posterize", bits<4>, bits<6>, false,
       [](Image& image, double magnitude) { posterize(image, static_cast<int>(magnitude)); }},
      {"Solarize", threshold, threshold, false, solarize},
      {"AutoContrast", none, none, false, [](Image& image, double) { auto_contrast(image); }},
      {"Equalize", none, none, false, [](Image& image, double) { equalize(image); }},
  }};
  return kOperations;
}

const PictureOperation& picture_operation(std::string_view name) {
  for (const PictureOperation& one : picture_operations())
    if (one.name == name) return one;
  fail("there is no operation {} on pictures", name);
}

}  // namespace ghost
