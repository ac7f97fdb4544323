// Any bytes as an IDX file, plain or .gz, and as a file of CIFAR records. The first byte chooses.
#include "core/error.h"
#include "data/cifar.h"
#include "data/idx.h"
#include "memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const ghost::fuzz::MemoryFile file;
  if (size == 0) return 0;
  const auto path = file.hold(data + 1, size - 1);
  try {
    switch (data[0] % 3) {
      case 0:
        ghost::IdxFile(path).values();
        break;
      case 1:
        ghost::read_cifar({path}, ghost::kCifar10, std::vector<std::string>(10, "a"));
        break;
      default:
        ghost::read_cifar({path}, ghost::kCifar100, std::vector<std::string>(100, "a"));
    }
  } catch (const ghost::Error&) {
  }
  return 0;
}
