#include "train/export/recording.h"

#include <algorithm>
#include <unordered_set>

#include "nn/mode_scope.h"

namespace ghost::onnx {
namespace {

using Bodies = std::unordered_set<const Body*>;

bool any_of_inputs(const OpCall& call, const Bodies& among) {
  return std::any_of(call.inputs.begin(), call.inputs.end(),
                     [&](const Tensor& t) { return t.defined() && among.count(t.body().get()); });
}

}  // namespace

Recording record(const std::function<Tensor(const Tensor&)>& network, const Tensor& input) {
  Recording recording;
  recording.input = input.clone();
  recording.input.set_requires_grad();  // so that operators that do not describe themselves have a name
  std::vector<OpCall> all;
  {
    const OpRecorder recorder;
    recording.output = network(recording.input);
    all = recorder.calls();
  }
  Bodies depend{recording.input.body().get()};
  std::erase_if(all, [&](const OpCall& call) {
    if (!any_of_inputs(call, depend)) return true;
    depend.insert(call.result.body().get());
    return false;
  });
  if (!depend.count(recording.output.body().get()))
    fail("the network cannot be exported: its result does not depend on its images by operators");
  Bodies needed{recording.output.body().get()};
  for (size_t i = all.size(); i-- > 0;) {
    if (!needed.count(all[i].result.body().get())) continue;
    for (const Tensor& t : all[i].inputs)
      if (t.defined()) needed.insert(t.body().get());
    recording.calls.push_back(std::move(all[i]));
  }
  std::reverse(recording.calls.begin(), recording.calls.end());
  return recording;
}

Recording record(Module& model, const Tensor& input) {
  const ModeScope evaluation(model, false);
  Recording recording = record([&](const Tensor& x) { return model(x); }, input);
  for (const Parameter& p : model.parameters()) recording.names.emplace(p.tensor.body().get(), p.name);
  for (const Buffer& b : model.buffers()) recording.names.emplace(b.tensor.body().get(), b.name);
  return recording;
}

}  // namespace ghost::onnx
