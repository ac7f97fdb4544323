// Numbers as people read them, and the room that text takes.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace ghost {

std::string grouped(int64_t n);        // 1234567 → "1,234,567"
std::string duration(double seconds);  // "8 s", "1:23", "2:03:04"
std::string percent(double value);     // of a value in percent: "91.23 %"
std::string share(double value);       // of a value in 0..1: "3 %"
std::string millions(int64_t n);       // to three digits or whole: "0.34", "41.2", "1,020"
// A field of a CSV file (RFC 4180): what holds a comma, a quote or a line's end stands in quotes, its quotes doubled.
std::string csv_field(const std::string& text);
std::string count_of(int64_t n, const std::string& noun);  // "1 class", "1,000 classes": the noun or its regular plural

// Columns that a UTF-8 text takes on a terminal: 2 of East Asian wide letters and most emoji, 0 of accents that
// combine.
int display_width(std::string_view text);
// The text and blanks up to a width in columns, on its right or left.
std::string padded(const std::string& text, int width, bool left_aligned);

}  // namespace ghost
