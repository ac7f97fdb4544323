// Graphs as ONNX files (onnx.ai, onnx.proto).
//
// The fields are written and read here, by core/protobuf.h. A library of protobuf and ONNX would save little: the
// conversion from the graph to messages is the larger part, and stays. It would cost a code generator, two shared
// libraries and their versions in every program that links ours.
#pragma once
#include <string>
#include <string_view>

#include "train/export/graph.h"

namespace ghost::onnx {

constexpr int64_t kOpset = 14;  // the oldest that has HardSwish

// The bytes of a file. `version` is that of the program that writes it.
std::string to_bytes(const Graph& graph, const std::string& version);

// The graph of a file, whose name is for messages. Throws Error if it is damaged, or if something in it is not among
// what to_bytes() writes: another set of operators, other types of values, subgraphs.
Graph from_bytes(std::string_view bytes, const std::string& name);

}  // namespace ghost::onnx
