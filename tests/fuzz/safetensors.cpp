// Any bytes as a file of weights, and what its metadata say of the network.
#include "core/safetensors.h"

#include "core/error.h"
#include "memory_file.h"
#include "train/run/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ghost::fuzz::MemoryFile file;
  try {
    const ghost::SafetensorsFile read = ghost::read_safetensors(file.hold(data, size));
    double sum = 0;
    for (const ghost::NamedTensor& t : read.tensors)
      for (const double v : t.tensor.to_vector<double>()) sum += v;
    ghost::read_network_metadata("x", read.metadata);
  } catch (const ghost::Error&) {
  }
  return 0;
}
