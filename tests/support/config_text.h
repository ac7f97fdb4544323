// Configurations given as text, as if they stood in a file a.yaml.
#pragma once
#include <string>
#include <vector>

#include "support/modules.h"
#include "train/config/config.h"

namespace ghost::test {

using Sets = std::vector<std::string>;

inline const std::string kMinimal = "model:\n  name: ghostnet\n";

inline Config read(const std::string& text, const Sets& overrides = {}) {
  return load_config_text(text, "a.yaml", overrides).config;
}
inline std::vector<std::string> notes(const std::string& text, const Sets& overrides = {}) {
  return load_config_text(text, "a.yaml", overrides).notes;
}
inline std::string refusal(const std::string& text, const Sets& overrides = {}) {
  return error_of([&] { read(text, overrides); });
}

}  // namespace ghost::test
