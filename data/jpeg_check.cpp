// The marker structure of a JPEG file (ITU-T T.81 annex B), without decoding its entropy-coded data.
#include <algorithm>
#include <array>
#include <vector>

#include "data/format_check.h"

namespace ghost {
namespace {

constexpr int kMaxScans = 500;  // real progressive files have about ten; each scan costs a pass over all blocks

enum Marker : int {
  kSof0 = 0xC0,
  kDht = 0xC4,
  kJpg = 0xC8,
  kSof15 = 0xCF,
  kDac = 0xCC,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp14 = 0xEE,
  kTem = 0x01,
};

struct Component {
  int id = 0, horizontal = 1, vertical = 1, quantisation = 0;
  // The lowest bit that has come so far, per coefficient; −1 before its first scan.
  std::array<int, 64> bit{};
};

class JpegReader {
 public:
  JpegReader(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  JpegInfo read() {
    position_ = 2;  // after SOI
    while (read_marker()) {
      if (marker_ == kEoi) {
        has_end_ = true;
        break;
      }
      if (marker_ == kTem || marker_ == kSoi || (marker_ >= kRst0 && marker_ <= kRst7)) continue;
      read_segment();
    }
    finish();
    return info_;
  }

 private:
  template <class... Args>
  [[noreturn]] void broken(fmt::format_string<Args...> format, Args&&... args) const {
    throw ImageError(name_ + ": " + fmt::format(format, std::forward<Args>(args)...));
  }

  int64_t size() const { return static_cast<int64_t>(bytes_.size()); }
  int byte(int64_t at) const { return bytes_[static_cast<size_t>(at)]; }
  int word(int64_t at) const { return byte(at) << 8 | byte(at + 1); }

  // Bytes between segments are skipped, as libjpeg does. False at the end of the data.
  bool read_marker() {
    while (position_ + 1 < size()) {
      if (byte(position_) == 0xFF && byte(position_ + 1) != 0 && byte(position_ + 1) != 0xFF) {
        marker_ = byte(position_ + 1), position_ += 2;
        return true;
      }
      position_++;
    }
    return false;
  }

  void read_segment() {
    if (position_ + 2 > size()) broken("truncated JPEG: the file ends inside its header");
    const int length = word(position_);
    if (length < 2) broken("broken JPEG: segment 0x{:02X} has length {}", marker_, length);
    if (position_ + length > size())
      broken("truncated JPEG: the file ends after {} bytes, inside its header", bytes_.size());
    begin_ = position_ + 2, end_ = position_ + length;
    position_ = end_;
    if (marker_ == kDht) {
      read_huffman_tables();
    } else if (marker_ == kDqt) {
      read_quantisation_tables();
    } else if (marker_ == kDri) {
      if (end_ - begin_ != 2) broken("broken JPEG: restart interval of {} bytes", end_ - begin_);
      restart_interval_ = word(begin_);
    } else if (marker_ == kSos) {
      read_scan();
    } else if (marker_ == kApp14) {
      const std::array<uint8_t, 5> adobe{'A', 'd', 'o', 'b', 'e'};
      if (end_ - begin_ >= 12 && std::equal(adobe.begin(), adobe.end(), bytes_.begin() + begin_))
        adobe_transform_ = byte(begin_ + 11);
    } else if (marker_ >= kSof0 && marker_ <= kSof15 && marker_ != kJpg && marker_ != kDac) {
      read_frame();
    } else if (marker_ == kDac) {
      broken("JPEG with arithmetic coding, which is not supported; save it with Huffman coding");
    }
  }

  void read_huffman_tables() {
    while (begin_ < end_) {
      if (end_ - begin_ < 17) broken("broken JPEG: Huffman table cut off");
      const int kind = byte(begin_) >> 4, index = byte(begin_) & 15;
      if (kind > 1 || index > 3) broken("broken JPEG: Huffman table 0x{:02X}", byte(begin_));
      int64_t symbols = 0, free_codes = 1;
      for (int bits = 1; bits <= 16; bits++) {
        const int count = byte(begin_ + bits);
        symbols += count;
        free_codes = 2 * free_codes - count;
        if (free_codes < 0) broken("broken JPEG: Huffman table with more codes of {} bits than exist", bits);
      }
      if (symbols > 256 || end_ - begin_ < 17 + symbols)
        broken("broken JPEG: Huffman table of {} symbols in {} bytes", symbols, end_ - begin_);
      huffman_defined_[static_cast<size_t>(kind)][static_cast<size_t>(index)] = true;
      begin_ += 17 + symbols;
    }
  }

  void read_quantisation_tables() {
    while (begin_ < end_) {
      const int wide = byte(begin_) >> 4, index = byte(begin_) & 15;
      if (wide > 1 || index > 3) broken("broken JPEG: quantisation table 0x{:02X}", byte(begin_));
      begin_ += wide ? 129 : 65;
      if (begin_ > end_) broken("broken JPEG: quantisation table cut off");
      quantisation_defined_[static_cast<size_t>(index)] = true;
    }
  }

  void read_frame() {
    const int kind = marker_ - kSof0;
    if (kind >= 9) broken("JPEG with arithmetic coding, which is not supported; save it with Huffman coding");
    if (kind == 3) broken("lossless JPEG, which is not supported");
    if (kind > 3) broken("hierarchical JPEG, which is not supported");
    if (!components_.empty()) broken("broken JPEG: a second frame header");
    if (end_ - begin_ < 6) broken("broken JPEG: frame header cut off");
    const int bits = byte(begin_), count = byte(begin_ + 5);
    if (bits != 8) broken("JPEG with {} bits per sample; 8 are supported", bits);
    progressive_ = kind == 2;
    info_ = {.height = word(begin_ + 1), .width = word(begin_ + 3), .components = count};
    check_picture_size(info_.height, info_.width, name_);
    if (count != 1 && count != 3 && count != 4) broken("JPEG with {} components; 1, 3 or 4 are supported", count);
    if (end_ - begin_ != 6 + 3 * count) broken("broken JPEG: frame header of {} bytes", end_ - begin_);
    for (int64_t at = begin_ + 6; at < end_; at += 3) {
      Component c{
          .id = byte(at), .horizontal = byte(at + 1) >> 4, .vertical = byte(at + 1) & 15, .quantisation = byte(at + 2)};
      c.bit.fill(-1);
      if (c.horizontal < 1 || c.horizontal > 4 || c.vertical < 1 || c.vertical > 4 || c.quantisation > 3)
        broken("broken JPEG: sampling {}x{} or quantisation table {}", c.horizontal, c.vertical, c.quantisation);
      for (const Component& other : components_)
        if (other.id == c.id) broken("broken JPEG: two components with number {}", c.id);
      components_.push_back(c);
      max_horizontal_ = std::max(max_horizontal_, c.horizontal);
      max_vertical_ = std::max(max_vertical_, c.vertical);
    }
  }

  struct ScanComponent {
    Component* component;
    int dc_table, ac_table;
  };

  void read_scan() {
    if (components_.empty()) broken("broken JPEG: picture data before the frame header");
    if (++scans_ > kMaxScans) broken("JPEG with more than {} scans, which is not supported", kMaxScans);
    const int count = end_ > begin_ ? byte(begin_) : 0;
    if (count < 1 || count > static_cast<int>(components_.size()) || end_ - begin_ != 4 + 2 * count)
      broken("broken JPEG: scan header of {} bytes for {} components", end_ - begin_, count);
    std::vector<ScanComponent> scan;
    for (int i = 0; i < count; i++) {
      const int id = byte(begin_ + 1 + 2 * i), tables = byte(begin_ + 2 + 2 * i);
      const auto found = std::find_if(components_.begin(), components_.end(), [&](auto& c) { return c.id == id; });
      if (found == components_.end()) broken("broken JPEG: scan of component {}, which is not declared", id);
      scan.push_back({&*found, tables >> 4, tables & 15});
    }
    const int first = byte(end_ - 3), last = byte(end_ - 2), bits = byte(end_ - 1);
    const int64_t data = skip_entropy_data();
    if (progressive_)
      note_progressive(scan, first, last, bits >> 4, bits & 15);
    else
      note_sequential(scan);
    check_amount(scan, data, !progressive_ ? 2 : first == 0 ? 1 : 0);
  }

  // To the next marker that is no restart marker; the number of bytes before it.
  int64_t skip_entropy_data() {
    const int64_t begin = position_;
    for (restarts_ = 0; position_ < size(); position_++) {
      position_ = std::find(bytes_.begin() + position_, bytes_.end(), 0xFF) - bytes_.begin();
      if (position_ + 1 >= size()) break;
      const int next = byte(position_ + 1);
      if (next == 0xFF) continue;
      if (next != 0 && (next < kRst0 || next > kRst7)) return position_ - begin;
      if (next != 0) restarts_++;
      position_++;
    }
    position_ = size();
    return size() - begin;
  }

  void require_tables(const ScanComponent& s, bool dc, bool ac) const {
    const auto defined = [&](size_t kind, int index) {
      return index <= 3 && huffman_defined_[kind][static_cast<size_t>(index)];
    };
    if ((dc && !defined(0, s.dc_table)) || (ac && !defined(1, s.ac_table)))
      broken("broken JPEG: component {} uses Huffman tables {} and {}, which are not defined", s.component->id,
             s.dc_table, s.ac_table);
    if (!quantisation_defined_[static_cast<size_t>(s.component->quantisation)])
      broken("broken JPEG: component {} uses quantisation table {}, which is not defined", s.component->id,
             s.component->quantisation);
  }

  void note_sequential(const std::vector<ScanComponent>& scan) {
    for (const ScanComponent& s : scan) {
      require_tables(s, true, true);
      s.component->bit.fill(0);
    }
  }

  // T.81 G.1.1: DC before AC; a coefficient comes first with its high bits, then bit by bit.
  void note_progressive(const std::vector<ScanComponent>& scan, int first, int last, int high, int low) {
    if (last > 63 || first > last || (first == 0 && last != 0) || (first > 0 && scan.size() > 1) || low > 13)
      broken("broken JPEG: progressive scan of coefficients {} to {}, bit {}, {} components", first, last, low,
             scan.size());
    for (const ScanComponent& s : scan) {
      require_tables(s, first == 0 && high == 0, first > 0);
      auto& bit = s.component->bit;
      if (bit[0] < 0 && (first > 0 || high > 0)) broken("broken JPEG: progressive scan without its first one");
      std::fill(bit.begin() + first, bit.begin() + last + 1, low);
    }
  }

  // Each block of a sequential scan takes at least two bits (its DC and an end), of a first DC scan one. So a short
  // file cannot claim a large picture; and no restart marker may be missing.
  void check_amount(const std::vector<ScanComponent>& scan, int64_t data, int bits_per_block) const {
    int64_t units, blocks_per_unit;
    const auto up = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
    if (scan.size() == 1) {
      const Component& c = *scan[0].component;
      units =
          up(up(info_.width * c.horizontal, max_horizontal_), 8) * up(up(info_.height * c.vertical, max_vertical_), 8);
      blocks_per_unit = 1;
    } else {
      units = up(info_.width, 8 * max_horizontal_) * up(info_.height, 8 * max_vertical_);
      blocks_per_unit = 0;
      for (const ScanComponent& s : scan) blocks_per_unit += s.component->horizontal * s.component->vertical;
    }
    if (data * 8 < units * blocks_per_unit * bits_per_block)
      broken("truncated JPEG: {} bytes of picture data cannot hold {}x{} pixels", data, info_.width, info_.height);
    if (restart_interval_ > 0 && restarts_ < up(units, restart_interval_) - 1)
      broken("truncated JPEG: {} of {} restart markers", restarts_, up(units, restart_interval_) - 1);
  }

  void finish() const {
    if (components_.empty()) broken("truncated JPEG: no frame header in {} bytes", bytes_.size());
    if (info_.components == 4 && adobe_transform_ < 0)
      broken("JPEG with four components but no Adobe marker that says what they are, which is not supported");
    if (info_.components == 4 && adobe_transform_ != 0 && adobe_transform_ != 2)
      broken("broken JPEG: four components with Adobe transform {}; 0 (CMYK) and 2 (YCCK) have four", adobe_transform_);
    for (const Component& c : components_) {
      if (c.bit[0] < 0) broken("truncated JPEG: no picture data for component {}", c.id);
      // A file that stops between two progressive scans looks whole but for this.
      if (!has_end_ && std::any_of(c.bit.begin(), c.bit.end(), [](int bit) { return bit != 0; }))
        broken("truncated JPEG: the last scans are missing");
    }
    // A download into space that was set aside beforehand ends in zeros, which decode to plain grey.
    constexpr int64_t kZeros = 32;
    if (!has_end_ && size() > kZeros &&
        std::all_of(bytes_.end() - kZeros, bytes_.end(), [](uint8_t b) { return b == 0; }))
      broken("truncated JPEG: the file ends in zeros instead of picture data");
  }

  Bytes bytes_;
  const std::string& name_;
  JpegInfo info_;
  int64_t position_ = 0, begin_ = 0, end_ = 0;  // next byte to read; contents of the segment
  int marker_ = 0, restart_interval_ = 0, scans_ = 0;
  int64_t restarts_ = 0;  // in the scan just read
  int max_horizontal_ = 1, max_vertical_ = 1;
  int adobe_transform_ = -1;  // of the Adobe marker; none yet
  bool progressive_ = false, has_end_ = false;
  std::vector<Component> components_;
  std::array<std::array<bool, 4>, 2> huffman_defined_{};
  std::array<bool, 4> quantisation_defined_{};
};

}  // namespace

JpegInfo check_jpeg(Bytes bytes, const std::string& name) { return JpegReader(bytes, name).read(); }

}  // namespace ghost
