// A second set of values for everything that a network learns: what moving averages and slow weights are kept in.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "core/safetensors.h"
#include "nn/module.h"
#include "train/hooks/hook.h"

namespace ghost {

class AveragedWeights {
 public:
  // Starts as a copy of the model's parameters and buffers, whose handles are kept.
  explicit AveragedWeights(Module& model);  // which outlives this

  // average += share·(value − average), of parameters and of floating buffers; integer buffers are copied.
  void move_towards_model(double share);
  void take_from_model();  // the average becomes the model's values
  void give_to_model();    // the model's values become the average
  // Exchanges the model's values and the average.
  void swap();

  // The average under the model's names, with PyTorch's axes, as copies.
  std::vector<NamedTensor> state() const;
  // Takes back what state() gave. Throws as load_state_dict(), and then changes nothing.
  void load_state(const std::vector<NamedTensor>& entries);

 private:
  struct Item {
    std::string name;
    Tensor value, average;
  };
  Module& model_;
  std::vector<Item> items_;
};

// A hook that keeps such values (HookEntry::keeps_weights): they start as the model's, are tested beside them, and are
// all that the hook remembers. after_update() is what it does with them.
class AveragingHook : public TrainingHook {
 public:
  explicit AveragingHook(Module& model) : average_(model) {}
  void start(Module&) final { average_.take_from_model(); }
  bool swap_weights(Module&) final {
    average_.swap();
    return true;
  }
  std::vector<NamedTensor> state() const final { return average_.state(); }
  void load_state(const std::vector<NamedTensor>& entries) final { average_.load_state(entries); }

 protected:
  AveragedWeights average_;
};

}  // namespace ghost
