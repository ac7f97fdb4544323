// A folder of a test's own that vanishes with the object.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ghost::test {

class TempDir {
 public:
  TempDir();   // under the system's folder for temporary files; throws Error when none can be made
  ~TempDir();  // removes it with everything in it, also what has lost its permissions
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string str() const { return path_.string(); }
  std::filesystem::path operator/(const std::filesystem::path& below) const { return path_ / below; }

  // Writes a file below the folder, making the folders on the way; returns its path.
  std::filesystem::path write(const std::filesystem::path& below, std::string_view text) const;
  std::filesystem::path write(const std::filesystem::path& below, std::span<const uint8_t> bytes) const;

 private:
  std::filesystem::path path_;
};

std::vector<uint8_t> file_bytes(const std::filesystem::path& file);  // throws Error if it cannot be read
std::string file_text(const std::filesystem::path& file);

// The folder of data that is not part of the project: $GHOST_SHARED_DIR, or ../shared beside the checkout. Tests that
// need it are skipped when it does not exist.
std::filesystem::path shared_dir();

}  // namespace ghost::test
