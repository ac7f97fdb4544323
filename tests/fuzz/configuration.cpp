// Any text as a configuration: refused with a sentence, or one that prints as a text that gives the same.
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "train/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::string printed;
  try {
    printed = ghost::config_to_yaml(ghost::load_config_text(text, "x.yaml", {}).config);
  } catch (const ghost::Error&) {
    return 0;
  }
  if (ghost::config_to_yaml(ghost::load_config_text(printed, "printed.yaml", {}).config) != printed) std::abort();
  return 0;
}
