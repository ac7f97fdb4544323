#include "train/cli/terminal.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/error.h"
#include "train/cli/text.h"

namespace ghost::cli {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

bool utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string value = environment(name); !value.empty())
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
  return false;
}

constexpr char kMark = '\0';  // before and after a style: names of files hold any other byte

// The text as a terminal may get it: styled()'s marks as what they stand for, or left out.
std::string rendered(const std::string& text, bool colours) {
  std::string result;
  size_t begin = 0;  // of what has neither marks nor ends of lines
  const auto take = [&](size_t end) { result += printable(std::string_view(text).substr(begin, end - begin)); };
  for (size_t i = 0; i < text.size(); ++i) {
    const bool blank =
        text[i] == '\n' || text[i] == '\t' || (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if (text[i] != kMark && !blank) continue;
    take(i);
    if (blank) {
      result += text[i];
    } else {
      const size_t end = std::min(text.find(kMark, i + 1), text.size());
      const std::string style = text.substr(i + 1, end - i - 1);
      if (colours && style.find_first_not_of("0123456789;") == std::string::npos) result += "\033[" + style + "m";
      i = end;
    }
    begin = i + 1;
  }
  if (begin < text.size()) take(text.size());
  return result;
}

}  // namespace

Terminal::Terminal()
    : interactive_(isatty(STDOUT_FILENO) == 1 && environment("TERM") != "dumb"),
      unicode_(utf8_locale()),
      colours_(interactive_ && isatty(STDERR_FILENO) == 1 && environment("NO_COLOR").empty()) {}

int Terminal::columns() const {
  winsize size{};
  if (ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

void Terminal::keep_stdout_clean() {
  out_ = stderr;
  interactive_ = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
}

// The one place that notices a full disk or a closed pipe behind stdout: what fputs could not pass on shows in ferror,
// what was still buffered in fflush.
void Terminal::write(std::FILE* to, const std::string& text) {
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), to) == text.size();
  const bool flushed = std::fflush(to) == 0;
  if (to == stdout && output_error_ == 0 && (!written || !flushed || std::ferror(to) != 0))
    output_error_ = errno != 0 ? errno : EIO;
}

std::string Terminal::output_error() const {
  const std::lock_guard lock(mutex_);
  return output_error_ == 0 ? "" : fmt::format("standard output cannot be written: {}", std::strerror(output_error_));
}

void Terminal::erase() {
  if (!status_.empty()) write(out_, "\r\033[K");
}

void Terminal::line(const std::string& text, bool to_stderr) {
  const std::lock_guard lock(mutex_);
  erase();
  write(to_stderr ? stderr : out_, rendered(text, colours_) + "\n");
  if (!status_.empty()) write(out_, status_);
}

void Terminal::text(const std::string& lines) {
  {
    const std::lock_guard lock(mutex_);
    write(stdout, isatty(STDOUT_FILENO) == 1 ? rendered(lines, colours_) : lines);
  }
  if (const std::string error = output_error(); !error.empty()) throw Error(error);
}

void Terminal::status(const std::string& text) {
  if (!interactive_) return;
  const std::lock_guard lock(mutex_);
  status_ = rendered(text, colours_);
  // One write, text first and the rest of the old line erased after it, does not flicker.
  write(out_, "\r" + status_ + "\033[K");
}

void Terminal::clear_status() {
  const std::lock_guard lock(mutex_);
  erase();
  status_.clear();
}

std::string Terminal::styled(const char* style, const std::string& text) const {
  if (!colours_) return text;
  const std::string mark(1, kMark);
  return mark + style + mark + text + mark + "0" + mark;
}

void TerminalSink::sink_it_(const spdlog::details::log_msg& message) {
  std::string text(message.payload.data(), message.payload.size());
  const bool trouble = message.level >= spdlog::level::warn;
  if (message.level == spdlog::level::warn) text = terminal_.styled("33", "warning: ") + text;
  terminal_.line(text, trouble);
}

std::string without_colours(const std::string& text) { return rendered(text, false); }

int styled_width(const std::string& text) { return display_width(without_colours(text)); }

}  // namespace ghost::cli
