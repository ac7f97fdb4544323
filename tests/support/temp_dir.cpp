#include "support/temp_dir.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "core/error.h"

namespace fs = std::filesystem;

namespace ghost::test {

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "ghost-test-XXXXXX").string();
  if (!mkdtemp(pattern.data())) fail("cannot make a temporary folder like {}", pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  for (auto it = fs::recursive_directory_iterator(path_, fs::directory_options::skip_permission_denied, ignored);
       !ignored && it != fs::recursive_directory_iterator(); it.increment(ignored))
    if (it->is_directory(ignored) && !it->is_symlink(ignored))
      fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::permissions(path_, fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::remove_all(path_, ignored);
}

fs::path TempDir::write(const fs::path& below, std::string_view text) const {
  return write(below, std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

fs::path TempDir::write(const fs::path& below, std::span<const uint8_t> bytes) const {
  const fs::path file = path_ / below;
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) fail("cannot write {}", file.string());
  return file;
}

std::string file_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) fail("cannot read {}", file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<uint8_t> file_bytes(const fs::path& file) {
  const std::string text = file_text(file);
  return {text.begin(), text.end()};
}

fs::path shared_dir() {
  const char* set = std::getenv("GHOST_SHARED_DIR");
  return set && *set ? fs::path(set) : fs::path(GHOST_SOURCE_DIR) / ".." / "shared";
}

}  // namespace ghost::test
