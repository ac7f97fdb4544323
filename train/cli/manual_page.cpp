#include "train/cli/manual_page.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sstream>
#include <utility>
#include <vector>

#include "core/nearest.h"
#include "train/cli/build.h"
#include "train/cli/commands.h"
#include "train/cli/option_table.h"
#include "train/run/version.h"

namespace ghost::cli {

namespace {

struct Variable {
  const char* name;
  const char* meaning;
};
constexpr std::array<Variable, 3> kEnvironment{{
    {"GHOST_LOG", "What is shown: debug, info (as usual), warning or error."},
    {"GHOST_ISA",
     "Instruction set of the kernels: baseline, avx2, avx512, avx512bf16 or amxbf16. Without it the best that the "
     "processor "
     "has."},
    {"NO_COLOR", "If it is set, the output has no colours."},
}};

struct Escape {
  char of;
  const char* by;
};
constexpr std::array<Escape, 6> kEscapes{
    {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}}};

// Text as roff prints it unchanged: every hyphen and quote as it is typed.
std::string plain(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto* const escape =
        std::find_if(kEscapes.begin(), kEscapes.end(), [&](const Escape& e) { return e.of == c; });
    result += escape == kEscapes.end() ? std::string(1, c) : escape->by;
  }
  return result;
}
std::string bold(const std::string& text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + plain(text) + "\\fR"; }

// A line that begins with a dot would be a request.
std::string line_of(const std::string& escaped) { return (escaped.starts_with('.') ? "\\&" : "") + escaped + "\n"; }

// A text that roff may fill anew, in lines of the length that it recommends.
std::string filled(const std::string& text) {
  constexpr size_t kLongest = 79;
  std::istringstream words(text);
  std::string result, line;
  for (std::string word; words >> word;) {
    word = plain(word);
    if (!line.empty() && line.size() + 1 + word.size() > kLongest) result += line_of(std::exchange(line, ""));
    line += (line.empty() ? "" : " ") + word;
  }
  return line.empty() ? result : result + line_of(line);
}

// Lines that stay as they are.
std::string literal(const std::string& lines) {
  std::string text = ".RS 4\n.nf\n";
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) text += line_of(plain(line));
  return text + ".fi\n.RE\n";
}

// Help::notes, below another paragraph.
std::string paragraphs(const std::string& notes) {
  std::string text, filling, kept;
  const auto end_paragraph = [&] {
    if (!filling.empty()) text += ".PP\n" + filled(filling);
    if (!kept.empty()) text += literal(kept);
    filling.clear(), kept.clear();
  };
  std::istringstream lines(notes);
  for (std::string line; std::getline(lines, line);) {
    const bool keeps = line.starts_with("  ");
    if (line.empty() || (!keeps && !kept.empty())) end_paragraph();
    if (keeps)
      kept += line.substr(2) + "\n";
    else
      filling += line + "\n";
  }
  end_paragraph();
  return text;
}

