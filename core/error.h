// The one way this project reports what went wrong: a sentence that names the operator or file, what came, what was
// expected and, where there is one, the nearest valid value.
#pragma once
#include <fmt/core.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/quoted.h"

namespace ghost {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Wrong usage or configuration: programs leave with status 2 instead of 1.
class UsageError : public Error {
 public:
  using Error::Error;
};

template <class T>
decltype(auto) printable_part(T&& value) {
  if constexpr (std::is_convertible_v<T, std::string_view>)
    return printable(value);
  else
    return std::forward<T>(value);
}

// A sentence whose parts may come from outside: what is text among `args` is made printable() first.
template <class... Args>
std::string message_of(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(fmt::runtime(format), printable_part(std::forward<Args>(args))...);
}

// Throw such a sentence.
template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(message_of(format, std::forward<Args>(args)...));
}
template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(message_of(format, std::forward<Args>(args)...));
}

}  // namespace ghost
