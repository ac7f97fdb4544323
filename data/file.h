#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ghost {

// All bytes of a regular file. Throws Error naming the file and the system's reason; also for folders, pipes and
// devices (which could block for ever), and for more than `limit` bytes.
std::vector<uint8_t> read_file(const std::filesystem::path& file, int64_t limit = int64_t{1} << 40);

// What std::filesystem throws for (a folder without permission, a loop of links) counts as absent.
bool file_exists(const std::filesystem::path& path);
bool folder_exists(const std::filesystem::path& path);

// The path with $HOME for a `~` that begins it ("~", "~/photos"). Throws UsageError for "~user/…", or without $HOME.
std::string with_home(const std::string& path);

// Throws Error if data.root is not a folder; a relative one is named with what it is relative to.
void require_folder(const std::string& data_set, const std::string& root);

}  // namespace ghost
