#include "train/network/foreign_files.h"

#include <cctype>
#include <fmt/format.h>
#include <fstream>
#include <string_view>
#include <vector>

#include "core/quoted.h"

namespace ghost {
namespace {

std::string start_of(const std::filesystem::path& file) {
  constexpr std::streamsize kEnough = 512;
  std::string text(kEnough, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), kEnough);
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

// A zip archive, or a bare pickle (protocols 2 to 5) in old versions.
bool is_of_torch_save(std::string_view start) {
  return start.starts_with("PK\3\4") || (start.size() > 1 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5);
}

bool is_html(std::string_view start) {
  std::string text;
  for (const char c : start)
    if (!text.empty() || !std::isspace(static_cast<unsigned char>(c)))
      text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text.starts_with("<!doctype html") || text.starts_with("<html");
}

}  // namespace

std::string what_it_is_instead(const std::filesystem::path& file) {
  const std::string start = start_of(file);
  if (is_of_torch_save(start))
    return fmt::format(
        "this was written by torch.save; `tools/pth-to-safetensors {} {}` makes a safetensors file of it",
        shell_word(file.string()), shell_word(std::filesystem::path(file).replace_extension(".safetensors").string()));
  if (is_html(start))
    return "this is an HTML page, so a server has answered with a page instead of the weights: download them again";
  if (start.starts_with("version https://git-lfs"))
    return "this is a pointer of git-lfs, not the weights: `git lfs pull` in its folder fetches them";
  struct Kind {
    std::string_view start, name;
  };
  constexpr Kind kKinds[] = {{"\x89HDF\r\n", "an HDF5 file, as Keras writes it"},
                             {"\x1F\x8B", "compressed by gzip; unpack it first"},
                             {"GGUF", "a GGUF file"},
                             {"\x93NUMPY", "a NumPy array"}};
  for (const Kind& kind : kKinds)
    if (start.starts_with(kind.start)) return fmt::format("this is {}; a safetensors file was expected", kind.name);
  return {};
}

}  // namespace ghost
