// A TensorBoard event file of scalars. It is TFRecord (length, its masked CRC-32C, an Event message, its masked
// CRC-32C) around Event and Summary messages of TensorFlow's event.proto and summary.proto. Of these a curve needs six
// fields, which are written by their numbers (core/protobuf.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ghost {

struct Scalar {
  std::string tag;  // "train/loss"
  double value = 0;
};

// CRC-32C (Castagnoli), as RFC 3720 has it.
uint32_t crc32c(std::string_view bytes);

class EventFile {
 public:
  // Makes a new file in the folder, events.out.tfevents.<second>.<host>.<process>.<n>, with what every such file begins
  // with. Throws Error if it cannot.
  explicit EventFile(const std::filesystem::path& folder, double wall_time);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  // Appends one event; wall_time is seconds since 1970. Handed to the system as soon as it is complete. Throws Error if
  // it cannot be written.
  void add(double wall_time, int64_t step, const std::vector<Scalar>& scalars);
  const std::filesystem::path& path() const { return path_; }

 private:
  void record(const std::string& event);
  std::filesystem::path path_;
  int fd_ = -1;
};

// Whether a file of the folder is one that a program writes for TensorBoard, by its name.
bool is_event_file(const std::filesystem::path& file);

}  // namespace ghost
