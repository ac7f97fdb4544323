#pragma once
#include <filesystem>

namespace ghost {

// A file that is written under a temporary name beside its own. commit() syncs it and gives it its name, so that a
// crash leaves the old file or the new one; without commit() it vanishes. Throws Error naming the file if the system
// refuses.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* data, size_t bytes);
  void commit();

 private:
  [[noreturn]] void failed() const;
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
  bool committed_ = false;
};

}  // namespace ghost
