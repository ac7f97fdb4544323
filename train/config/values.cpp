#include "train/config/values.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <memory>
#include <optional>

#include "core/nearest.h"
#include "core/quoted.h"

namespace ghost {
namespace {

using Kind = YamlNode::Kind;

constexpr const char* kAuto = "auto";

// A scalar of type T, or what is wrong with it.
template <class T>
struct Parsed {
  T value{};
  std::string error{};
};

template <class T>
const char* noun() {
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_same_v<T, double>) return "a number";
  return "an integer";
}

// All of the text as a number; empty: it is none. `overflow` is set where it is one, but does not fit.
template <class T>
std::optional<T> parse_number(std::string_view text, bool& overflow) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  // from_chars knows "inf", "nan" and an exponent without digits before it.
  const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
  if (std::none_of(text.begin(), text.end(), digit)) return {};
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return {};
  overflow = error == std::errc::result_out_of_range;
  if (error != std::errc() && !overflow) return {};
  if constexpr (std::is_floating_point_v<T>) overflow = overflow || !std::isfinite(value);
  return value;
}

Parsed<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "false") return {.value = text == "true"};
  const std::string word = lower(text);
  const bool yes = word == "yes" || word == "on" || word == "true" || word == "y" || word == "1";
  const bool no = word == "no" || word == "off" || word == "false" || word == "n" || word == "0";
  const char* const meant = yes ? "; did you mean true?" : no ? "; did you mean false?" : "";
  return {.error = fmt::format("is {}, but must be true or false{}", quoted(text), meant)};
}

template <class T>
Parsed<T> parse_scalar(const std::string& text) {
  if constexpr (std::is_same_v<T, bool>) {
    return parse_bool(text);
  } else {
    bool overflow = false;
    const std::optional<T> number = parse_number<T>(text, overflow);
    if (number && !overflow) return {.value = *number};
    if (overflow) return {.error = fmt::format("is {}, which is outside of what {} can hold", quoted(text), noun<T>())};
    std::string hint;
    bool real_overflow = false;
    const std::optional<double> real = parse_number<double>(text, real_overflow);
    if (!std::is_floating_point_v<T> && real && !real_overflow) {
      const double whole = std::round(*real);
      const bool fits = std::abs(whole) < 1e15 && (whole >= 0 || std::is_signed_v<T>);
      if (fits) hint = fmt::format("; did you mean {}?", static_cast<T>(whole));
    }
    return {.error = fmt::format("is {}, but must be {}{}", quoted(text), noun<T>(), hint)};
  }
}

// One scalar into `value`, checked against the rule.
template <class T>
std::string read_scalar(const YamlNode& node, const FieldRule& rule, T& value) {
  if (node.kind != Kind::scalar || node.in_quotes)
    return fmt::format("is {}, but must be {}", described(node), noun<T>());
  const Parsed<T> parsed = parse_scalar<T>(node.text);
  if (!parsed.error.empty()) return parsed.error;
  if (std::string problem = value_problem(parsed.value, rule); !problem.empty()) return problem;
  value = parsed.value;
  return {};
}

std::string read_scalar(const YamlNode& node, const FieldRule& rule, std::string& value) {
  if (node.kind == Kind::list || node.kind == Kind::map)
    return fmt::format("is {}, but must be {}", described(node), rule.choices.empty() ? "text" : any_of(rule.choices));
  const std::string& text = node.in_quotes ? node.text : rule.choice_of(node.text);
  if (std::string problem = value_problem(text, rule); !problem.empty()) return problem;
  value = text;
  return {};
}

using Report = std::function<void(YamlMark, const std::string&)>;

// A list of scalars; `count` 0: of any length.
template <class T>
bool read_list(const YamlItem& item, const Field& field, size_t count, std::vector<T>& values, const Report& report) {
  constexpr size_t kReported = 5;
  const YamlNode& node = *item.node;
  const char* const example = std::is_same_v<T, std::string> ? "[a, b]" : "[1, 2]";
  const std::string wanted = count ? fmt::format("a list of {} numbers, e.g. {}", count, value_to_yaml(field))
                                   : fmt::format("a list such as {}", example);
  if (node.kind != Kind::list) {
    report(item.mark, fmt::format("is {}, but must be {}", described(node), wanted));
    return false;
  }
  const std::string problem = count && node.items.size() != count
                                  ? fmt::format("has {} values, but must be {}", node.items.size(), wanted)
                                  : length_problem(node.items.size(), field.rule);
  if (!problem.empty()) {
    report(item.mark, problem);
    return false;
  }
  size_t wrong = 0;
  for (size_t i = 0; i < node.items.size(); ++i) {
    values.emplace_back();
    const std::string error = read_scalar(*node.items[i].node, field.rule, values.back());
    if (!error.empty() && ++wrong <= kReported) report(node.items[i].mark, item_problem(i, node.items.size(), error));
  }
  return wrong == 0;
}

