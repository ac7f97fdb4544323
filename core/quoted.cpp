#include "core/quoted.h"

#include <algorithm>
#include <fmt/core.h>

namespace ghost {

std::string quoted(const std::string& text) {
  constexpr size_t kShown = 60;
  size_t length = std::min(text.size(), kShown);
  const auto continues = [&](size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80; };
  while (length < text.size() && length > 0 && continues(length)) --length;  // not inside of a UTF-8 sequence
  std::string shown = text.substr(0, length);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  return fmt::format("'{}{}'", shown, length < text.size() ? "…" : "");
}

}  // namespace ghost
