#include "core/protobuf.h"

#include <bit>

#include "core/error.h"

namespace ghost::protobuf {
namespace {

// Little-endian.
template <class T>
void put(std::string& to, T value) {
  for (size_t i = 0; i < sizeof value; ++i) to += static_cast<char>(value >> (8 * i));
}

}  // namespace

void Writer::varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) message_ += static_cast<char>(value | 0x80);
  message_ += static_cast<char>(value);
}
void Writer::integer(uint32_t field, int64_t value) {
  tag(field, 0);
  varint(static_cast<uint64_t>(value));
}
void Writer::number(uint32_t field, double value) {
  tag(field, 1);
  put(message_, std::bit_cast<uint64_t>(value));
}
void Writer::number(uint32_t field, float value) {
  tag(field, 5);
  put(message_, std::bit_cast<uint32_t>(value));
}
void Writer::bytes(uint32_t field, std::string_view value) {
  tag(field, 2);
  varint(value.size());
  message_ += value;
}

bool Reader::next() {
  if (rest_.empty()) return false;
  const uint64_t tag = varint();
  if (tag >> 3 == 0 || tag >> 3 > 0x1FFFFFFF) damaged("it has a field without a number");
  field_ = static_cast<uint32_t>(tag >> 3), type_ = static_cast<uint32_t>(tag & 7);
  switch (type_) {
    case kVarint:
      value_ = varint();
      break;
    case kFixed64:
      value_ = fixed(8);
      break;
    case kFixed32:
      value_ = fixed(4);
      break;
    case kBytes: {
      const uint64_t size = varint();
      if (size > rest_.size()) damaged("it ends within a field");
      bytes_ = rest_.substr(0, size), rest_.remove_prefix(size);
      break;
    }
    default:
      damaged("it has a field of a type that is no longer used");
  }
  return true;
}

int64_t Reader::integer() const {
  if (type_ != kVarint) damaged("a number was expected");
  return static_cast<int64_t>(value_);
}
float Reader::f32() const {
  if (type_ != kFixed32) damaged("a number of 32 bits was expected");
  return std::bit_cast<float>(static_cast<uint32_t>(value_));
}
std::string_view Reader::bytes() const {
  if (type_ != kBytes) damaged("bytes were expected");
  return bytes_;
}

uint64_t Reader::varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) damaged("it ends within a number");
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  damaged("a number has more than 64 bits");
}

uint64_t Reader::fixed(size_t bytes) {
  if (rest_.size() < bytes) damaged("it ends within a number");
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; ++i) value |= uint64_t{static_cast<uint8_t>(rest_[i])} << (8 * i);
  rest_.remove_prefix(bytes);
  return value;
}

void Reader::damaged(const char* what) const { fail("{}: field {} cannot be read: {}", name_, field_, what); }

}  // namespace ghost::protobuf
