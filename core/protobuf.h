// Messages in protobuf's wire format (protobuf.dev/programming-guides/encoding): fields of numbers and bytes, without
// descriptions of messages. What a message holds is known by those who write and read it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ghost::protobuf {

// Appends fields to a message.
class Writer {
 public:
  void integer(uint32_t field, int64_t value);         // int32, int64, bool, enum
  void number(uint32_t field, double value);           // double
  void number(uint32_t field, float value);            // float
  void bytes(uint32_t field, std::string_view value);  // bytes, string, another message
  const std::string& message() const { return message_; }

 private:
  void varint(uint64_t value);
  void tag(uint32_t field, uint32_t wire_type) { varint(uint64_t{field} << 3 | wire_type); }
  std::string message_;
};

// Reads a message field by field:  for (Reader in(message, name); in.next();) switch (in.field()) { … }
// Fields that nobody asks about are passed over. Throws Error naming the message if it ends within a field or if a
// field is of another type than it is asked for.
class Reader {
 public:
  Reader(std::string_view message, std::string name) : rest_(message), name_(std::move(name)) {}
  bool next();  // false: there are no more fields
  uint32_t field() const { return field_; }
  int64_t integer() const;
  float f32() const;
  std::string_view bytes() const;
  // Whether the field is a run of numbers in one ("packed"), which repeated numbers may be.
  bool packed() const { return type_ == kBytes; }
  // f(value) for each number of a repeated field of integers or of f32, packed or not.
  template <class F>
  void integers(F f) const {
    if (!packed()) return f(integer());
    for (Reader in(bytes(), name_); !in.rest_.empty();) f(static_cast<int64_t>(in.varint()));
  }
  template <class F>
  void floats(F f) const {
    if (!packed()) return f(f32());
    for (Reader in(bytes(), name_); !in.rest_.empty();) {
      in.value_ = in.fixed(4), in.type_ = kFixed32;
      f(in.f32());
    }
  }

 private:
  static constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;
  uint64_t varint();
  uint64_t fixed(size_t bytes);
  [[noreturn]] void damaged(const char* what) const;

  std::string_view rest_, bytes_;
  std::string name_;
  uint32_t field_ = 0, type_ = 0;
  uint64_t value_ = 0;
};

}  // namespace ghost::protobuf
