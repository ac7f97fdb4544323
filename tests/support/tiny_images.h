// A data set that is learnt in seconds, in files that a program can open.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temp_dir.h"

namespace ghost::test {

struct TinyImages {
  int64_t train = 96, test = 40;
  int64_t classes = 4;
  int64_t size = 8;  // side of the grey pictures
  uint64_t seed = 1;
};
// IDX files (yann.lecun.com/exdb/mnist): a bright bar whose place is the class, over noise.
void write_tiny_idx(const std::filesystem::path& dir, const TinyImages& images = {});

// A configuration of a small network on them, complete but for `extra`, lines of YAML at its end.
std::string tiny_config(const std::filesystem::path& data_root, const std::string& extra = "");

// Both in a folder in which programs run: the images in data/, the configuration in tiny.yaml.
void write_tiny_task(const TempDir& dir, const TinyImages& images = {});

}  // namespace ghost::test
