// From recorded operators to a graph of ONNX operators.
#pragma once
#include <unordered_map>
#include <unordered_set>

#include "train/export/graph.h"
#include "train/export/recording.h"

namespace ghost::onnx {

// The graph of a recorded network. Its input is `images`, like the recording's but with any number of images; its
// output is `logits`. Throws Error naming the operator and its module if one cannot be written in ONNX.
Graph lower(const Recording& recording);

// Where a dimension of ours lies in ONNX's order: (N, H, W, C) becomes (N, C, H, W), other ranks stay.
int64_t stored_axis(int rank, int dim);
// ONNX's dimensions in order, as dimensions of ours.
std::vector<int> stored_order(int rank);
Dims stored_dims(const Shape& shape);

// What the function of one operator works with.
class Lowering {
 public:
  explicit Lowering(const Recording& recording);
  Graph run();

  const OpCall& call() const { return *call_; }
  const std::vector<double>& attribute(const char* name) const { return call_->attribute(name); }
  const Shape& shape(size_t i) const { return call_->inputs[i].shape(); }
  bool has(size_t i) const { return i < call_->inputs.size() && call_->inputs[i].defined(); }
  bool is_constant(size_t i) const;
  // The values of an input that has to be a constant; refuses the call if it is none.
  std::vector<double> constant(size_t i, const char* what) const;
  int64_t images() const { return recording_.input.size(0); }

  // The name of an input in the graph, constants included, in ONNX's axes.
  std::string value(size_t i);
  // The same in our order of dimensions.
  std::string value_in_our_order(size_t i);
  // An input of lower rank with dimensions of 1 before its own, in ONNX's axes.
  std::string value_of_rank(size_t i, int rank);

  // A node of the module that is active; gives the name of its result.
  std::string add(const std::string& op, std::vector<std::string> inputs, Attributes attributes = {});
  std::string floats(std::vector<float> values, Dims dims, const std::string& name = "constant");
  std::string scalar(double value) { return floats({static_cast<float>(value)}, {}); }
  std::string integers(std::vector<int64_t> values);  // of rank 1
  std::string index(std::vector<int64_t> values, Dims dims);

  [[noreturn]] void refuse(const std::string& why) const;

 private:
  std::string constant_value(const Tensor& tensor, const Shape& shape);
  std::string named(const Constant& constant, const std::string& name);
  std::string unused(const std::string& name, const std::string& otherwise);

  const Recording& recording_;
  const OpCall* call_ = nullptr;
  Graph graph_;
  std::unordered_map<const Body*, std::string> values_;
  std::unordered_set<std::string> used_;
};

// Adds the nodes of one operator and gives the name of its result.
using Lower = std::string (*)(Lowering& to);
using LowerTable = std::map<std::string, Lower>;
const LowerTable& lowered_layers();  // what networks compute with: convolutions, pooling, activations
const LowerTable& lowered_shapes();  // what moves and combines values

}  // namespace ghost::onnx
