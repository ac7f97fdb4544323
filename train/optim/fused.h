// What all optimizers share: parameters with their slots, one pass over all elements per step, state by name. An update
// rule is then a struct of options and one formula per element.
#pragma once
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

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
  int64_t rows = 1;  // of a run that is the whole parameter: the length of its first axis
  double weight_decay = 0;
  int64_t step = 1;    // 1: the parameter's first update
  bool fresh = false;  // slot 0 was made for this update
};

// An update rule as FusedOptimizer sees it.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  UpdateRule(const UpdateRule&) = delete;
  UpdateRule& operator=(const UpdateRule&) = delete;

  const double momentum;  // of a step that is given none
  const std::vector<OptimizerSlot> slots;
  const bool counts_steps;  // reads ElementRun::step
  const bool whole;         // a run is a whole parameter, and update() may compute on all threads

  virtual void update(const ElementRun<float>& run, const StepValues& values) const = 0;
  virtual void update(const ElementRun<double>& run, const StepValues& values) const = 0;

 protected:
  UpdateRule(double momentum_if_none, std::vector<OptimizerSlot> all_slots, bool counts, bool whole_parameters)
      : momentum(momentum_if_none), slots(std::move(all_slots)), counts_steps(counts), whole(whole_parameters) {}
};

// Rule: a struct with momentum, slots(), counts_steps and whole besides its update.
template <class Rule>
UpdateRulePtr make_rule(Rule rule) {
  class Made final : public UpdateRule {
   public:
    explicit Made(Rule made_of)
        : UpdateRule(made_of.momentum, made_of.slots(), Rule::counts_steps, Rule::whole), rule_(made_of) {}
    void update(const ElementRun<float>& run, const StepValues& values) const override { rule_.update(run, values); }
    void update(const ElementRun<double>& run, const StepValues& values) const override { rule_.update(run, values); }

   private:
    Rule rule_;
  };
  return std::make_shared<Made>(std::move(rule));
}

// A parameter with what becomes of it.
struct RuledParameter {
  Parameter parameter;
  UpdateRulePtr rule;
  double lr_scale = 1, weight_decay = 0;
};

class FusedOptimizer final : public Optimizer {
 public:
  // `name` is the optimizer's, for messages.
  FusedOptimizer(std::string name, std::vector<RuledParameter> parameters);

  void step(double lr, std::optional<double> momentum, double gradient_scale) override;
  double gradient_norm() const override;
  void clear_gradients() override;
  std::vector<NamedTensor> state() const override;
  void load_state(const std::vector<NamedTensor>& entries) override;

 private:
  static constexpr size_t kMaxSlots = 3;
  struct Item : RuledParameter {
    int64_t steps = 0;                      // updates so far
    std::array<Tensor, kMaxSlots> slots{};  // undefined until made
    // Memory for them, from the start: what the first step took for them later it would miss in the second.
    std::array<Tensor, kMaxSlots> reserved{};
    bool may_be_missing(size_t slot) const { return rule->slots[slot].only_with_momentum && rule->momentum == 0; }
  };
  struct Active;

  std::vector<Active> with_gradient() const;
  void prepare(Active& active, std::optional<double> momentum);

  std::string name_;
  std::vector<Item> items_;
};

}  // namespace ghost
