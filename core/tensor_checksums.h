// The checksums of a safetensors file, in a metadata entry of their own (safetensors.h).
#pragma once
#include <map>
#include <string>

#include "core/shape.h"

namespace ghost {

class TensorChecksums {
 public:
  static constexpr const char* kKey = "ghost_crc32";

  // To be written: of the metadata, and of each tensor that is added. `type` is the name in the file, "F32".
  explicit TensorChecksums(const std::map<std::string, std::string>& metadata);
  void add(const std::string& name, const char* type, const Shape& shape, const void* data, size_t bytes);
  std::string text() const;  // JSON

  // Of a file that was read: takes the entry out of its metadata, and checks the rest of these. Throws Error naming
  // `file` if they or the entry are damaged. Without the entry nothing is checked.
  TensorChecksums(std::string file, std::map<std::string, std::string>& metadata);
  // Throws Error naming file and tensor if its checksum is another one, or is absent.
  void check(const std::string& name, const char* type, const Shape& shape, const void* data, size_t bytes) const;

 private:
  void require(const std::string& name, const std::string& sum) const;
  [[noreturn]] void damaged(const std::string& what, const std::string& how) const;
  std::string file_;
  std::map<std::string, std::string> sums_;
};

}  // namespace ghost
