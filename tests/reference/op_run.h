// Runs one operator on the inputs of a case and compares what comes out.
#pragma once
#include <string>
#include <vector>

#include "reference/case.h"

namespace ghost::reference {

class OpRun {
 public:
  explicit OpRun(const Case& c) : case_(c) {}

  const Args& args() const { return case_.args(); }
  bool has(const std::string& input) const { return case_.has("in/" + input); }
  const Tensor& raw(const std::string& input) const { return case_.tensor("in/" + input); }  // in PyTorch's axes
  Shape shape(const std::string& input) const { return raw(input).shape(); }
  std::vector<std::string> inputs() const { return case_.below("in/"); }

  // The input in our axes; a leaf if the case has its gradient.
  Tensor input(const std::string& name, const Layout& layout);
  Tensor input(const std::string& name) { return input(name, channels_last(shape(name).rank())); }
  Tensor plain_input(const std::string& name) { return input(name, plain(shape(name).rank())); }
  // Undefined if the case does not have it. `expected`: whether its arguments say it has; throws Error if they
  // disagree.
  Tensor optional(const std::string& name, bool expected);

  void output(const std::string& name, const Tensor& result, const Layout& layout);
  void output(const std::string& name, const Tensor& result) { output(name, result, channels_last(result.rank())); }

  // Compares all results, sends gout/* back from all of them at once, compares all gradients.
  void compare();

 private:
  struct Named {
    std::string name;
    Tensor tensor;
    Layout layout;
  };
  const Case& case_;
  std::vector<Named> leaves_, results_;
};

// Operators of one input and no arguments, by PyTorch's names; null if there is none of that name.
using UnaryOp = Tensor (*)(const Tensor&);
UnaryOp find_unary(const std::string& name);

// The composition of operators written in the argument "expr", such as "y = relu(x)*x + x; some remark".
void run_expression(OpRun& run);

}  // namespace ghost::reference
