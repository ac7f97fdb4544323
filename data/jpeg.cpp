#include "data/jpeg.h"

#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it
#include <jerror.h>
#include <jpeglib.h>
#include <utility>

namespace ghost {
namespace {

// Remarks of libjpeg that leave no pixel in doubt: bytes between segments, a missing end marker, odd Adobe and JFIF
// markers, numbers that a sequential scan has no use for. After any other the picture holds data that libjpeg made up.
bool is_harmless(int message) {
  switch (message) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_JPEG_EOF:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_BOGUS_ICC:
      return true;
    default:
      return false;
  }
}

// libjpeg reports errors by calling a function that must not return. It is C, through which no exception may pass, so
// that function jumps back into the member function that called libjpeg; these have no locals with destructors.
class Decompressor {
 public:
  Decompressor() {
    info_.err = jpeg_std_error(&errors_);
    info_.client_data = this;
    errors_.error_exit = [](j_common_ptr info) { self(info).stop(); };
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && !is_harmless(info->err->msg_code)) self(info).stop();
    };
    errors_.output_message = [](j_common_ptr) {};
  }
  ~Decompressor() { jpeg_destroy_decompress(&info_); }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  // False: failed, and message() says why.
  bool start(Bytes bytes) {
    if (setjmp(back_) != 0) return false;  // NOLINT(cert-err52-cpp): see above
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, bytes.data(), bytes.size());
    jpeg_read_header(&info_, TRUE);
    info_.out_color_space = info_.num_components == 1 ? JCS_GRAYSCALE : info_.num_components == 4 ? JCS_CMYK : JCS_RGB;
    jpeg_start_decompress(&info_);
    return true;
  }
  // The next row, (width, channels). After the last one the rest of the file is read as well.
  bool read_row(uint8_t* row) {
    if (setjmp(back_) != 0) return false;  // NOLINT(cert-err52-cpp): see above
    jpeg_read_scanlines(&info_, &row, 1);
    if (info_.output_scanline == info_.output_height) jpeg_finish_decompress(&info_);
    return true;
  }

  int64_t height() const { return info_.output_height; }
  int64_t width() const { return info_.output_width; }
  int64_t channels() const { return info_.output_components; }
  bool is_cut_off() const { return errors_.msg_code == JWRN_HIT_MARKER; }
  std::string message() {
    std::array<char, JMSG_LENGTH_MAX> text{};
    errors_.format_message(reinterpret_cast<j_common_ptr>(&info_), text.data());
    return text.data();
  }

 private:
  static Decompressor& self(j_common_ptr info) { return *static_cast<Decompressor*>(info->client_data); }
  [[noreturn]] void stop() { std::longjmp(back_, 1); }  // NOLINT(cert-err52-cpp): see above

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf back_{};
};

// ImagingCmyk2Rgb of Pillow, for inverted values: r = k − (255 − c)·k/255, rounded.
void rgb_of_inverted_cmyk(const uint8_t* cmyk, int64_t pixels, uint8_t* rgb) {
  for (int64_t p = 0; p < pixels; p++, cmyk += 4, rgb += 3) {
    const int key = cmyk[3];
    for (int c = 0; c < 3; c++) {
      const int product = (255 - cmyk[c]) * key + 128;
      rgb[c] = static_cast<uint8_t>(key - (((product >> 8) + product) >> 8));
    }
  }
}

[[noreturn]] void refuse(Decompressor& jpeg, Bytes bytes, const std::string& name) {
  if (jpeg.is_cut_off())
    throw ImageError(fmt::format("{}: truncated JPEG: {} bytes end inside its picture data", name, bytes.size()));
  throw ImageError(fmt::format("{}: broken JPEG: {}", name, jpeg.message()));
}

}  // namespace

Image decode_jpeg(Bytes bytes, const JpegInfo& info, const std::string& name) {
  Decompressor jpeg;
  if (!jpeg.start(bytes)) refuse(jpeg, bytes, name);
  if (jpeg.height() != info.height || jpeg.width() != info.width || jpeg.channels() != info.components)
    throw ImageError(fmt::format("{}: broken JPEG: declares {}x{} pixels of {} components, and then {}x{} of {}", name,
                                 info.width, info.height, info.components, jpeg.width(), jpeg.height(),
                                 jpeg.channels()));
  Image image = Image::zeros(info.height, info.width, info.components == 1 ? 1 : 3);
  std::vector<uint8_t> cmyk(info.components == 4 ? static_cast<size_t>(4 * info.width) : 0);
  uint8_t* row = image.pixels.data();
  for (int64_t y = 0; y < info.height; y++, row += image.width * image.channels) {
    if (!jpeg.read_row(cmyk.empty() ? row : cmyk.data())) refuse(jpeg, bytes, name);
    if (!cmyk.empty()) rgb_of_inverted_cmyk(cmyk.data(), info.width, row);
  }
  return image;
}

// The header's version: the library's own is not to be had through its interface, and Debian builds both from one.
#define GHOST_TEXT(x) #x
#define GHOST_TEXT_OF(x) GHOST_TEXT(x)
std::string jpeg_decoder() { return "libjpeg-turbo " GHOST_TEXT_OF(LIBJPEG_TURBO_VERSION); }
#undef GHOST_TEXT_OF
#undef GHOST_TEXT

}  // namespace ghost
