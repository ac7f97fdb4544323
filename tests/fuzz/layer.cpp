// Any text as a layer of ghost-info --layer: refused with a sentence, or counted.
#include <cstdlib>
#include <string>

#include "core/error.h"
#include "train/loop/model_info.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const ghost::ModelInfo info =
        ghost::layer_info(std::string(reinterpret_cast<const char*>(data), size), {.input = {}, .batch = {}});
    if (info.cost.model().parameters.all < 0 || info.cost.model().macs < 0) std::abort();
  } catch (const ghost::Error&) {
  }
  return 0;
}
