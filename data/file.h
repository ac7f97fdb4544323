#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

namespace ghost {

// All bytes of a regular file. Throws Error naming the file and the system's reason; also for folders, pipes and
// devices (which could block for ever), and for more than `limit` bytes.
std::vector<uint8_t> read_file(const std::filesystem::path& file, int64_t limit = int64_t{1} << 40);

// What std::filesystem throws for (a folder without permission, a loop of links) counts as absent.
bool file_exists(const std::filesystem::path& path);
bool folder_exists(const std::filesystem::path& path);

}  // namespace ghost
