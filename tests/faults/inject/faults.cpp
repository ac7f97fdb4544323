// A library to be loaded before the system's (LD_PRELOAD): ends the process, or lets the system refuse, at one of the
// calls by which it writes below a folder. Calls are counted from 1. From the environment:
//   GHOST_FAULT_PATH   what the paths of the calls contain
//   GHOST_FAULT        what happens, and at which call:
//     before:N    killed before the call          fail:N:E   the call fails with errno E
//     after:N     killed after it                 full:N     from here on nothing can be written (ENOSPC)
//     half:N      killed after half of a write    short:N    half of a write is done, which is no error
//   GHOST_FAULT_LOG    a file that gets a line for each call: "write /tmp/x/run/metrics.jsonl"
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

struct Fault {
  char kind[16] = "none";
  long number = 0;
  int error = 0;
};

const Fault& fault() {
  static const Fault one = [] {
    Fault f;
    if (const char* text = std::getenv("GHOST_FAULT")) std::sscanf(text, "%15[^:]:%ld:%d", f.kind, &f.number, &f.error);
    return f;
  }();
  return one;
}

bool concerns(const char* path) {
  static const char* const part = std::getenv("GHOST_FAULT_PATH");
  return part && path && std::strstr(path, part);
}

// The path of an open file; empty if it has none that concerns us.
struct OpenPath {
  char text[PATH_MAX] = "";
  explicit OpenPath(int fd) {
    char link[64];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, text, sizeof text - 1);
    text[n < 0 || !concerns(text) ? 0 : n] = 0;
  }
};

[[noreturn]] void die() {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

bool is(const char* kind) { return std::strcmp(fault().kind, kind) == 0; }

// The number of this call; written down.
long count(const char* call, const char* path) {
  static std::atomic<long> calls{0};
  static const int log = [] {
    const char* file = std::getenv("GHOST_FAULT_LOG");
    return file ? static_cast<int>(syscall(SYS_open, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) : -1;
  }();
  if (log >= 0) {
    char line[PATH_MAX + 32];
    const int n = std::snprintf(line, sizeof line, "%s %s\n", call, path);
    syscall(SYS_write, log, line, static_cast<size_t>(n));
  }
  return ++calls;
}

// Runs one call, `real`, as the fault wants it. `half` is what half of it is: nothing unless it writes.
template <class Real, class Half>
auto run(const char* call, const char* path, bool takes_space, const Real& real, const Half& half) -> decltype(real()) {
  const long number = count(call, path);
  const bool here = number == fault().number;
  if (here && is("before")) die();
  if (here && is("half")) half(), die();
  if (here && is("short")) return half();
  if ((here && is("fail")) || (takes_space && is("full") && number >= fault().number)) {
    errno = is("full") ? ENOSPC : fault().error;
    return -1;
  }
  const auto result = real();
  if (here && is("after")) die();
  return result;
}
template <class Real>
auto run(const char* call, const char* path, bool takes_space, const Real& real) -> decltype(real()) {
  return run(call, path, takes_space, real, real);
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int open_with(const char* name, const char* path, int flags, mode_t mode) {
  const auto real = [&] { return next<int(const char*, int, ...)>(name)(path, flags, mode); };
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  return writes && concerns(path) ? run("open", path, (flags & O_CREAT) != 0, real) : real();
}

mode_t mode_of(int flags, va_list arguments) { return flags & O_CREAT ? va_arg(arguments, mode_t) : 0; }

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_with("open64", path, flags, mode);
}

ssize_t write(int fd, const void* data, size_t bytes) {
  static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
  const OpenPath path(fd);
  if (!path.text[0]) return real(fd, data, bytes);
  return run(
      "write", path.text, true, [&] { return real(fd, data, bytes); }, [&] { return real(fd, data, (bytes + 1) / 2); });
}

int fsync(int fd) {
  const auto real = [&] { return next<int(int)>("fsync")(fd); };
  const OpenPath path(fd);
  return path.text[0] ? run("fsync", path.text, false, real) : real();
}

int fdatasync(int fd) {
  const auto real = [&] { return next<int(int)>("fdatasync")(fd); };
  const OpenPath path(fd);
  return path.text[0] ? run("fdatasync", path.text, false, real) : real();
}

int rename(const char* from, const char* to) {
  const auto real = [&] { return next<int(const char*, const char*)>("rename")(from, to); };
  return concerns(to) ? run("rename", to, false, real) : real();
}

int unlink(const char* path) {
  const auto real = [&] { return next<int(const char*)>("unlink")(path); };
  return concerns(path) ? run("unlink", path, false, real) : real();
}

int mkdir(const char* path, mode_t mode) {
  const auto real = [&] { return next<int(const char*, mode_t)>("mkdir")(path, mode); };
  return concerns(path) ? run("mkdir", path, true, real) : real();
}

}  // extern "C"
