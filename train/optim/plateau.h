// A rate that falls when a metric stops getting better: torch.optim.lr_scheduler.ReduceLROnPlateau. It is the one
// schedule that remembers something; what it remembers is stored by name.
#pragma once
#include <optional>
#include <vector>

#include "core/safetensors.h"
#include "train/optim/schedule_config.h"

namespace ghost {

inline constexpr const char* kPlateau = "plateau";  // schedule.name

class Plateau {
 public:
  // Throws UsageError for an option that is not as described.
  Plateau(const ScheduleConfig& config, double base_lr);

  double lr() const { return lr_; }  // of the next step, without warm-up

  // What a test gave; schedule.metric says which of these counts.
  void tested(double loss, double top1_percent);

  // lr, best, bad_tests, cooldown, each of rank 0.
  std::vector<NamedTensor> state() const;
  // Takes back what state() gave; throws Error if something is missing or malformed, and then changes nothing.
  void load_state(const std::vector<NamedTensor>& entries);

 private:
  bool is_better(double metric) const;

  ScheduleConfig config_;
  double lr_;
  std::optional<double> best_;
  int64_t bad_tests_ = 0, cooldown_ = 0;  // tests in a row without improvement; tests that the cooldown still lasts
};

}  // namespace ghost
