#include "core/system_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/core.h>
#include <fstream>
#include <limits>
#include <optional>
#include <sched.h>
#include <sstream>
#include <vector>

namespace ghost {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(std::move(word));
  return words;
}

std::optional<int64_t> number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end != text.data() ? std::optional(value) : std::nullopt;
}

// The words of the first line; none if the file cannot be read.
std::vector<std::string> first_words(const fs::path& file) {
  const std::vector<std::string> lines = lines_of(file);
  return lines.empty() ? std::vector<std::string>{} : words_of(lines.front());
}
std::optional<int64_t> number_in(const fs::path& file) {
  const std::vector<std::string> words = first_words(file);
  return words.empty() ? std::nullopt : number(words.front());
}
// The number after `key` in a file of "key number" lines; a colon after the key is no part of it.
std::optional<int64_t> number_of(const fs::path& file, const std::string& key) {
  for (const std::string& line : lines_of(file))
    if (const auto words = words_of(line); words.size() > 1 && (words[0] == key || words[0] == key + ":"))
      return number(words[1]);
  return std::nullopt;
}

bool holds(const std::string& list, const std::string& item) {
  std::istringstream in(list);
  for (std::string one; std::getline(in, one, ',');)
    if (one == item) return true;
  return false;
}

// The folders that describe this process's group of a controller and the groups above it, innermost first.
struct Groups {
  bool unified = false;  // v2
  std::vector<fs::path> folders;
};

// "36 32 0:29 /root /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct": what lies at the mount point is `root`.
struct Mount {
  fs::path root, point;
  std::string type, options;
};
std::vector<Mount> mounts(const fs::path& root) {
  std::vector<Mount> all;
  for (const std::string& line : lines_of(root / "proc/self/mountinfo")) {
    const std::vector<std::string> words = words_of(line);
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    if (dash[1] == "cgroup" || dash[1] == "cgroup2") all.push_back({words[3], words[4], dash[1], dash[3]});
  }
  return all;
}

Groups groups_of(const std::string& controller, const fs::path& root) {
  const std::vector<Mount> mounted = mounts(root);
  Groups groups;
  for (const std::string& line : lines_of(root / "proc/self/cgroup")) {  // "4:memory:/path", "0::/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && !holds(controllers, controller)) continue;
    if (unified && !groups.folders.empty()) continue;  // the controller is v1's
    const auto mount = std::find_if(mounted.begin(), mounted.end(), [&](const Mount& m) {
      return unified ? m.type == "cgroup2" : m.type == "cgroup" && holds(m.options, controller);
    });
    if (mount == mounted.end()) continue;
    // The path counts from the root of the hierarchy, the mount may show a part of it; in a container, where neither is
    // known, the mount point is the group.
    fs::path inside = fs::path(line.substr(second + 1)).lexically_relative(mount->root);
    if (inside.empty() || *inside.begin() == "..") inside = ".";
    const fs::path point = root / mount->point.relative_path();
    std::error_code ignored;
    if (!fs::exists(point / inside, ignored)) inside = ".";
    groups.folders.clear();
    groups.unified = unified;
    for (fs::path at = inside.lexically_normal();; at = at.parent_path()) {
      groups.folders.push_back((point / at).lexically_normal());
      if (at.empty() || at == ".") break;
    }
    if (!unified) break;
  }
  return groups;
}

int cores_by_affinity() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

// Cores by the group's own quota; 0: none.
double quota_of(const fs::path& group, bool unified) {
  std::optional<int64_t> quota, period;
  if (unified) {  // "150000 100000", "max 100000"
    const std::vector<std::string> words = first_words(group / "cpu.max");
    if (words.size() > 1) quota = number(words[0]), period = number(words[1]);
  } else {
    quota = number_in(group / "cpu.cfs_quota_us"), period = number_in(group / "cpu.cfs_period_us");
  }
  if (!quota || !period || *quota <= 0 || *period <= 0) return 0;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

// What the group may still take: its limit less what it uses, of which pages of files can be given back.
std::optional<int64_t> room_of(const fs::path& group, bool unified) {
  const auto limit = number_in(group / (unified ? "memory.max" : "memory.limit_in_bytes"));
  const auto used = number_in(group / (unified ? "memory.current" : "memory.usage_in_bytes"));
  if (!limit || !used) return std::nullopt;
  int64_t files = 0;
  for (const char* key : {"inactive_file", "active_file"})
    files += number_of(group / "memory.stat", std::string(unified ? "" : "total_") + key).value_or(0);
  return std::max<int64_t>(0, *limit - *used + std::min(files, *used));
}

}  // namespace

CoreLimit core_limit(const fs::path& root) {
  CoreLimit limit{.cores = cores_by_affinity()};
  const Groups groups = groups_of("cpu", root);
  for (const fs::path& group : groups.folders)
    if (const double quota = quota_of(group, groups.unified); quota > 0 && (limit.quota == 0 || quota < limit.quota))
      limit.quota = quota;
  if (limit.quota > 0 && std::ceil(limit.quota) < limit.cores) {
    limit.reason = fmt::format("a quota of {:.3g} cores", limit.quota);
    limit.cores = std::max(1, static_cast<int>(std::ceil(limit.quota)));
  }
  return limit;
}

MemoryLimit memory_limit(const fs::path& root) {
  MemoryLimit limit{.available = std::numeric_limits<int64_t>::max()};
  constexpr int64_t kKiB = 1024;
  if (const auto kib = number_of(root / "proc/meminfo", "MemAvailable")) limit = {*kib * kKiB, "MemAvailable"};
  const Groups groups = groups_of("memory", root);
  for (const fs::path& group : groups.folders)
    if (const auto room = room_of(group, groups.unified); room && *room < limit.available)
      limit = {*room, fmt::format("the control group {}", group.string())};
  return limit;
}

}  // namespace ghost
