#include "train/export/ports.h"

#include "core/error.h"

namespace ghost::onnx {

void take_pixels(Graph& graph, const std::vector<double>& mean, const std::vector<double>& std) {
  const Port images = graph.input;
  const bool fits = images.dims.size() == 4 && images.dims[1] == std::ssize(mean) && mean.size() == std.size();
  if (!fits)
    fail("ONNX: {} means and {} deviations are given for an input of {} channels", mean.size(), std.size(),
         images.dims.size() == 4 ? images.dims[1] : 0);
  std::vector<float> scale, shift;
  for (size_t c = 0; c < mean.size(); c++) {
    scale.push_back(static_cast<float>(1 / (255 * std[c])));
    shift.push_back(static_cast<float>(-mean[c] / std[c]));
  }
  constexpr int64_t kFloat = 1;  // TensorProto.FLOAT
  const Dims each{1, std::ssize(mean), 1, 1};
  graph.constants["preprocessing.scale"] = {each, scale};
  graph.constants["preprocessing.shift"] = {each, shift};
  const std::string name = "preprocessing/";
  const std::vector<Node> before{
      {"Cast", name + "Cast", {images.name}, name + "Cast", {{"to", kFloat}}},
      {"Transpose", name + "Transpose", {name + "Cast"}, name + "Transpose", {{"perm", Dims{0, 3, 1, 2}}}},
      {"Mul", name + "Mul", {name + "Transpose", "preprocessing.scale"}, name + "Mul", {}},
      {"Add", name + "Add", {name + "Mul", "preprocessing.shift"}, name + "Add", {}}};
  graph.redirect(images.name, before.back().output);
  graph.nodes.insert(graph.nodes.begin(), before.begin(), before.end());
  graph.input = {images.name, ElementType::u8, {images.dims[0], images.dims[2], images.dims[3], images.dims[1]}};
}

void flatten_output(Graph& graph) {
  const Dims dims = graph.output.dims;
  if (dims.size() != 4 || dims[2] != 1 || dims[3] != 1) return;
  const std::string name = graph.output.name, before = name + "/maps";
  graph.producer(name)->output = before;
  graph.redirect(name, before);
  graph.nodes.push_back({"Flatten", name, {before}, name, {{"axis", int64_t{1}}}});
  graph.output.dims = {dims[0], dims[1]};
}

void give_probabilities(Graph& graph) {
  graph.nodes.push_back({"Softmax", "probabilities", {graph.output.name}, "probabilities", {{"axis", int64_t{1}}}});
  graph.output.name = "probabilities";
}

}  // namespace ghost::onnx
