#include "train/page/text.h"

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cwchar>
#include <fmt/core.h>

#include "core/quoted.h"

namespace ghost {

namespace {

// The system's table of widths, whatever the locale of the program; null: there is none.
locale_t utf8_locale() {
  static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", static_cast<locale_t>(nullptr));
  return utf8;
}

}  // namespace

std::string grouped(int64_t n) {
  std::string digits = std::to_string(n);
  const int64_t first = n < 0 ? 1 : 0;
  for (int64_t i = std::ssize(digits) - 3; i > first; i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string duration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::max(0.0, seconds)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string percent(double value) { return fmt::format("{:.2f} %", value); }
std::string millions(int64_t n) {
  const double value = static_cast<double>(n) / 1e6;
  constexpr double kWhole = 99.95;  // three digits are no fraction from here on
  return value < kWhole ? fmt::format("{:.3g}", value) : grouped(std::llround(value));
}
std::string count_of(int64_t n, const std::string& noun) {
  return grouped(n) + " " + noun + (n == 1 ? "" : noun.ends_with('s') ? "es" : "s");
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

int display_width(std::string_view text) {
  const locale_t utf8 = utf8_locale(), before = utf8 ? uselocale(utf8) : nullptr;
  int columns = 0;
  for (size_t i = 0; i < text.size();) {
    const size_t length = std::max<size_t>(utf8_length(text, i), 1);
    std::mbstate_t state{};
    wchar_t c = 0;
    const bool read = utf8 && std::mbrtowc(&c, text.data() + i, length, &state) == length;
    const int width = read ? wcwidth(c) : 1;
    columns += width < 0 ? 1 : width;  // what has none will be shown as something
    i += length;
  }
  if (before) uselocale(before);
  return columns;
}

std::string padded(const std::string& text, int width, bool left_aligned) {
  const std::string space(static_cast<size_t>(std::max(0, width - display_width(text))), ' ');
  return left_aligned ? text + space : space + text;
}

std::string share(double value) { return fmt::format("{:.0f} %", 100 * value); }

}  // namespace ghost
