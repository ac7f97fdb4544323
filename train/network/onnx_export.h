// A network as an ONNX file, checked before it is there.
#pragma once
#include <filesystem>

#include "train/network/onnx_int8.h"

namespace ghost {

struct OnnxOptions {
  bool preprocessing = false;            // the input is pixels, u8 (N, H, W, C), and normalised inside
  bool softmax = false;                  // the output is probabilities in place of logits
  int64_t images = 16;                   // that the file is checked with, at least 1
  std::optional<Int8Options> int8 = {};  // weights and activations in 8 bits
};

struct OnnxReport {
  int64_t bytes = 0, nodes = 0;
  std::string checked_with;       // "16 test images of fashion_mnist"
  double largest_difference = 0;  // between an output of the file and of the network
  double largest_output = 0;
  int64_t float_bytes = 0;  // of the file in f32
  std::optional<Int8Report> int8 = {};
};

// Writes the network with its sizes of images; their number is free. The input `images` is (N, C, H, W), f32,
// normalised; the output `logits` is (N, classes). Metadata: classes, preprocessing, config, data as in a file of
// weights, `accuracy` if it is known, and ghost_version.
//
// The bytes of the file are read again and evaluated on images of the network's data (sample_images.h). Throws Error,
// and leaves no file, if an operator cannot be exported, or if an output differs from the network's by more than 1e-4
// of the largest one. In 8 bits that is asked of the graph before it is rounded, and the rounded one is tested beside
// the network. The network's preprocessing has to be known (complete_metadata).
OnnxReport export_onnx(const std::filesystem::path& file, const Network& network, const OnnxOptions& options = {});

}  // namespace ghost
