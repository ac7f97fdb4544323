// The terminal: lines that stay, and below them one status line that is redrawn. Safe to use from several threads.
// Control characters of what is written, which may be of a file's name, reach no terminal but for the ends of lines.
#pragma once
#include <cstdio>
#include <mutex>
#include <spdlog/sinks/base_sink.h>
#include <string>

namespace ghost::cli {

class Terminal {
 public:
  Terminal();                                        // of stdout
  bool interactive() const { return interactive_; }  // a terminal that can draw over a line
  bool unicode() const { return unicode_; }
  int columns() const;  // 80 if unknown
  // From now on everything but text() goes to stderr, so that stdout holds only what the program was asked to print.
  void keep_stdout_clean();

  void line(const std::string& text, bool to_stderr = false);  // stays; the status line moves below it
  // Writes what the program was asked to print to stdout; byte for byte if that is no terminal. Throws Error if it
  // cannot be written.
  void text(const std::string& lines);
  void status(const std::string& text);  // at most `columns` wide; not if not interactive
  void clear_status();
  // The text in a colour of the terminal, e.g. "1;32"; as it is where colours are not wanted (NO_COLOR). For line(),
  // text() and status(), which alone read the marks that it sets: no text from outside can colour or move anything.
  std::string styled(const char* style, const std::string& text) const;
  // Why stdout could not be written in full; empty: it could.
  std::string output_error() const;

 private:
  void erase();
  void write(std::FILE* to, const std::string& text);
  mutable std::mutex mutex_;
  std::FILE* out_ = stdout;
  int output_error_ = 0;  // errno of the first write to stdout that failed
  bool interactive_, unicode_, colours_;
  std::string status_;
};

// spdlog's way to the terminal: information to stdout as it is, warnings and errors to stderr.
class TerminalSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit TerminalSink(Terminal& terminal) : terminal_(terminal) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}

 private:
  Terminal& terminal_;
};

// Without styled()'s marks, and with control characters but for the ends of lines written out: as a file may have it.
std::string without_colours(const std::string& text);
// How many columns it takes (train/page/text.h) without these marks.
int styled_width(const std::string& text);

}  // namespace ghost::cli
