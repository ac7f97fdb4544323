// What may stand around a network in its graph.
#pragma once
#include <vector>

#include "train/export/graph.h"

namespace ghost::onnx {

// The input becomes pixels, u8 (N, H, W, C), which the graph normalises as a Preprocessing says:
// (value/255 − mean)/std for each channel. Throws Error if there is not one mean and deviation for each channel.
void take_pixels(Graph& graph, const std::vector<double>& mean, const std::vector<double>& std);

// An output (N, classes, 1, 1), as a convolution gives it, becomes (N, classes).
void flatten_output(Graph& graph);

// The output becomes `probabilities`, softmax over the classes.
void give_probabilities(Graph& graph);

}  // namespace ghost::onnx
