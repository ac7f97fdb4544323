#include "train/loop/step_clock.h"

#include <fmt/format.h>

namespace ghost {
namespace {

// Work that makes no node: modules without gradients, and the calls themselves.
constexpr const char* kNoOperator = "other";

std::string described(const Conv2dShape& s, const char* kernel) {
  const char* kind = s.groups == 1 ? "" : s.depthwise() ? " depthwise" : " grouped";
  return fmt::format("{} {}×{}{}", kernel, s.kh, s.kw, kind);
}

}  // namespace

TimeSpent& TimeSpent::operator+=(const TimeSpent& other) {
  forward += other.forward, backward += other.backward, calls += other.calls;
  return *this;
}

double StepTimes::seconds() const {
  double sum = 0;
  for (const auto& [name, time] : operators) sum += time.seconds();
  for (const auto& [name, seconds] : outside) sum += seconds;
  return sum;
}

StepClock::StepClock()
    : last_(Clock::now()),
      modules_(
          [this](Module&, const Tensor&, const Tensor&) {
            between();
            open_.pop_back();
          },
          [this](Module& module, const Tensor&) {
            between();
            open_.push_back(&module.path());
          }),
      tape_([this](const Node& node) { made(node); }, [this](const Node& node) { ran(node); }) {
  set_conv2d_observer(
      [this](const Conv2dShape& s, const char*, const char* kernel) { convolution_ = described(s, kernel); });
}

StepClock::~StepClock() { set_conv2d_observer({}); }

double StepClock::lap() {
  const auto now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - last_).count();
  last_ = now;
  convolution_.clear();
  return seconds;
}

std::string StepClock::operator_name(const char* node_name) const {
  return convolution_.empty() ? node_name : "conv2d " + convolution_;
}

void StepClock::made(const Node& node) {
  if (open_.empty()) loss_nodes_.insert(node.sequence());
  TimeSpent& time = times_.operators[operator_name(node.name())];
  const double seconds = lap();
  for (TimeSpent* to : {&time, &module_or_loss(open_.empty() ? nullptr : open_.back())}) {
    to->forward += seconds;
    ++to->calls;
  }
}

void StepClock::ran(const Node& node) {
  TimeSpent& time = times_.operators[operator_name(node.name())];
  const double seconds = lap();
  time.backward += seconds;
  module_or_loss(loss_nodes_.erase(node.sequence()) ? nullptr : &node.where()).backward += seconds;
}

void StepClock::between() {
  if (open_.empty()) return mark(kNoOperator);
  TimeSpent& time = times_.operators[operator_name(kNoOperator)];
  const double seconds = lap();
  time.forward += seconds;
  times_.modules[*open_.back()].forward += seconds;
}

}  // namespace ghost
