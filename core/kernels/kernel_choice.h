// Which of several implementations of one operator runs. Each such operator has an ordered table that ends in the
// definition, which runs every case; the first line that accepts a case runs it, unless another is forced.
#pragma once
#include <string>
#include <vector>

namespace ghost {

class KernelChoice {
 public:
  // `op` as users know it, "conv2d": then GHOST_CONV2D=<name> forces a kernel from the start. `names` in the order of
  // the table. Throws UsageError if the environment names a kernel that there is not.
  KernelChoice(const std::string& op, std::vector<std::string> names);

  const std::vector<std::string>& names() const { return names_; }
  // This kernel runs every case it is able to; "": none is forced. `who` begins the message of the UsageError that an
  // unknown name is. Not while kernels run.
  void force(const std::string& name, const std::string& who);
  int forced() const { return forced_; }  // its line in the table; -1: none
  bool forced(const std::string& name) const { return forced_ >= 0 && names_[static_cast<size_t>(forced_)] == name; }

 private:
  std::string op_;
  std::vector<std::string> names_;
  int forced_ = -1;
};

}  // namespace ghost
