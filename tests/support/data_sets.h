// What tests of data sets ask: what is said where one cannot be opened or read.
#pragma once
#include <string>

#include "core/error.h"
#include "data/registry.h"

namespace ghost::test {

template <class F>
std::string error_message(F&& f) {  // empty: nothing was thrown
  try {
    f();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}
inline std::string open_message(const DataConfig& config) {
  return error_message([&] { open_data(config, 0); });
}

}  // namespace ghost::test