// What is wrong with one {epoch, value} after `before`, which is put there; empty: nothing.
std::string read_change(const YamlNode& node, const FieldRule& rule, OverEpochs& before) {
  if (node.kind != Kind::list || node.items.size() != 2)
    return fmt::format("is {}, but must be a pair of epoch and value, e.g. [0, 128]", described(node));
  int64_t epoch = 0, value = 0;
  if (std::string problem = read_scalar(*node.items[0].node, FieldRule{}, epoch); !problem.empty())
    return "has an epoch that " + problem;
  if (std::string problem = read_scalar(*node.items[1].node, rule, value); !problem.empty()) return problem;
  if (value == 0) return "is 0, which only a single value can be";
  if (before.empty() && epoch != 0)
    return fmt::format("is for epoch {}, but the first must be for epoch 0, where the run begins", epoch);
  if (!before.empty() && epoch <= before.back()[0])
    return fmt::format("is for epoch {}, but must be for a later one than the epoch {} before it", epoch,
                       before.back()[0]);
  before.push_back({epoch, value});
  return {};
}

bool read_over_epochs(const YamlItem& item, const Field& field, int64_t& last, const Report& report) {
  const std::vector<YamlItem>& all = item.node->items;
  if (all.empty()) {
    report(item.mark, "is an empty list, but must be a number or a list such as [[0, 128], [20, 160]]");
    return false;
  }
  OverEpochs values;
  for (size_t i = 0; i < all.size(); ++i)
    if (const std::string problem = read_change(*all[i].node, field.rule, values); !problem.empty()) {
      report(all[i].mark, item_problem(i, all.size(), problem));
      return false;
    }
  *field.rule.over_epochs = values;
  last = values.back()[1];
  return true;
}

// One mapping of a list of them.
bool read_item(const YamlItem& item, const Description& description, const Report& report) {
  if (item.node->kind != Kind::map) {
    report(item.mark, fmt::format("is {}, but must be a mapping of options", described(*item.node)));
    return false;
  }
  std::vector<std::string> keys;
  for (const Field& field : description.fields()) keys.push_back(field.path);
  bool fine = true;
  for (const YamlPair& pair : item.node->pairs) {
    if (const Field* const field = description.find_field(pair.key)) {
      const auto tell = [&](YamlMark mark, const std::string& what) { report(mark, pair.key + " " + what); };
      fine = read_value(pair.value, *field, tell) && fine;
      continue;
    }
    const std::string near = did_you_mean(pair.key, keys);
    report(pair.key_mark, fmt::format("has the unknown key {}{}", quoted(pair.key),
                                      near.empty() ? fmt::format("; there are {}", fmt::join(keys, ", ")) : near));
    fine = false;
  }
  return fine;
}

bool read_items(const YamlItem& item, const Field& field, OptionItems& target, const Report& report) {
  const YamlNode& node = *item.node;
  const std::unique_ptr<OptionItems> read = target.empty_copy();
  read->add();
  const std::string first_key = read->description(0).fields().front().path;
  const std::string problem =
      node.kind != Kind::list
          ? fmt::format("is {}, but must be a list of mappings such as [{{{}: …}}]", described(node), first_key)
          : length_problem(node.items.size(), field.rule);
  if (!problem.empty()) {
    report(item.mark, problem);
    return false;
  }
  const std::unique_ptr<OptionItems> all = target.empty_copy();
  bool fine = true;
  for (size_t i = 0; i < node.items.size(); ++i) {
    all->add();
    const auto tell = [&](YamlMark mark, const std::string& what) {
      report(mark, item_problem(i, node.items.size(), what));
    };
    fine = read_item(node.items[i], all->description(i), tell) && fine;
  }
  if (fine) target.assign(*all);
  return fine;
}

