// What all optimizers share: parameters with their slots, one pass over all elements per step, state by name. An update
// rule is then a struct of options and one formula per element.
#pragma once
#include <array>

#include "train/optim/optimizer.h"

namespace ghost {

struct OptimizerSlot {
  std::string name;
  double initial = 0;               // of every element before the first update
  bool only_with_momentum = false;  // made when a step has momentum other than 0
};

// One step's numbers, the same for all parameters. A rule's update(run, values) reads the gradient as g·gradient_scale.
struct StepValues {
  double lr = 0, momentum = 0, gradient_scale = 1;
};

// A run of elements of one parameter: p, g and the slots that exist have n elements each, in memory order.
template <class T>
struct ElementRun {
  T* p = nullptr;
  const T* g = nullptr;
  std::array<T*, 3> slot{};
  int64_t n = 0;
  double weight_decay = 0;
  int64_t step = 1;    // 1: the parameter's first update
  bool fresh = false;  // slot 0 was made for this update
};

class FusedOptimizer : public Optimizer {
 public:
  void step(double lr, std::optional<double> momentum, double gradient_scale) override;
  double gradient_norm() const override;
  void clear_gradients() override;
  std::vector<NamedTensor> state() const override;
  void load_state(const std::vector<NamedTensor>& entries) override;

 protected:
  // `momentum` is what a step uses that is given none; `counts_steps` says whether the rule reads ElementRun::step.
  FusedOptimizer(const OptimizerConfig& config, std::vector<Parameter> parameters, double momentum,
                 std::vector<OptimizerSlot> slots, bool counts_steps);

 private:
  static constexpr size_t kMaxSlots = 3;
  struct Item {
    Parameter parameter;
    double weight_decay = 0;
    int64_t steps = 0;                      // updates so far
    std::array<Tensor, kMaxSlots> slots{};  // undefined until made
    // Memory for them, from the start: what the first step took for them later it would miss in the second.
    std::array<Tensor, kMaxSlots> reserved{};
  };
  struct Active;

  virtual void update(const ElementRun<float>& run, const StepValues& values) const = 0;
  virtual void update(const ElementRun<double>& run, const StepValues& values) const = 0;
  std::vector<Active> with_gradient() const;
  void prepare(Active& active, double momentum);
  template <class T>
  void update_part(const Active& active, int64_t begin, int64_t end, const StepValues& values) const;

  std::string name_;
  double momentum_;
  std::vector<OptimizerSlot> slots_;
  bool counts_steps_;
  std::vector<Item> items_;
};

// Rule: a struct with momentum, slots() and counts_steps besides its update.
template <class Rule>
class RuleOptimizer final : public FusedOptimizer {
 public:
  RuleOptimizer(const OptimizerConfig& config, std::vector<Parameter> parameters, Rule rule)
      : FusedOptimizer(config, std::move(parameters), rule.momentum, rule.slots(), Rule::counts_steps), rule_(rule) {}

 private:
  void update(const ElementRun<float>& run, const StepValues& values) const override { rule_.update(run, values); }
  void update(const ElementRun<double>& run, const StepValues& values) const override { rule_.update(run, values); }
  Rule rule_;
};

}  // namespace ghost
