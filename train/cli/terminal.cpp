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

void Terminal::erase() {
  if (!status_.empty()) std::fputs("\r\033[K", out_);
}

void Terminal::line(const std::string& text, bool to_stderr) {
  const std::lock_guard lock(mutex_);
  erase();
  if (to_stderr) std::fflush(out_);
  std::FILE* out = to_stderr ? stderr : out_;
  std::fputs(text.c_str(), out);
  std::fputc('\n', out);
  std::fflush(out);
  if (!status_.empty()) {
    std::fputs(status_.c_str(), out_);
    std::fflush(out_);
  }
}

void Terminal::text(const std::string& lines) const {
  std::fputs(lines.c_str(), stdout);
  if (std::fflush(stdout) != 0) fail("standard output cannot be written: {}", std::strerror(errno));
}

void Terminal::status(const std::string& text) {
  if (!interactive_) return;
  const std::lock_guard lock(mutex_);
  // One write, text first and the rest of the old line erased after it, does not flicker.
  std::fputs(("\r" + text + "\033[K").c_str(), out_);
  std::fflush(out_);
  status_ = text;
}

void Terminal::clear_status() {
  const std::lock_guard lock(mutex_);
  erase();
  std::fflush(out_);
  status_.clear();
}

std::string Terminal::styled(const char* style, const std::string& text) const {
  return colours_ ? std::string("\033[") + style + "m" + text + "\033[0m" : text;
}

void TerminalSink::sink_it_(const spdlog::details::log_msg& message) {
  std::string text(message.payload.data(), message.payload.size());
  const bool trouble = message.level >= spdlog::level::warn;
  if (message.level == spdlog::level::warn) text = terminal_.styled("33", "warning: ") + text;
  terminal_.line(text, trouble);
}

std::string without_colours(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\033') {
      plain += text[i];
    } else {
      while (i < text.size() && text[i] != 'm') ++i;
    }
  }
  return plain;
}

int display_width(const std::string& text) {
  const std::string plain = without_colours(text);
  return static_cast<int>(std::count_if(plain.begin(), plain.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;  // not the continuation of a character
  }));
}

}  // namespace ghost::cli
