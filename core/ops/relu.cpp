// relu raises the floor of whatever transform is pending.
#include <algorithm>

#include "core/ops/activation.h"

namespace ghost {
namespace {

class ReluNode final : public Node {
 public:
  ReluNode(const BodyPtr& x, PendingPtr mask) : mask_(std::move(mask)) { save(x); }
  const char* name() const override { return "relu"; }
  // Over a residual sum: its sums, for which the mask comes first. A batch_norm takes the mask along instead.
  GradEpilogue epilogue() override {
    if (sink().value() || !sink_of(0)->single()) return Node::epilogue();
    std::vector<BodyPtr> wanted = inputs()[0]->wants_sums_of();
    return wanted.empty() ? GradEpilogue{} : GradEpilogue{mask(), std::move(wanted)};
  }
  void backward(Gradient g) override {
    if (g.epilogue.masked) return sink_of(0)->give({std::move(g.g), nullptr, {.sums = std::move(g.epilogue.sums)}});
    EpilogueResult sums = g.transform ? EpilogueResult{} : std::move(g.epilogue);  // taken with this very mask
    g = materialise(std::move(g));
    sink_of(0)->give({std::move(g.g), mask(), std::move(sums)});
  }

 private:
  std::shared_ptr<const GradTransform> mask() const {
    return std::make_shared<GradTransform>(GradTransform::mask_of(saved(0, "input"), mask_));
  }

  PendingPtr mask_;  // the input's transform with the floor raised
};

}  // namespace

Tensor relu(const Tensor& x) {
  x.require_defined("relu", "the input");
  if (!is_floating(x.dtype())) fail("relu: works on f32 and f64 tensors, but got {}", name_of(x.dtype()));
  const BodyPtr& body = x.body();
  Pending p = body->pending ? *body->pending : Pending::identity(x.dtype(), x.shape().channels());
  for (int64_t c = 0; c < p.channels(); c++) p.floor.set(c, std::max(p.floor[c], 0.0));
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ReluNode>(body, std::make_shared<const Pending>(p));
  return make_result(attach(body, std::move(p)), node, {&x});
}

std::vector<OpCase> relu_cases() {
  std::vector<OpCase> cases;
  for (const Shape& x : {Shape{2, 3, 5, 4}, Shape{1, 1, 1, 17}, Shape{5, 9}, Shape{7}})
    cases.push_back(
        {.name = x.str(), .inputs = {x}, .run = [](const auto& in) { return relu(in[0]); }, .kink_margin = 0.05});
  return cases;
}

}  // namespace ghost
