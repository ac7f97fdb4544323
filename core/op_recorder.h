// Recording which operators a network calls, so that it can be written as a graph for other programs (train/export).
// Every operator describes itself in its return statement:
//
//   return recorded("clamp", {&x}, make_result(…), [&] { return OpAttributes{{"bounds", {lo, hi}}}; });
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace ghost {

// What a result depends on besides the inputs: {"stride", {2, 2}}.
struct OpAttribute {
  std::string name;
  std::vector<double> values;
};
using OpAttributes = std::vector<OpAttribute>;

struct OpCall {
  std::string op;          // "conv2d"; "" if neither the operator nor a node gave a name
  bool described = false;  // false: the operator has not described itself, only its result and inputs are known
  std::string path;        // of the module that was active
  std::vector<Tensor> inputs = {};  // undefined: left out, as a bias may be
  OpAttributes attributes = {};
  Tensor result = {};
  const std::vector<double>& attribute(const std::string& name) const;  // throws Error if there is none
};

// Records the calls of this thread while it lives. The values of all results stay in memory with it. Operators that do
// not describe themselves are recorded too, by the name of their node, which they have where gradients are on.
class OpRecorder {
 public:
  OpRecorder();
  ~OpRecorder();
  OpRecorder(const OpRecorder&) = delete;
  OpRecorder& operator=(const OpRecorder&) = delete;
  // In the order of the results. What an operator calls inside comes before it; where both have the same result, the
  // call is that of the outer one.
  const std::vector<OpCall>& calls() const { return calls_; }

  void add(OpCall call);

 private:
  OpRecorder* before_;
  std::vector<OpCall> calls_;
};

OpRecorder* active_recorder();  // of this thread; null: nothing is recorded

// `result`, after telling the recorder, if there is one, how it came about. describe() gives the attributes.
template <class Describe>
Tensor recorded(const char* op, const std::vector<Tensor>& inputs, Tensor result, Describe describe) {
  if (OpRecorder* const recorder = active_recorder())
    recorder->add({op, true, PathScope::current(), inputs, describe(), result});
  return result;
}
template <class Describe>
Tensor recorded(const char* op, std::initializer_list<const Tensor*> inputs, Tensor result, Describe describe) {
  if (!active_recorder()) return result;
  std::vector<Tensor> list;
  for (const Tensor* input : inputs) list.push_back(*input);
  return recorded(op, list, std::move(result), describe);
}
inline Tensor recorded(const char* op, std::initializer_list<const Tensor*> inputs, Tensor result) {
  return recorded(op, inputs, std::move(result), [] { return OpAttributes{}; });
}

// Sizes and options as the values of an attribute.
template <class Numbers>
std::vector<double> as_attribute(const Numbers& numbers) {
  std::vector<double> values;
  values.reserve(numbers.size());
  for (const auto v : numbers) values.push_back(static_cast<double>(v));
  return values;
}

}  // namespace ghost
