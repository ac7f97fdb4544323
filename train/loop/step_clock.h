// Where the time of training steps goes. Every moment is put down to one operator, forward or backward, and to the
// module that called it; what passes outside of the network and its loss, to what the caller says it was. An operator's
// time is that until it has its result, so fused work counts where it is done: batch norm and ReLU only leave word for
// the next convolution, which applies them while it reads.
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
  int64_t calls = 0;                 // forward
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
  // Starts, and observes this thread's modules and tape and all convolutions (as set_conv2d_observer) for its lifetime.
  StepClock();
  ~StepClock();
  StepClock(const StepClock&) = delete;
  StepClock& operator=(const StepClock&) = delete;

  // What has passed since the last operator or mark was `what`.
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
