// A network in 8 bits: how its graph is calibrated, and what that costs.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "train/export/calibrate.h"
#include "train/network/network.h"

namespace ghost {

struct Int8Options {
  int64_t images = 128;  // training images to calibrate with, at least 1
  onnx::Calibration calibration = onnx::Calibration::mse;
  bool float_first = false, float_squeeze_excite = false;  // these layers stay in f32
};

struct Int8Report {
  std::string calibrated_with;           // "128 training images of cifar10"
  int64_t layers = 0;                    // in 8 bits
  std::vector<onnx::LayerLoss> largest;  // of the layers that lose most, ten at most
  int64_t tested = 0;                    // images; 0: there are none to test with
  double top1_float = 0, top1 = 0;       // in percent
};

// Brings the simplified graph of `model` into 8 bits. `model` is network.model or what stands for it, as the names of
// the graph's nodes are those of its modules. Throws Error if there are no training images.
Int8Report quantize_graph(onnx::Graph& graph, Module& model, const Network& network, const Int8Options& options);

// Tests the network and the graph, by our evaluator, on the test images of the network's data. The graph takes pixels
// or normalised images, and its output may be probabilities. Without data the report stays as it is.
void test_in_8_bits(const onnx::Graph& graph, const Network& network, Int8Report& report);

}  // namespace ghost
