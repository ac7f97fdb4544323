// Measures where the time of training steps goes. Every moment counts for one operator, forward or backward, and for
// the module that called it. Time outside of the network and its loss counts for what the caller says it was. An
// operator's time ends when it has its result, so fused work counts where it is done: the work of batch norm and ReLU
// is done by the next convolution, while it reads.
#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/kernels/conv2d.h"
#include "core/tape_observer.h"
#include "nn/module.h"

namespace ghost {

struct TimeSpent {
  double forward = 0, backward = 0;  // seconds
  int64_t calls = 0;                 // of the forward pass
  double seconds() const { return forward + backward; }
  TimeSpent& operator+=(const TimeSpent& other);
};

struct StepTimes {
  std::map<std::string, TimeSpent> modules;    // by path: a module's own operators, without those of its children
  TimeSpent loss;                              // operators outside of modules
  std::map<std::string, TimeSpent> operators;  // of modules and loss; "conv2d winograd 3×3": with its kernel
  std::map<std::string, double> outside;       // seconds by what the caller says
  double seconds() const;                      // all of it, from the clock's start to the last mark
};

class StepClock {
 public:
  // The clock starts. As long as it lives it observes the modules and the tape of this thread, and all convolutions
  // (set_conv2d_observer).
  StepClock();
  ~StepClock();
  StepClock(const StepClock&) = delete;
  StepClock& operator=(const StepClock&) = delete;

  // The time since the last operator or mark went to `what`.
  void mark(const std::string& what) { times_.outside[what] += lap(); }
  const StepTimes& times() const { return times_; }

 private:
  using Clock = std::chrono::steady_clock;
  double lap();  // seconds since the last one
  TimeSpent& module_or_loss(const std::string* path) { return path ? times_.modules[*path] : times_.loss; }
  void made(const Node& node);
  void ran(const Node& node);
  void between();  // a module begins or ends
  std::string operator_name(const char* node_name) const;

  StepTimes times_;
  Clock::time_point last_;
  std::vector<const std::string*> open_;  // paths of the modules that have not ended, outermost first
  std::set<uint64_t> loss_nodes_;         // sequence numbers
  std::string convolution_;               // kernel and kind of the one that runs; empty: none since the last lap
  ForwardObserver modules_;
  TapeObserver tape_;
};

}  // namespace ghost
