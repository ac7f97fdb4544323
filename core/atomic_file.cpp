#include "core/atomic_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/error.h"
#include "core/safetensors.h"

namespace ghost {

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path) {
  // O_EXCL: a name that an earlier process of this number left behind is passed over.
  for (int attempt = 0; fd_ < 0; attempt++) {
    temporary_ = path.parent_path() / fmt::format(".{}.{}-{}.tmp", path.filename().string(), getpid(), attempt);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && errno != EEXIST) failed();
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!committed_) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const auto* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, from, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) failed();
    from += n, bytes -= static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) failed();
  const int closed = ::close(fd_);
  fd_ = -1;
  if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) failed();
  committed_ = true;
  // The name, too, must reach the disk. Some file systems cannot sync a folder; the file itself is safe by now.
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  if (const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
}

void AtomicFile::failed() const { fail("{}: cannot be written: {}", path_.string(), std::strerror(errno)); }

void write_file_atomically(const std::filesystem::path& file, const std::string& bytes) {
  AtomicFile out(file);
  out.write(bytes.data(), bytes.size());
  out.commit();
}

}  // namespace ghost
