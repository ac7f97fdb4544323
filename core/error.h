// The one way this project reports what went wrong: a sentence that names the operator or file, what came, what was
// expected and, where there is one, the nearest valid value.
#pragma once
#include <fmt/core.h>
#include <stdexcept>
#include <string>

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

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
[[noreturn]] void fail_usage(fmt::format_string<Args...> format, Args&&... args) {
  throw UsageError(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace ghost
