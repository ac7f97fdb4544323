// What a network does to its images, recorded from its operators.
#pragma once
#include <functional>
#include <unordered_map>

#include "core/op_recorder.h"
#include "nn/module.h"

namespace ghost::onnx {

struct Recording {
  Tensor input, output;
  // Those that the output depends on and that depend on the input, in order. All that does not depend on the input is a
  // constant: an input of these calls that is neither the network's nor a result of one of them.
  std::vector<OpCall> calls;
  std::unordered_map<const Body*, std::string> names;  // of parameters and buffers
};

// One call of the network. Throws Error as the network does, and if the output does not depend on the input.
Recording record(const std::function<Tensor(const Tensor&)>& network, const Tensor& input);
// In evaluation mode; the model's mode is restored.
Recording record(Module& model, const Tensor& input);

}  // namespace ghost::onnx
