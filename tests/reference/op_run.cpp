#include "reference/op_run.h"

#include "reference/compare.h"

namespace ghost::reference {

Tensor OpRun::input(const std::string& name, const Layout& layout) {
  Tensor tensor = to_ours(raw(name), layout);
  if (case_.has("gin/" + name)) {
    tensor.set_requires_grad();
    leaves_.push_back({name, tensor, layout});
  }
  return tensor;
}

Tensor OpRun::optional(const std::string& name, bool expected) {
  if (expected != has(name))
    fail("{} has {} input {}, but its arguments say otherwise", case_.name(), has(name) ? "an" : "no", name);
  return expected ? input(name) : Tensor();
}

void OpRun::output(const std::string& name, const Tensor& result, const Layout& layout) {
  results_.push_back({name, result, layout});
}

void OpRun::compare() {
  std::vector<Tensor> differentiable, seeds;
  for (const Named& result : results_) {
    expect_close(case_, "out/" + result.name, result.tensor, result.layout);
    if (!case_.has("gout/" + result.name)) continue;
    differentiable.push_back(result.tensor);
    seeds.push_back(to_ours(case_.tensor("gout/" + result.name), result.layout));
  }
  if (!differentiable.empty() && !leaves_.empty()) backward(differentiable, seeds);
  for (const Named& leaf : leaves_) expect_close(case_, "gin/" + leaf.name, leaf.tensor.grad(), leaf.layout);
}

}  // namespace ghost::reference
