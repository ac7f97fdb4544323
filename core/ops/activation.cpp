// Activations end the transform that the input may carry. Those that are bounds (relu, relu6) or end it with a function
// that stays pending (hardswish, silu) touch no element; hard_sigmoid, an affine map between bounds, can follow an
// affine map. All others are one pass over the input as it lies. Backward is one transform of the gradient in every
// case, which the next reader or writer of the gradient applies.
#include "core/ops/activation.h"

#include <cmath>
#include <limits>

#include "core/autograd.h"
#include "core/op_recorder.h"

namespace ghost {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class ActivationNode final : public Node {
 public:
  // The gradient is factor · slope · that of the result, the slope of this transform at the raw values of `kept`.
  ActivationNode(const char* name, const BodyPtr& kept, const char* what, Pending slope, double factor)
      : name_(name), what_(what), slope_(std::make_shared<const Pending>(std::move(slope))), factor_(factor) {
    save(kept);
  }
  const char* name() const override { return name_; }
  // Over a residual sum: its sums, for which the slope comes first. A batch_norm takes the slope along instead.
  GradEpilogue epilogue() override {
    if (sink().value() || !sink_of(0)->single()) return Node::epilogue();
    std::vector<BodyPtr> wanted = inputs()[0]->wants_sums_of();
    return wanted.empty() ? GradEpilogue{} : GradEpilogue{transform(), std::move(wanted)};
  }
  void backward(Gradient g) override {
    if (g.epilogue.masked) return sink_of(0)->give({std::move(g.g), nullptr, {.sums = std::move(g.epilogue.sums)}});
    EpilogueResult sums = g.transform ? EpilogueResult{} : std::move(g.epilogue);  // taken with this very slope
    g = materialise(std::move(g));
    sink_of(0)->give({std::move(g.g), transform(), std::move(sums)});
  }

 private:
  std::shared_ptr<const GradTransform> transform() const {
    return std::make_shared<GradTransform>(GradTransform::mask_of(saved(0, what_), slope_, factor_));
  }

  const char *name_, *what_;
  PendingPtr slope_;
  double factor_;
};

// The input as an activation reads it: nothing follows a function, so a body that has one is finished.
BodyPtr input_of(const char* name, const Tensor& x) {
  x.require_defined(name, "the input");
  if (!is_floating(x.dtype())) fail("{}: works on f32, f64 and bf16 tensors, but got {}", name, name_of(x.dtype()));
  const bool ends = x.body()->pending && x.body()->pending->function != RowFunction::none;
  return ends ? materialise(x.body()) : x.body();
}
Pending pending_of(const BodyPtr& body) {
  return body->pending ? *body->pending : Pending::identity(body->raw.dtype, body->raw.shape.channels());
}

// The result is the input with another transform.
Tensor pend(const char* name, const Tensor& x, const BodyPtr& input, Pending pending, double factor = 1) {
  NodePtr node;
  if (wants_grad({&x})) node = std::make_shared<ActivationNode>(name, input, "input", pending, factor);
  return recorded(name, {&x}, make_result(attach(input, std::move(pending)), node, {&x}));
}
Tensor bounded(const char* name, const Tensor& x, double lo, double hi) {
  const BodyPtr input = input_of(name, x);
  Pending pending = pending_of(input);
  pending.clamp(lo, hi);
  return pend(name, x, input, std::move(pending));
}

// f of the input. Backward keeps the result where the slope is one of it, else the input.
Tensor function_of(const char* name, const Tensor& x, RowFunction f) {
  const BodyPtr input = input_of(name, x);
  Pending pending = pending_of(input);
  pending.function = f;
  if (stays_pending(f) && !(input->pending && input->pending->bounded())) return pend(name, x, input, pending);
  const BodyPtr result = transformed(*input, pending);
  NodePtr node;
  if (wants_grad({&x})) {
    const bool from_result = f == RowFunction::sigmoid || f == RowFunction::exp || f == RowFunction::sqrt;
    if (from_result) {
      pending = pending_of(result);
      pending.function = f;
    }
    node = std::make_shared<ActivationNode>(name, from_result ? result : input, from_result ? "result" : "input",
                                            std::move(pending), 1);
  }
  return recorded(name, {&x}, make_result(result, node, {&x}));
}

// The neighbour of v among numbers of this type, towards a bound.
double next(DType t, double v, double towards) {
  return compute_type(t) == DType::f32 ? double{std::nextafter(static_cast<float>(v), static_cast<float>(towards))}
                                       : std::nextafter(v, towards);
}

}  // namespace

