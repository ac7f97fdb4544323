#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ghost {

// All bytes of a regular file. Throws Error naming the file and the system's reason; also for folders, pipes and
// devices (which could block for ever), and for more than `limit` bytes.
std::vector<uint8_t> read_file(const std::filesystem::path& file, int64_t limit = int64_t{1} << 40);

}  // namespace ghost
