// The safetensors file format (huggingface.co/docs/safetensors): u64 header length, JSON header, raw little-endian
// data. Nothing here knows of axes or models: shapes are those of the file.
//
// A file that is written here has a metadata entry of its own, "ghost_crc32": a JSON object with the CRC-32 (zlib's, 8
// hexadecimal digits) of each tensor, over its dtype, shape and bytes ("F32(2, 3)…"), and under "__metadata__" that of
// all other metadata ("key\0value\0" in the order of the keys). Readers check it where it is; it is not among their
// metadata.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace ghost {

struct NamedTensor {
  std::string name;
  Tensor tensor;
};
// A tensor of a type that nothing here can hold.
struct UnreadTensor {
  std::string name, dtype;  // as the format calls it, "F8_E4M3"
  Shape shape;
};
struct SafetensorsFile {
  std::vector<NamedTensor> tensors;                   // in the order of the header
  std::map<std::string, std::string> metadata;        // the header's __metadata__
  std::vector<UnreadTensor> unread = {};              // likewise
  const Tensor* find(const std::string& name) const;  // null: no such tensor
};

// F32, F64, I64 and U8 load as they are, F16 and BF16 as f32, all other integers as i64, BOOL as u8 (0 and 1). What
// fits none of these (floats of 8 bits and less, complex numbers, a U64 from 2⁶³ on) is listed in `unread`. Throws
// Error naming the file and, where there is one, the tensor: short file, header past the end, broken or deeply nested
// JSON, a dtype that the format does not have, offsets outside the file, overlapping or of the wrong length, shapes
// that are negative or overflow, checksums that do not fit.
SafetensorsFile read_safetensors(const std::filesystem::path& file);
std::map<std::string, std::string> read_safetensors_metadata(
    const std::filesystem::path& file);  // header only; its checksum is checked

// The header lists the tensors in the order given; their data lie by size of element, so that all are aligned. Written
// to a temporary name beside it, fsync, rename, fsync of the folder: a crash leaves the old file or the new one.
void write_safetensors(const std::filesystem::path& file, const std::vector<NamedTensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});
// The same promise for any bytes (configuration, reports).
void write_file_atomically(const std::filesystem::path& file, const std::string& bytes);

}  // namespace ghost
