// Values of options by name: those that no struct has a member for.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/error.h"

namespace ghost {

struct OwnOption;

using OptionValue = std::variant<bool, int64_t, double, std::string, std::vector<int64_t>, std::vector<double>,
                                 std::vector<std::string>>;

class OptionValues {
 public:
  // T is a type of OptionValue, as it was declared. Throws Error if there is no such option, naming the nearest, or if
  // it is of another type.
  template <class T>
  const T& get(const std::string& name) const {
    const OptionValue& value = find(name);
    if (const T* found = std::get_if<T>(&value)) return *found;
    fail("the option '{}' is {}, but was asked for as {}", name, type_name(value), type_name(T()));
  }
  void set(const std::string& name, OptionValue value) { values_[name] = std::move(value); }

  // The option's value, which is its default unless there is one. It stays in its place as long as this object does,
  // unless another is assigned to it. Throws UsageError if the value there is of another type.
  OptionValue& declare(const OwnOption& option);

 private:
  const OptionValue& find(const std::string& name) const;
  // "a number", "a list of integers"
  static const char* type_name(const OptionValue& value);
  std::map<std::string, OptionValue> values_;
};

}  // namespace ghost
