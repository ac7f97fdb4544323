#pragma once
#include <filesystem>
#include <string_view>

namespace ghost {

// A file that is written under a temporary name beside its own. commit() syncs it and gives it its name, so that a
// crash leaves the old file or the new one; without commit() it vanishes. Symbolic links are followed: the file that
// they lead to is replaced, and they stay. What is no regular file, such as /dev/stdout, is written as it stands.
// Throws Error naming the file if the system refuses.
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
  void open_temporary();
  void sync_and_close();
  std::filesystem::path path_;       // as given
  std::filesystem::path target_;     // where links lead
  std::filesystem::path temporary_;  // empty: the target is written itself
  int fd_ = -1;
  int slot_ = -1;  // among the names that a signal removes
};

// Whether `name` is one that an AtomicFile of `file` bears until it is complete; both without folder. A process that is
// killed leaves it behind.
bool is_temporary_name(std::string_view name, std::string_view file);

// Removes the temporary files of this process, which is about to end. May be called in a signal handler.
void remove_temporary_files() noexcept;

}  // namespace ghost
