// Damaged pictures must be refused or decoded, the same way every time, without reading or writing outside of any
// buffer: run under the address sanitizer this is worth most.
#include <cstdlib>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "data/image.h"
#include "support/picture_files.h"
#include "support/temp_dir.h"

namespace ghost {
namespace {

using test::ByteVector;

// The decoded pixels, or nothing where it was refused.
ByteVector outcome(const ByteVector& bytes) {
  try {
    const Image image = decode_image(bytes, "x");
    EXPECT_EQ(static_cast<int64_t>(image.pixels.size()), image.height * image.width * image.channels);
    return image.pixels;
  } catch (const ImageError& error) {
    EXPECT_EQ(std::string(error.what()).substr(0, 3), "x: ");
    return {};
  }
}

ByteVector damaged(const ByteVector& good, RandomStream& random) {
  ByteVector bytes = good;
  const auto anywhere = [&] { return static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size()))); };
  switch (random.below(5)) {
    case 0:  // cut off
      bytes.resize(anywhere());
      break;
    case 1:  // a piece is missing
      if (const size_t at = anywhere(); at + 40 < bytes.size())
        bytes.erase(bytes.begin() + static_cast<int64_t>(at),
                    bytes.begin() + static_cast<int64_t>(at) + 1 + random.below(40));
      break;
    case 2: {  // a piece comes twice
      const size_t at = anywhere(), count = std::min<size_t>(bytes.size() - at, 30);
      const ByteVector piece(bytes.begin() + static_cast<int64_t>(at),
                             bytes.begin() + static_cast<int64_t>(at + count));
      bytes.insert(bytes.begin() + static_cast<int64_t>(anywhere()), piece.begin(), piece.end());
      break;
    }
    default:  // other bytes, most of them where headers and tables are
      for (int64_t n = 1 + random.below(8); n > 0; n--)
        bytes[random.flip(0.6) ? anywhere() % std::min<size_t>(bytes.size(), 700) : anywhere()] =
            random.flip(0.2) ? 0xFF : static_cast<uint8_t>(random.below(256));
  }
  return bytes;
}

std::vector<ByteVector> seeds() {
  std::vector<ByteVector> all{
      test::jpeg_bytes(test::patterned_image(24, 20, 3)), test::jpeg_bytes(test::patterned_image(9, 33, 1), 95),
      test::png_bytes(test::patterned_image(9, 8, 3)), test::bmp_bytes(test::patterned_image(5, 6, 3)),
      test::png_bytes({.width = 9,
                       .height = 4,
                       .depth = 2,
                       .color_type = 3,
                       .interlace = 1,
                       .rows = ByteVector(40),
                       .palette = ByteVector(9, 77)})};
  const auto folder = test::shared_dir() / "data" / "bad-images";
  for (const char* file : {"progressive.jpg", "cmyk.jpg", "restart-markers.jpg", "missing-eoi.jpg",
                           "corrupt-entropy.jpg", "subsampling-420-odd.jpg", "exif-orientation-6.jpg", "interlaced.png",
                           "palette-trns.png", "gray16.png", "rgba.png", "bilevel.png"})
    if (exists(folder / file)) all.push_back(test::file_bytes(folder / file));
  return all;
}

// GHOST_FUZZ_ROUNDS and GHOST_FUZZ_SEED ask for more, and for others.
int64_t from_environment(const char* name, int64_t usual) {
  const char* text = std::getenv(name);
  return text ? std::atoll(text) : usual;
}

TEST(Fuzz, DamagedPicturesAreRefusedOrDecodedAlike) {
  const int64_t rounds = from_environment("GHOST_FUZZ_ROUNDS", 250);
  const auto seed = static_cast<uint64_t>(from_environment("GHOST_FUZZ_SEED", 1));
  int64_t refused = 0, decoded = 0;
  uint64_t number = 0;
  for (const ByteVector& good : seeds()) {
    for (int64_t round = 0; round < rounds; round++) {
      RandomStream random(seed, "fuzz", {number, static_cast<uint64_t>(round)});
      const ByteVector bytes = damaged(good, random);
      const ByteVector first = outcome(bytes);
      ASSERT_EQ(outcome(bytes), first) << "picture " << number << ", round " << round;
      (first.empty() ? refused : decoded)++;
    }
    number++;
  }
  EXPECT_GT(refused, rounds);
  EXPECT_GT(decoded, rounds / 2);
}

}  // namespace
}  // namespace ghost
