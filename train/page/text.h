// Numbers as people read them.
#pragma once
#include <cstdint>
#include <string>

namespace ghost {

std::string grouped(int64_t n);        // 1234567 → "1,234,567"
std::string duration(double seconds);  // "8 s", "1:23", "2:03:04"
std::string percent(double value);     // of a value in percent: "91.23 %"
std::string share(double value);       // of a value in 0..1: "3 %"

}  // namespace ghost
