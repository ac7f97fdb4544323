#include "train/run/run_lock.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"

namespace ghost {

namespace {

// A lock of the open file description: it lasts until the last descriptor of that is closed, and two of one process
// exclude each other.
struct flock whole_file(short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

[[noreturn]] void fail_in_use(const std::filesystem::path& dir) {
  fail_usage("{}: another process is training this run; wait for it, stop it, or name another folder", dir.string());
}

bool same_file(int fd, const std::filesystem::path& file) {
  struct stat open = {}, named = {};
  return fstat(fd, &open) == 0 && stat(file.c_str(), &named) == 0 && open.st_dev == named.st_dev &&
         open.st_ino == named.st_ino;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& dir) {
  const std::filesystem::path file = dir / kFileName;
  // Who gives a run up removes the file; whoever has waited for that lock then holds one of nothing.
  for (bool held = false; !held; held = held || same_file(fd_, file)) {
    if (fd_ >= 0) close(fd_);
    fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0)
      fail("run directory {} cannot be written: {}; choose another with --run DIR", dir.string(), std::strerror(errno));
    struct flock lock = whole_file(F_WRLCK);
    if (fcntl(fd_, F_OFD_SETLK, &lock) == 0) continue;
    const int reason = errno;
    if (reason == EAGAIN || reason == EACCES) {
      close(fd_);
      fail_in_use(dir);
    }
    held = true;  // there are no locks here
  }
}

RunLock::~RunLock() { close(fd_); }

bool run_in_use(const std::filesystem::path& dir) {
  const int fd = open((dir / RunLock::kFileName).c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  struct flock lock = whole_file(F_RDLCK);
  const bool in_use = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
  close(fd);
  return in_use;
}

void require_unused(const std::filesystem::path& dir) {
  if (run_in_use(dir)) fail_in_use(dir);
}

}  // namespace ghost
