#include "train/optim/plateau.h"

#include <algorithm>
#include <cmath>

namespace ghost {
namespace {

template <class T>
NamedTensor number(const char* name, T value) {
  return {name, Tensor::from(std::vector<T>{value}, {})};
}

template <class T>
T number_in(const std::vector<NamedTensor>& entries, const char* name, DType dtype) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const NamedTensor& e) { return e.name == name; });
  if (found == entries.end()) fail("the state of the plateau schedule has no {}", name);
  const Tensor& t = found->tensor;
  if (t.dtype() != dtype || t.numel() != 1 || !std::isfinite(t.item<double>()) || t.item<double>() < 0)
    fail("{} of the plateau schedule must be one finite {} number of at least 0", name, name_of(dtype));
  return t.item<T>();
}

}  // namespace

Plateau::Plateau(const ScheduleConfig& config, double base_lr) : config_(config), lr_(base_lr) {
  check_options(config, "schedule");
}

bool Plateau::is_better(double metric) const {
  if (!best_) return true;
  const bool lower = config_.metric == "loss";
  const double by = config_.threshold_mode == "rel" ? *best_ * config_.threshold : config_.threshold;
  return lower ? metric < *best_ - by : metric > *best_ + by;
}

void Plateau::tested(double loss, double top1_percent) {
  const double metric = config_.metric == "loss" ? loss : top1_percent;
  if (is_better(metric))
    best_ = metric, bad_tests_ = 0;
  else
    ++bad_tests_;
  if (cooldown_ > 0) --cooldown_, bad_tests_ = 0;
  if (bad_tests_ <= config_.patience) return;
  const double lower = std::max(lr_ * config_.factor, config_.min_lr);
  if (lr_ - lower > config_.eps) lr_ = lower;
  bad_tests_ = 0, cooldown_ = config_.cooldown;
}

std::vector<NamedTensor> Plateau::state() const {
  std::vector<NamedTensor> entries{number("lr", lr_), number("bad_tests", bad_tests_), number("cooldown", cooldown_)};
  if (best_) entries.push_back(number("best", *best_));
  return entries;
}

void Plateau::load_state(const std::vector<NamedTensor>& entries) {
  const auto lr = number_in<double>(entries, "lr", DType::f64);
  const auto bad_tests = number_in<int64_t>(entries, "bad_tests", DType::i64);
  const auto cooldown = number_in<int64_t>(entries, "cooldown", DType::i64);
  const bool has_best = entries.size() > 3;
  const double best = has_best ? number_in<double>(entries, "best", DType::f64) : 0;
  lr_ = lr, bad_tests_ = bad_tests, cooldown_ = cooldown;
  best_ = has_best ? std::optional(best) : std::nullopt;
}

}  // namespace ghost
