// Passes over a graph that change its nodes but not what it computes, up to rounding.
#pragma once
#include "train/export/graph.h"

namespace ghost::onnx {

// All of them, in an order in which they help each other. Afterwards nothing is left that nobody reads.
void simplify(Graph& graph);

// Batch norms, and products and sums with one number for each channel, become part of the convolution or matrix product
// before them, if nobody else reads that.
void fold_affine(Graph& graph);

// Channels that are computed and then cut off are no longer computed: a slice of channels moves to where they come
// from, through joins, activations and batch norms, and into the weights of convolutions.
void cut_dead_channels(Graph& graph);

// One transpose after another becomes a single one, or none.
void merge_transposes(Graph& graph);

// Nodes and constants that the output does not depend on are removed.
void remove_unused(Graph& graph);

// ---- shared by passes

// Stores a constant for the node `reader` and gives its name: `name`, if nobody has it or this node alone reads it,
// else one like it. So a change of one node's constant is never one of another's.
std::string own_constant(Graph& graph, const std::string& name, const std::string& reader, Constant value);

}  // namespace ghost::onnx
