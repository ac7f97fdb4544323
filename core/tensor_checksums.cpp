#include "core/tensor_checksums.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <zlib.h>

#include "core/error.h"

namespace ghost {

namespace {

constexpr const char* kMetadata = "__metadata__";  // no tensor has this name

class Crc {
 public:
  Crc& add(const void* bytes, size_t count) {
    if (count == 0) return *this;  // zlib starts anew at a null pointer
    crc_ = crc32_z(crc_, static_cast<const Bytef*>(bytes), count);
    return *this;
  }
  Crc& add(const std::string& text) { return add(text.data(), text.size()); }
  std::string str() const { return fmt::format("{:08x}", crc_); }

 private:
  uLong crc_ = 0;
};

std::string checksum(const char* type, const Shape& shape, const void* data, size_t bytes) {
  return Crc().add(type + shape.str()).add(data, bytes).str();
}

std::string checksum(const std::map<std::string, std::string>& metadata) {
  Crc crc;
  for (const auto& [key, value] : metadata) crc.add(key.c_str(), key.size() + 1).add(value.c_str(), value.size() + 1);
  return crc.str();
}

}  // namespace

TensorChecksums::TensorChecksums(const std::map<std::string, std::string>& metadata)
    : sums_{{kMetadata, checksum(metadata)}} {}

void TensorChecksums::add(const std::string& name, const char* type, const Shape& shape, const void* data,
                          size_t bytes) {
  sums_[name] = checksum(type, shape, data, bytes);
}

std::string TensorChecksums::text() const { return nlohmann::json(sums_).dump(); }

TensorChecksums::TensorChecksums(std::string file, std::map<std::string, std::string>& metadata)
    : file_(std::move(file)) {
  const auto entry = metadata.extract(kKey);
  if (!entry) return;
  const auto json = nlohmann::json::parse(entry.mapped(), nullptr, false);
  if (!json.is_object() || json.empty()) damaged("its list of checksums", "is not one");
  for (const auto& [name, sum] : json.items()) {
    if (!sum.is_string()) damaged("its list of checksums", "is not one");
    sums_[name] = sum.get<std::string>();
  }
  require(kMetadata, checksum(metadata));
}

void TensorChecksums::check(const std::string& name, const char* type, const Shape& shape, const void* data,
                            size_t bytes) const {
  if (!sums_.empty()) require(name, checksum(type, shape, data, bytes));
}

void TensorChecksums::require(const std::string& name, const std::string& sum) const {
  const auto found = sums_.find(name);
  const std::string what = name == kMetadata ? "its metadata" : "tensor '" + name + "'";
  if (found == sums_.end()) damaged(what, "has no checksum");
  if (found->second != sum)
    damaged(what, fmt::format("has the checksum {}, but was written with {}", sum, found->second));
}

void TensorChecksums::damaged(const std::string& what, const std::string& how) const {
  fail(
      "{}: {} {}: the file is damaged, or another program changed it and kept the metadata entry \"{}\", which it "
      "should leave out",
      file_, what, how, kKey);
}

}  // namespace ghost