// The name of the page: "own_model train" has the page own_model-train.
std::string page_name(std::string program) {
  std::replace(program.begin(), program.end(), ' ', '-');
  return program;
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string head(const std::string& program, const std::string& summary) {
  const std::string name = page_name(program);
  return fmt::format(".TH \"{}\" 1 \"{}\" \"Ghost {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n", plain(upper(name)),
                     kCommit.date, version(), plain(name), plain(summary));
}

// "Tests a network. It …" → "tests a network"
std::string first_sentence(const std::string& description) {
  std::string text = description.substr(0, description.find(". "));
  if (text.ends_with('.')) text.pop_back();
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

std::string sentence(const std::string& text) { return text.ends_with('.') || text.empty() ? text : text + "."; }

std::string option_entry(const OptionText& option) {
  std::string tag;
  for (const std::string& name : option.names) tag += (tag.empty() ? "" : ", ") + bold(name);
  if (option.positional) tag = italic(option.value.empty() ? option.name() : option.value);
  if (!option.positional && !option.value.empty()) tag += " " + italic(option.value);
  std::string text = sentence(option.summary);
  if (!option.choices.empty()) text += fmt::format(" One of: {}.", fmt::join(option.choices, ", "));
  if (!option.range.empty()) text += fmt::format(" In the range {}.", option.range);
  if (!option.needs.empty()) text += fmt::format(" Only with {}.", any_of(option.needs));
  if (!option.excludes.empty()) text += fmt::format(" Not with {}.", any_of(option.excludes));
  return ".TP\n" + tag + "\n" + filled(text);
}

std::string entries_of_statuses(bool stops_on_signal) {
  std::string text = ".SH EXIT STATUS\n";
  for (const ExitStatus& one : exit_statuses(stops_on_signal))
    text += ".TP\n" + bold(one.status) + "\n" + filled(one.meaning);
  return text;
}

std::string environment() {
  std::string text = ".SH ENVIRONMENT\n";
  for (const Variable& one : kEnvironment) text += ".TP\n" + bold(one.name) + "\n" + filled(one.meaning);
  return text;
}

// The other programs, if this one goes by the name of one of them: ghost-train, "own_model train".
std::string see_also(const std::string& program) {
  const auto is_it = [&](const CommandText& c) {
    const std::string name = c.name;
    return program.size() > name.size() && program.ends_with(name) &&
           std::string(" -").find(program[program.size() - name.size() - 1]) != std::string::npos;
  };
  const auto* const own = std::find_if(kCommands.begin(), kCommands.end(), is_it);
  std::vector<std::string> pages;
  if (own != kCommands.end()) {
    const std::string family = page_name(program.substr(0, program.size() - std::string(own->name).size()));
    for (const CommandText& one : kCommands)
      if (one.name != std::string(own->name)) pages.push_back(bold(family + one.name) + "(1)");
    std::sort(pages.begin(), pages.end());
  }
  std::string text = ".SH SEE ALSO\n";
  for (size_t i = 0; i < pages.size(); ++i) text += pages[i] + (i + 1 < pages.size() ? ",\n" : "\n.PP\n");
  return text + "README.md and the folder docs, installed in share/doc/ghost\n";
}

}  // namespace

std::string manual_page(const CLI::App& app, const Help& help) {
  const std::string& program = app.get_name();
  std::string text = head(program, first_sentence(app.get_description()));
  std::string arguments, options;
  text += ".SH SYNOPSIS\n" + bold(program) + " [" + italic("OPTION") + "]...";
  for (const OptionText& option : option_table(app)) {
    if (option.positional) text += " [" + italic(option.value.empty() ? option.name() : option.value) + "]...";
    (option.positional ? arguments : options) += option_entry(option);
  }
  text += "\n.SH DESCRIPTION\n" + filled(app.get_description()) + paragraphs(with_name(help.notes, program));
  text += ".SH OPTIONS\n" + arguments + options + entries_of_statuses(help.stops_on_signal) + environment();
  if (!help.examples.empty()) text += ".SH EXAMPLES\n";
  for (size_t i = 0; i < help.examples.size(); ++i)
    text += (i > 0 ? ".PP\n" : "") + literal(with_name(help.examples[i], program));
  return text + see_also(program);
}

std::string manual_page_of_commands(const std::string& program) {
  std::string text = head(program, "trains, tests and examines convolutional networks on the CPU");
  text += ".SH SYNOPSIS\n" + bold(program) + " " + italic("COMMAND") + " [" + italic("OPTION") + "]...\n";
  text += ".SH DESCRIPTION\nEvery command is a program of its own, with its own\n" + bold("--help") + ".\n";
  text += ".SH COMMANDS\n";
  for (const CommandText& one : kCommands) text += ".TP\n" + bold(one.name) + "\n" + filled(one.summary);
  text += ".SH OPTIONS\n.TP\n" + bold("-h") + ", " + bold("--help") + "\nList the commands.\n.TP\n" +
          bold("--version") + "\nPrint the version.\n";
  text += entries_of_statuses(true) + environment() + ".SH SEE ALSO\n";
  for (size_t i = 0; i < kCommands.size(); ++i)
    text += bold(page_name(program) + "-" + kCommands[i].name) + "(1)" + (i + 1 < kCommands.size() ? ",\n" : "\n");
  return text;
}

}  // namespace ghost::cli
