#include "train/run/event_file.h"

#include <array>
#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/protobuf.h"

namespace ghost {

namespace {

constexpr const char* kPrefix = "events.out.tfevents.";

constexpr std::array<uint32_t, 256> crc_table() {
  constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < table.size(); ++i) {
    table[i] = i;
    for (int bit = 0; bit < 8; ++bit) table[i] = (table[i] >> 1) ^ (table[i] & 1 ? kPolynomial : 0);
  }
  return table;
}

// As TFRecord stores it.
uint32_t masked_crc(std::string_view bytes) {
  constexpr uint32_t kDelta = 0xA282EAD8;
  return std::rotr(crc32c(bytes), 15) + kDelta;
}

// Little-endian.
template <class T>
void put(std::string& to, T value) {
  for (size_t i = 0; i < sizeof value; ++i) to += static_cast<char>(value >> (8 * i));
}

// The name of this machine, as far as a file's name may hold it.
std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0) return "localhost";
  std::string text = name.data();
  for (char& c : text)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '.') c = '-';
  return text;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = ~0U;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xFF];
  return ~crc;
}

bool is_event_file(const std::filesystem::path& file) { return file.filename().string().starts_with(kPrefix); }

EventFile::EventFile(const std::filesystem::path& folder, double wall_time) {
  for (int n = 0; fd_ < 0; ++n) {
    path_ =
        folder / fmt::format("{}{:010}.{}.{}.{}", kPrefix, static_cast<int64_t>(wall_time), host_name(), getpid(), n);
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST && errno != EINTR)
      fail("{}: cannot be opened for writing: {}", path_.string(), std::strerror(errno));
  }
  protobuf::Writer event;
  event.number(1, wall_time);
  event.bytes(3, "brain.Event:2");  // file_version
  record(event.message());
}

EventFile::~EventFile() { close(fd_); }

void EventFile::add(double wall_time, int64_t step, const std::vector<Scalar>& scalars) {
  protobuf::Writer summary, event;
  for (const Scalar& scalar : scalars) {
    protobuf::Writer value;
    value.bytes(1, scalar.tag);
    value.number(2, static_cast<float>(scalar.value));  // simple_value
    summary.bytes(1, value.message());
  }
  event.number(1, wall_time);
  event.integer(2, step);
  event.bytes(5, summary.message());
  record(event.message());
}

void EventFile::record(const std::string& event) {
  std::string bytes;
  put(bytes, static_cast<uint64_t>(event.size()));
  put(bytes, masked_crc(bytes));
  bytes += event;
  put(bytes, masked_crc(event));
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(fd_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("{}: cannot be written: {}", path_.string(), std::strerror(errno));
    done += static_cast<size_t>(n);
  }
}

}  // namespace ghost