Tensor relu(const Tensor& x) { return bounded("relu", x, 0, kInfinity); }
Tensor relu6(const Tensor& x) { return bounded("relu6", x, 0, 6); }

Tensor hard_sigmoid(const Tensor& x) {
  const BodyPtr input = input_of("hard_sigmoid", x);
  if (!input->pending || input->pending->bounded()) return function_of("hard_sigmoid", x, RowFunction::hard_sigmoid);
  Pending pending = *input->pending;
  pending.scale_by(1.0 / 6, 0.5);
  pending.clamp(0, 1);
  return pend("hard_sigmoid", x, input, std::move(pending), 1.0 / 6);
}

Tensor hardswish(const Tensor& x) { return function_of("hardswish", x, RowFunction::hardswish); }
Tensor silu(const Tensor& x) { return function_of("silu", x, RowFunction::silu); }
Tensor gelu(const Tensor& x) { return function_of("gelu", x, RowFunction::gelu); }
Tensor sigmoid(const Tensor& x) { return function_of("sigmoid", x, RowFunction::sigmoid); }
Tensor exp(const Tensor& x) { return function_of("exp", x, RowFunction::exp); }
Tensor log(const Tensor& x) { return function_of("log", x, RowFunction::log); }
Tensor sqrt(const Tensor& x) { return function_of("sqrt", x, RowFunction::sqrt); }

// The gradient passes at the bounds themselves, where a pending transform stops it. So the bounds do not stay pending,
// and those of the slope lie one number further out.
Tensor clamp(const Tensor& x, double lo, double hi) {
  const BodyPtr input = input_of("clamp", x);
  Pending pending = pending_of(input), slope = pending;
  pending.clamp(lo, hi);
  NodePtr node;
  if (wants_grad({&x})) {
    slope.clamp(next(x.dtype(), lo, -kInfinity), next(x.dtype(), hi, kInfinity));
    node = std::make_shared<ActivationNode>("clamp", input, "input", std::move(slope), 1);
  }
  return recorded("clamp", {&x}, make_result(transformed(*input, pending), node, {&x}), [&] {
    return OpAttributes{{"bounds", {lo, hi}}};
  });
}

std::vector<OpCase> relu_cases() {
  std::vector<OpCase> cases;
  for (const Shape& x : {Shape{2, 3, 5, 4}, Shape{1, 1, 1, 17}, Shape{5, 9}, Shape{7}})
    cases.push_back(
        {.name = x.str(), .inputs = {x}, .run = [](const auto& in) { return relu(in[0]); }, .kink_margin = 0.05});
  return cases;
}

std::vector<OpCase> activation_cases() {
  std::vector<OpCase> cases;
  struct Row {
    const char* name;
    Tensor (*f)(const Tensor&);
    double lo, hi, kink_margin;
  };
  const Row table[] = {
      {"relu6", relu6, -2, 8, 0.05},
      {"hard_sigmoid", hard_sigmoid, -5, 5, 0.05},
      {"hardswish", hardswish, -5, 5, 0.05},
      {"sigmoid", sigmoid, -6, 6, 0},
      {"silu", silu, -6, 6, 0},
      {"gelu", gelu, -6, 6, 0},
      {"exp", exp, -2, 2, 0},
      {"log", log, 0.25, 4, 0},
      {"sqrt", sqrt, 0.25, 4, 0},
      {"clamp", [](const Tensor& x) { return clamp(x, -1, 1.5); }, -2, 3, 0.05},
      {"relu_clamp_relu6", [](const Tensor& x) { return relu6(clamp(relu(x), -1, 1.5)); }, -2, 3, 0.05},
      {"hardswish_relu6", [](const Tensor& x) { return hardswish(relu6(x)); }, -2, 8, 0.05},
      {"relu_silu", [](const Tensor& x) { return relu(silu(x)); }, -6, 6, 0.05},
  };
  for (const Row& row : table)
    for (const Shape& shape : {Shape{2, 3, 5, 4}, Shape{1, 1, 1, 17}, Shape{5, 9}, Shape{7}, Shape{}})
      cases.push_back({.name = row.name + shape.str(),
                       .inputs = {shape},
                       .run = [f = row.f](const auto& in) { return f(in[0]); },
                       .lo = row.lo,
                       .hi = row.hi,
                       .kink_margin = row.kink_margin});
  return cases;
}

}  // namespace ghost
