#include "data/file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace ghost {
namespace {

struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

}  // namespace

std::vector<uint8_t> read_file(const std::filesystem::path& file, int64_t limit) {
  const std::string name = file.string();
  // A pipe without writer would block open() but for O_NONBLOCK.
  const Descriptor descriptor{open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (descriptor.number < 0) fail("{}: cannot be opened: {}", name, std::strerror(errno));
  struct stat status {};
  if (fstat(descriptor.number, &status) != 0) fail("{}: cannot be read: {}", name, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail("{}: is {}, not a file", name, S_ISDIR(status.st_mode) ? "a folder" : "a device");
  if (status.st_size > limit) fail("{}: has {} bytes; at most {} are read", name, status.st_size, limit);

  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t count = read(descriptor.number, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("{}: cannot be read: {}", name, std::strerror(errno));
    if (count == 0) break;  // it has become shorter meanwhile
    filled += static_cast<size_t>(count);
  }
  bytes.resize(filled);
  return bytes;
}

bool file_exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

bool folder_exists(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

std::string with_home(const std::string& path) {
  if (!path.starts_with('~')) return path;
  if (path.size() > 1 && path[1] != '/' && folder_exists(path)) return path;
  if (path.size() > 1 && path[1] != '/')
    fail_usage("{}: only ~ and ~/… stand for a home folder, that of $HOME; give this one in full", path);
  const char* const home = std::getenv("HOME");
  if (!home || !*home) fail_usage("{}: ~ stands for $HOME, which is not set; give the path in full", path);
  return home + path.substr(1);
}

void require_folder(const std::string& data_set, const std::string& root) {
  if (folder_exists(root)) return;
  std::error_code ignored;
  const std::filesystem::path here = std::filesystem::current_path(ignored);
  fail("{}: data.root {} is not a folder{}", data_set, root,
       std::filesystem::path(root).is_relative() ? fmt::format(" in {}, where the program was started", here.string())
                                                 : "");
}

}  // namespace ghost
