// Work that is repeated and may take only a share of the time, however much it grows.
#pragma once
#include <functional>

namespace ghost {

class TimeShare {
 public:
  using Seconds = std::function<double()>;  // a clock
  // The work may take `share` of the time from now on. Nothing is known of the first piece, which is always allowed.
  TimeShare(double share, Seconds clock) : share_(share), clock_(std::move(clock)), start_(clock_()) {}

  // Whether the share allows one more, as long as the last.
  bool affordable() const { return spent_ + last_ <= share_ * (clock_() - start_); }
  void run(const std::function<void()>& work) {
    const double before = clock_();
    work();
    last_ = clock_() - before;
    spent_ += last_;
  }

 private:
  double share_;
  Seconds clock_;
  double start_, spent_ = 0, last_ = 0;
};

}  // namespace ghost
