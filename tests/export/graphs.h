// What tests of exported graphs share.
#pragma once
#include "nn/module.h"
#include "support/tensors.h"
#include "train/export/evaluator.h"
#include "train/export/lowering.h"
#include "train/export/onnx_file.h"
#include "train/export/passes.h"

namespace ghost::test {

// Random values in place of initial ones, running statistics included: folding shows only where they matter.
inline void randomise(Module& model) {
  uint64_t seed = 0;
  const auto shift_by_random = [&](Tensor t, double scale, double offset) {
    const std::vector<float> random = random_tensor(t.shape(), ++seed).to_vector<float>();
    float* to = t.mutable_data<float>();
    for (size_t i = 0; i < random.size(); i++)
      to[i] = static_cast<float>(offset + scale * static_cast<double>(random[i]));
  };
  model.initialise(1);
  for (const Parameter& p : model.parameters())
    if (p.tensor.rank() == 1) shift_by_random(p.tensor, 0.3, p.name.ends_with("weight") ? 1 : 0);
  for (const Buffer& b : model.buffers())
    if (b.tensor.dtype() == DType::f32) shift_by_random(b.tensor, 0.5, b.name.ends_with("var") ? 1 : 0);
}

// As it is read from the bytes of a file.
inline onnx::Graph through_a_file(const onnx::Graph& graph) {
  onnx::Graph read = onnx::from_bytes(onnx::to_bytes(graph, "1"), "test.onnx");
  EXPECT_TRUE(read == graph) << "something is lost in the file";
  return read;
}

inline onnx::Graph file_graph_of(Module& model, const Shape& images) {
  onnx::Graph graph = onnx::lower(onnx::record(model, random_tensor(images, 77)));
  onnx::simplify(graph);
  return through_a_file(graph);
}

// x in our order of dimensions; the result in ONNX's.
inline Tensor evaluated(const onnx::Graph& graph, const Tensor& x) {
  return onnx::Evaluator(graph).run(onnx::to_onnx_order(x));
}

}  // namespace ghost::test
