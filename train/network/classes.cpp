#include "train/network/classes.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>
#include <string_view>

#include "core/nearest.h"
#include "core/quoted.h"
#include "data/file.h"
#include "train/config/yaml.h"

namespace ghost {
namespace {

constexpr size_t kNamed = 10;

// The first line and what is wrong with the text as a whole, if it is one of the usual accidents.
void require_text(const std::string& file, std::string_view text) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    fail("{}: line 1 is not UTF-8 but begins as UTF-16 does; save the file as UTF-8", file);
}

void require_name(const std::string& file, size_t line, const std::string& name) {
  if (!is_utf8(name)) fail("{}: line {} is not UTF-8; save the file as UTF-8", file, line);
  if (name.find('\0') != std::string::npos)
    fail("{}: line {} holds a byte 0, so this is no text in UTF-8; one name a line was expected", file, line);
  if (std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isspace(c); }))
    fail("{}: line {} is blank, but every line names the class of one output: take it out, or name the class", file,
         line);
}

// As timm sorts folders: runs of digits by their value, letters without regard to case.
bool natural_less(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  const auto number = [&](const std::string& s, size_t& i) {  // without leading zeros
    size_t begin = i;
    while (i < s.size() && digit(s[i])) ++i;
    while (begin + 1 < i && s[begin] == '0') ++begin;
    return std::string_view(s).substr(begin, i - begin);
  };
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      const std::string_view x = number(a, i), y = number(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    const int x = std::tolower(static_cast<unsigned char>(a[i++])),
              y = std::tolower(static_cast<unsigned char>(b[j++]));
    if (x != y) return x < y;
  }
  return a.size() - i < b.size() - j;
}

// "'bus', 'car', …"
}  // namespace

std::string name_of_class(const std::vector<std::string>& names, int64_t output) {
  return output < std::ssize(names) ? names[static_cast<size_t>(output)] : message_of("class {}", output);
}

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  constexpr int64_t kMostBytes = 1 << 24;
  const std::string file = path.string();
  const std::vector<uint8_t> bytes = read_file(path, kMostBytes);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require_text(file, text);
  if (constexpr std::string_view kMark = "\xEF\xBB\xBF"; text.starts_with(kMark)) text.remove_prefix(kMark.size());
  std::vector<std::string> names;
  std::map<std::string, size_t> line_of;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string name(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (name.ends_with('\r')) name.pop_back();
    const size_t line = names.size() + 1;
    require_name(file, line, name);
    if (const auto [first, added] = line_of.emplace(name, line); !added)
      fail("{}: lines {} and {} are both {}, but classes are told apart by name: make them different", file,
           first->second, line, ghost::quoted(name));
    names.push_back(std::move(name));
  }
  if (names.empty()) fail("{}: names no class; one a line was expected", file);
  return names;
}

void name_classes(Network& network, const std::filesystem::path& file) {
  std::vector<std::string> names = read_class_names(file);
  if (std::ssize(names) != network.config.model.num_classes)
    fail("{}: the network has {} outputs, but {} names {} classes ({}, …)", network.file,
         network.config.model.num_classes, file.string(), names.size(), ghost::quoted(names.front()));
  network.classes = std::move(names);
}

std::string classes_by_position(const std::vector<std::string>& classes) {
  constexpr size_t kShown = 12, kFirst = 8;
  std::vector<std::string> shown;
  const auto show = [&](size_t i) { shown.push_back(message_of("{} = {}", i, ghost::quoted(classes[i]))); };
  for (size_t i = 0; i < (classes.size() > kShown ? kFirst : classes.size()); ++i) show(i);
  if (classes.size() > kShown) {
    shown.emplace_back("…");
    for (size_t i = classes.size() - 2; i < classes.size(); ++i) show(i);
  }
  return message_of("{}", fmt::join(shown, ", "));
}

std::string other_order_warning(const std::string& who, const std::vector<std::string>& classes) {
  if (!std::is_sorted(classes.begin(), classes.end()) || std::is_sorted(classes.begin(), classes.end(), natural_less))
    return {};
  std::vector<std::string> natural = classes;
  std::stable_sort(natural.begin(), natural.end(), natural_less);
  const auto output = std::mismatch(classes.begin(), classes.end(), natural.begin()).first - classes.begin();
  return message_of(
      "{}: the classes are sorted as text, so that output {} is {}; sorted by number and without regard to case, as "
      "timm does it, it is {}: if the network was trained in that order, its outputs are taken for the wrong classes",
      who, output, ghost::quoted(classes[static_cast<size_t>(output)]),
      ghost::quoted(natural[static_cast<size_t>(output)]));
}

LabelMapping outputs_of_labels(const Network& network, const std::string& data_name,
                               const std::vector<std::string>& data_classes) {
  const std::vector<std::string>& known = network.classes;
  const int64_t outputs = network.config.model.num_classes;
  LabelMapping mapping;
  if (known == data_classes) return mapping;
  if (known.empty()) {
    if (outputs != std::ssize(data_classes))
      fail(
          "{}: has {} classes whose names are not known, but {} has {} ({}, …): they can be told apart by name or by "
          "number only; --classes FILE names them, one a line, in the order of the outputs",
          network.file, outputs, data_name, data_classes.size(), ghost::quoted(data_classes.front()));
    mapping.by_name = false;
    mapping.notes.push_back(
        message_of("{}: does not name its classes, so those of {} are taken by position: {}; --classes FILE names "
                   "them",
                   network.file, data_name, classes_by_position(data_classes)));
    if (const std::string warning = other_order_warning(network.file, data_classes); !warning.empty())
      mapping.warnings.push_back(warning + "; --classes FILE with the names in the order of the outputs settles it");
    return mapping;
  }
  std::vector<std::string> unknown;
  for (const std::string& name : data_classes) {
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) unknown.push_back(name);
    if (found != known.end() && std::find(found + 1, known.end(), name) != known.end())
      fail("{}: two of its classes are called {}, so the classes of {} cannot be told by name", network.file,
           ghost::quoted(name), data_name);
    mapping.output_of_label.push_back(found - known.begin());
  }
  if (!unknown.empty())
    fail("{}: knows {} classes ({}, …), but not {} of the {} classes of {}: {}{}", network.file, known.size(),
         ghost::quoted(known.front()), unknown.size(), data_classes.size(), data_name, quoted_names(unknown, kNamed),
         did_you_mean(unknown.front(), known));
  return mapping;
}

}  // namespace ghost
