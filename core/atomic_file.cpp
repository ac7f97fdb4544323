#include "core/atomic_file.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "core/error.h"
#include "core/safetensors.h"

namespace ghost {

namespace fs = std::filesystem;

namespace {

// The names that a signal handler removes. They lie in memory that is never freed, since a signal may come at any
// moment. A file that finds no slot is removed by its destructor alone.
struct Slot {
  std::atomic<int> state = kFree;
  std::array<char, PATH_MAX> name{};
  static constexpr int kFree = 0, kTaken = 1, kNamed = 2;
};
constinit std::array<Slot, 8> slots;
static_assert(std::atomic<int>::is_always_lock_free, "used in a signal handler");

int take_slot(const std::string& name) {
  if (name.size() >= PATH_MAX) return -1;
  for (size_t i = 0; i < slots.size(); ++i) {
    int expected = Slot::kFree;
    if (!slots[i].state.compare_exchange_strong(expected, Slot::kTaken)) continue;
    std::memcpy(slots[i].name.data(), name.c_str(), name.size() + 1);
    slots[i].state = Slot::kNamed;
    return static_cast<int>(i);
  }
  return -1;
}

void free_slot(int slot) {
  if (slot >= 0) slots[static_cast<size_t>(slot)].state = Slot::kFree;
}

// Where symbolic links lead, whether there is a file or not.
fs::path followed(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as many as the system follows
  fs::path at = path;
  for (int i = 0; i < kMostLinks; ++i) {
    std::error_code none;
    if (!fs::is_symlink(fs::symlink_status(at, none))) return at;
    at = at.parent_path() / fs::read_symlink(at, none);
  }
  fail("{}: cannot be written: {}", path.string(), std::strerror(ELOOP));
}

bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

AtomicFile::AtomicFile(const fs::path& path) : path_(path) {
  std::error_code none;
  const fs::file_status status = fs::status(path, none);
  if (!fs::exists(status) || fs::is_regular_file(status)) {
    target_ = followed(path);
    open_temporary();
    return;
  }
  // A pipe that nobody reads would be waited for without end.
  fd_ = ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd_ < 0 || ::fcntl(fd_, F_SETFL, 0) != 0) failed();
}

void AtomicFile::open_temporary() {
  // O_EXCL: a name that an earlier process of this number left behind is passed over.
  for (int attempt = 0; fd_ < 0; attempt++) {
    temporary_ = target_.parent_path() / fmt::format(".{}.{}-{}.tmp", target_.filename().string(), getpid(), attempt);
    slot_ = take_slot(temporary_.string());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    free_slot(std::exchange(slot_, -1));
    if (errno != EEXIST) failed();
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  free_slot(slot_);
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

void AtomicFile::sync_and_close() {
  // Pipes and devices cannot be synced.
  if (::fsync(fd_) != 0 && !(temporary_.empty() && (errno == EINVAL || errno == EROFS))) failed();
  if (::close(std::exchange(fd_, -1)) != 0) failed();
}

void AtomicFile::commit() {
  sync_and_close();
  if (temporary_.empty()) return;
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) failed();
  free_slot(std::exchange(slot_, -1));
  temporary_.clear();
  // The name, too, must reach the disk. Some file systems cannot sync a folder; the file itself is safe by now.
  const auto folder = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  if (const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
}

void AtomicFile::failed() const { fail("{}: cannot be written: {}", path_.string(), std::strerror(errno)); }

bool is_temporary_name(std::string_view name, std::string_view file) {
  constexpr std::string_view kEnd = ".tmp";
  if (!name.starts_with('.') || !name.ends_with(kEnd) || name.size() < file.size() + kEnd.size() + 2) return false;
  name.remove_prefix(1);
  name.remove_suffix(kEnd.size());
  if (!name.starts_with(file) || name[file.size()] != '.') return false;
  name.remove_prefix(file.size() + 1);
  const size_t dash = name.find('-');
  return dash != std::string_view::npos && all_digits(name.substr(0, dash)) && all_digits(name.substr(dash + 1));
}

void remove_temporary_files() noexcept {
  for (Slot& slot : slots)
    if (slot.state == Slot::kNamed) ::unlink(slot.name.data());
}

void write_file_atomically(const fs::path& file, const std::string& bytes) {
  AtomicFile out(file);
  out.write(bytes.data(), bytes.size());
  out.commit();
}

}  // namespace ghost