std::string string_to_yaml(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '/' || c == '.'; };
  const bool looks_like_null = text == "null" || text == "Null" || text == "NULL";
  const bool safe =
      !text.empty() && !looks_like_null && text != "..." && (plain(static_cast<unsigned char>(text[0]))) &&
      std::all_of(text.begin(), text.end(), [&](char c) { return plain(static_cast<unsigned char>(c)) || c == '-'; });
  if (safe) return text;
  std::string escaped = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      escaped += '\\', escaped += c;
    else if (byte < 0x20 || byte == 0x7F)
      escaped += fmt::format("\\x{:02x}", byte);
    else
      escaped += c;
  }
  return escaped + '"';
}

template <class List>
std::string list_to_yaml(const List& values) {
  return fmt::format("[{}]", fmt::join(values, ", "));
}
// What is as usual is left out of a mapping.
std::string items_to_yaml(OptionItems& items) {
  const std::unique_ptr<OptionItems> standard = items.empty_copy();
  standard->add();
  const Description usual = standard->description(0);
  std::vector<std::string> mappings;
  for (size_t i = 0; i < items.size(); ++i) {
    const Description description = items.description(i);
    std::vector<std::string> pairs;
    for (size_t k = 0; k < description.fields().size(); ++k) {
      const Field& field = description.fields()[k];
      const std::string value = value_to_yaml(field);
      if (field.rule.set ? *field.rule.set : value != value_to_yaml(usual.fields()[k]))
        pairs.push_back(field.path + ": " + value);
    }
    mappings.push_back(fmt::format("{{{}}}", fmt::join(pairs, ", ")));
  }
  return fmt::format("[{}]", fmt::join(mappings, ", "));
}
std::string list_to_yaml(const std::vector<std::string>& values) {
  std::vector<std::string> quoted;
  quoted.reserve(values.size());
  for (const std::string& value : values) quoted.push_back(string_to_yaml(value));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

}  // namespace

bool read_value(const YamlItem& item, const Field& field, const Report& report) {
  if (field.rule.set && item.node->kind == Kind::scalar && item.node->text == kAuto) {
    *field.rule.set = false;
    return true;
  }
  const bool fine = std::visit(
      [&](auto* target) {
        using T = std::remove_pointer_t<decltype(target)>;
        if constexpr (std::is_same_v<T, std::array<double, 2>>) {
          std::vector<double> values;
          if (!read_list(item, field, target->size(), values, report)) return false;
          std::copy(values.begin(), values.end(), target->begin());
          return true;
        } else if constexpr (std::is_same_v<T, OptionItems>) {
          return read_items(item, field, *target, report);
        } else if constexpr (std::is_same_v<T, std::vector<double>> || std::is_same_v<T, std::vector<int64_t>> ||
                             std::is_same_v<T, std::vector<std::string>>) {
          T values;
          if (!read_list(item, field, 0, values, report)) return false;
          *target = std::move(values);
          return true;
        } else {
          if constexpr (std::is_same_v<T, int64_t>)
            if (field.rule.over_epochs && item.node->kind == Kind::list)
              return read_over_epochs(item, field, *target, report);
          const std::string error = read_scalar(*item.node, field.rule, *target);
          if (error.empty() && field.rule.over_epochs) field.rule.over_epochs->clear();
          if (!error.empty()) report(item.mark, error);
          return error.empty();
        }
      },
      field.value);
  if (fine && field.rule.set) *field.rule.set = true;
  return fine;
}

std::string value_to_yaml(const Field& field) {
  if (field.rule.over_epochs && !field.rule.over_epochs->empty()) {
    std::vector<std::string> pairs;
    for (const auto& [epoch, value] : *field.rule.over_epochs) pairs.push_back(fmt::format("[{}, {}]", epoch, value));
    return fmt::format("[{}]", fmt::join(pairs, ", "));
  }
  return std::visit(
      [](auto* value) {
        using T = std::remove_pointer_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>)
          return string_to_yaml(*value);
        else if constexpr (std::is_same_v<T, OptionItems>)
          return items_to_yaml(*value);
        else if constexpr (std::is_arithmetic_v<T>)
          return fmt::format("{}", *value);
        else
          return list_to_yaml(*value);
      },
      field.value);
}

}  // namespace ghost
