// PNG: chunks (W3C PNG, clause 5) and the size of the compressed stream, inflated into a small window and thrown away.
#include <algorithm>
#include <array>
#include <memory>
#include <zlib.h>

#include "data/format_check.h"

namespace ghost {
namespace {

struct Header {
  int64_t height = 0, width = 0;
  int depth = 0, colour = 0;
  bool interlaced = false;

  int64_t row_bytes(int64_t pixels) const {
    const int samples = colour == 2 ? 3 : colour == 4 ? 2 : colour == 6 ? 4 : 1;
    return 1 + (pixels * samples * depth + 7) / 8;  // one filter byte
  }
  // Of the filtered image before compression. Adam7 has seven passes: first column, step, first row, step.
  int64_t filtered_bytes() const {
    if (!interlaced) return height * row_bytes(width);
    constexpr int kPasses[7][4] = {{0, 8, 0, 8}, {4, 8, 0, 8}, {0, 4, 4, 8}, {2, 4, 0, 4},
                                   {0, 2, 2, 4}, {1, 2, 0, 2}, {0, 1, 1, 2}};
    int64_t sum = 0;
    for (const auto& [x0, dx, y0, dy] : kPasses) {
      const int64_t columns = (width - x0 + dx - 1) / dx, rows = (height - y0 + dy - 1) / dy;
      if (columns > 0 && rows > 0) sum += rows * row_bytes(columns);
    }
    return sum;
  }
};

// Inflates the data of all IDAT chunks as one stream and counts.
class Inflater {
 public:
  Inflater() {
    if (inflateInit(&stream_) != Z_OK) fail("zlib cannot be started");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  enum class State { more, ended, broken, too_long };
  State feed(Bytes data, int64_t limit) {
    stream_.next_in = const_cast<Bytef*>(data.data());  // zlib's C interface; it only reads
    stream_.avail_in = static_cast<uInt>(data.size());
    while (!ended_ && (stream_.avail_in > 0 || full_)) {
      stream_.next_out = window_->data(), stream_.avail_out = static_cast<uInt>(window_->size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      produced_ += static_cast<int64_t>(window_->size() - stream_.avail_out);
      full_ = stream_.avail_out == 0;
      if (produced_ > limit) return State::too_long;
      if (result == Z_STREAM_END)
        ended_ = true;
      else if (result == Z_BUF_ERROR)
        break;  // nothing more without the next chunk
      else if (result != Z_OK)
        return State::broken;
    }
    return ended_ ? State::ended : State::more;
  }
  int64_t produced() const { return produced_; }
  std::string reason() const { return stream_.msg ? stream_.msg : "not a zlib stream"; }

 private:
  z_stream stream_{};
  std::unique_ptr<std::array<uint8_t, 1 << 16>> window_ = std::make_unique<std::array<uint8_t, 1 << 16>>();
  int64_t produced_ = 0;
  bool ended_ = false, full_ = false;
};

class PngReader {
 public:
  PngReader(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  void check() {
    int64_t at = 8;  // after the signature
    for (bool first = true;; first = false) {
      if (at + 12 > size()) broken("truncated PNG: {} bytes end before the last chunk", size());
      const int64_t length = word(at);
      if (length > size() - at - 12) broken("truncated PNG: {} bytes end inside a chunk of {}", size(), length);
      const std::string type(bytes_.begin() + at + 4, bytes_.begin() + at + 8);
      const Bytes data = bytes_.subspan(static_cast<size_t>(at + 8), static_cast<size_t>(length));
      if (first && type == "CgBI") broken("PNG in Apple's CgBI variant, which is not supported");
      if (first != (type == "IHDR")) broken("broken PNG: its first chunk must be its only IHDR");
      const Bytes checked = bytes_.subspan(static_cast<size_t>(at + 4), static_cast<size_t>(length + 4));
      const bool critical = (type[0] & 0x20) == 0;
      if (critical && crc32(0, checked.data(), static_cast<uInt>(checked.size())) != word(at + 8 + length))
        broken("broken PNG: wrong checksum of chunk {}", type);
      if (type == "IHDR")
        read_header(data);
      else if (type == "PLTE")
        palette_ = true;
      else if (type == "IDAT")
        read_data(data);
      else if (type == "IEND")
        break;
      else if (critical)
        broken("PNG with a chunk {:?} that is not supported", type);
      at += 12 + length;
    }
    if (inflater_.produced() < header_.filtered_bytes() || !ended_)
      broken("truncated PNG: its data is {} of {} bytes", inflater_.produced(), header_.filtered_bytes());
  }

 private:
  template <class... Args>
  [[noreturn]] void broken(fmt::format_string<Args...> format, Args&&... args) const {
    throw ImageError(name_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }
  uint32_t word(int64_t at) const {
    const auto b = bytes_.subspan(static_cast<size_t>(at), 4);
    return static_cast<uint32_t>(b[0]) << 24 | static_cast<uint32_t>(b[1]) << 16 | static_cast<uint32_t>(b[2]) << 8 |
           b[3];
  }

  void read_header(Bytes data) {
    if (data.size() != 13) broken("broken PNG: header of {} bytes", data.size());
    const int64_t width = word(16), height = word(20);
    header_ = {.height = height, .width = width, .depth = data[8], .colour = data[9], .interlaced = data[12] == 1};
    check_picture_size(height, width, name_);
    const int d = header_.depth, c = header_.colour;
    const bool known = c == 0   ? d == 1 || d == 2 || d == 4 || d == 8 || d == 16
                       : c == 3 ? d == 1 || d == 2 || d == 4 || d == 8
                                : (c == 2 || c == 4 || c == 6) && (d == 8 || d == 16);
    if (!known) broken("broken PNG: colour type {} with {} bits", c, d);
    if (data[10] != 0 || data[11] != 0 || data[12] > 1)
      broken("PNG with compression {}, filter {}, interlace {}; only 0, 0, 0 or 1 exist", data[10], data[11], data[12]);
    // Deflate makes at most 1032 bytes of one, so a short file cannot claim a large picture.
    if (header_.filtered_bytes() / 1032 > size())
      broken("truncated PNG: {} bytes cannot hold {}x{} pixels", size(), width, height);
  }

  void read_data(Bytes data) {
    if (header_.colour == 3 && !palette_) broken("broken PNG: no palette before its data");
    if (ended_) return;  // libpng too ignores what follows the end of the stream
    const auto state = inflater_.feed(data, header_.filtered_bytes());
    if (state == Inflater::State::broken) broken("broken PNG: {}", inflater_.reason());
    if (state == Inflater::State::too_long)
      broken("broken PNG: its data exceeds the {} bytes of {}x{} pixels", header_.filtered_bytes(), header_.width,
             header_.height);
    ended_ = state == Inflater::State::ended;
  }

  Bytes bytes_;
  const std::string& name_;
  Header header_;
  Inflater inflater_;
  bool palette_ = false, ended_ = false;
};

}  // namespace

void check_png(Bytes bytes, const std::string& name) { PngReader(bytes, name).check(); }

}  // namespace ghost
