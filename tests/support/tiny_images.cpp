#include "support/tiny_images.h"

#include <fmt/core.h>
#include <fstream>
#include <vector>

#include "core/rng.h"

namespace ghost::test {

namespace {

void append_u32(std::vector<uint8_t>& bytes, int64_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<uint8_t>(value >> shift));
}

void write_bytes(const std::filesystem::path& file, const std::vector<uint8_t>& bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
}

void write_split(const std::filesystem::path& dir, const std::string& name, int64_t count, const TinyImages& images) {
  RandomStream random(images.seed, name);
  std::vector<uint8_t> pixels, labels;
  append_u32(pixels, 0x0803);
  for (const int64_t size : {count, images.size, images.size}) append_u32(pixels, size);
  append_u32(labels, 0x0801);
  append_u32(labels, count);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = i % images.classes;
    labels.push_back(static_cast<uint8_t>(label));
    for (int64_t y = 0; y < images.size; ++y)
      for (int64_t x = 0; x < images.size; ++x) {
        const bool bar = y * images.classes / images.size == label;
        pixels.push_back(static_cast<uint8_t>(random.below(120) + (bar ? 80 : 0)));
      }
  }
  write_bytes(dir / (name + "-images-idx3-ubyte"), pixels);
  write_bytes(dir / (name + "-labels-idx1-ubyte"), labels);
}

}  // namespace

void write_tiny_idx(const std::filesystem::path& dir, const TinyImages& images) {
  std::filesystem::create_directories(dir);
  write_split(dir, "train", images.train, images);
  write_split(dir, "t10k", images.test, images);
}

std::string tiny_config(const std::filesystem::path& data_root, const std::string& extra) {
  return fmt::format(
      "model:\n  name: plain_cnn\n  channels: [6, 8]\n"
      "data:\n  name: idx\n  root: {}\n  mean: [0.4]\n  std: [0.25]\n  augment: {{crop_padding: 1, flip: true}}\n"
      "optimizer: {{name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 5.0e-4}}\n"
      "schedule: {{name: cosine}}\n"
      "train: {{epochs: 3, batch_size: 16, eval_batch_size: 16, log_every: 2}}\n"
      "run: {{seed: 3, threads: 1}}\n{}",
      data_root.string(), extra);
}

void write_tiny_task(const TempDir& dir, const TinyImages& images) {
  write_tiny_idx(dir / "data", images);
  dir.write("tiny.yaml", std::string_view(tiny_config("data")));
}

}  // namespace ghost::test
