#include "core/options.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "core/nearest.h"
#include "core/quoted.h"

namespace ghost {

namespace {

bool covers(const std::string& option, const std::string& path) {
  return path == option || path.starts_with(option + ".");
}

std::string interval(const Limits& limits) {
  return fmt::format("in {}{}, {}{}", limits.above ? '(' : '[', limits.least, limits.most, limits.below ? ')' : ']');
}

std::string lower_bound(const Limits& limits) {
  return fmt::format("{} {}", limits.above ? "above" : "at least", limits.least);
}

std::string choice_problem(const std::string& value, const std::string& shown, const FieldRule& rule) {
  constexpr size_t kLongestName = 100;  // that is worth comparing with known ones
  const std::vector<std::string>& known = rule.choices;
  if (known.empty() || std::find(known.begin(), known.end(), value) != known.end()) return "";
  return fmt::format("is {}, but must be {}{}", shown, any_of(known),
                     did_you_mean(value.substr(0, kLongestName), known));
}

std::string unscaled(double value, const FieldRule& rule) {
  if (rule.scale == 0 || !rule.limits.allow(value / rule.scale)) return "";
  return fmt::format("; the nearest valid value is {:.3g}, which is {}/{}", value / rule.scale, value, rule.scale);
}

template <class Number>
std::string number_problem(Number value, const FieldRule& rule) {
  const auto real = static_cast<double>(value);
  if (!std::isfinite(real)) return fmt::format("is {}, but must be finite", value);
  if (!rule.limits.allow(real))
    return fmt::format("is {}, but must be {}{}", value, rule.limits.expected(real), unscaled(real, rule));
  if (rule.choices.empty()) return "";
  const std::string text = fmt::format("{}", value);
  return choice_problem(text, text, rule);
}

}  // namespace

bool Limits::allow(double value) const {
  return (above ? value > least : value >= least) && (below ? value < most : value <= most);
}

std::string Limits::expected(double value) const {
  constexpr double kShort = 100;  // an interval that is worth saying as a whole
  if (least >= -kShort && most <= kShort) return interval(*this);
  const bool too_low = above ? value <= least : value < least;
  return too_low ? lower_bound(*this) : fmt::format("{} {}", below ? "below" : "at most", most);
}

std::string Limits::str() const {
  const bool bounded_below = std::isfinite(least), bounded_above = most < rule::kMany;
  if (!bounded_below && !bounded_above) return "";
  if (bounded_below && !bounded_above) return lower_bound(*this);
  if (!bounded_below) return fmt::format("{} {}", below ? "below" : "at most", most);
  return above || below ? interval(*this) : fmt::format("{} to {}", least, most);
}

namespace rule {
FieldRule at_least(double least, double most) { return {.limits = {.least = least, .most = most}}; }
FieldRule above(double least, double most) { return {.limits = {.least = least, .most = most, .above = true}}; }
FieldRule share() { return at_least(0, 1); }
FieldRule below_one() { return {.limits = {.least = 0, .most = 1, .below = true}}; }
FieldRule one_of(std::vector<std::string> choices) { return {.choices = std::move(choices)}; }
FieldRule pixels(bool above) { return {.limits = {.least = 0, .most = 1, .above = above}, .scale = 255}; }
FieldRule of_data(FieldRule rule) {
  rule.of_data = true;
  return rule;
}
}  // namespace rule

// ---- the description

void Description::name(std::string* value, const std::string& help, std::vector<Alternative> alternatives) {
  std::vector<std::string> names;
  names.reserve(alternatives.size());
  for (const Alternative& one : alternatives) names.push_back(one.name);
  const auto own = std::find_if(sections_.begin(), sections_.end(),
                                [&](const Section& section) { return section.path + "." == prefix_; });
  if (own != sections_.end()) own->alternatives = std::move(alternatives);
  field("name", value, help, rule::one_of(std::move(names)));
}

void Description::field(const std::string& key, FieldValue value, const std::string& help, FieldRule rule) {
  const std::string path = prefix_ + key;
  if (find_field(path) || find_section(path)) fail_usage("the option {} is described twice", path);
  fields_.push_back({path, value, help, std::move(rule)});
}

void Description::check_alternatives(const std::string& path) const {
  std::vector<std::string> known;
  for (const Field& field : fields_)
    if (field.path.starts_with(path + ".")) known.push_back(field.path.substr(path.size() + 1));
  for (const Alternative& one : find_section(path)->alternatives)
    for (const std::string& option : one.options)
      if (std::none_of(known.begin(), known.end(), [&](const std::string& field) { return covers(option, field); }))
        fail_usage("{}.name '{}' lists the option '{}', but there is no {}.{}{}", path, one.name, option, path, option,
                   did_you_mean(option, known));
}

int64_t value_in(const OverEpochs& values, int64_t epoch) {
  int64_t value = values.front()[1];
  for (const auto& [from, then] : values)
    if (from <= epoch) value = then;
  return value;
}

const Field* Description::find_field(const std::string& path) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.path == path; });
  return found == fields_.end() ? nullptr : &*found;
}

const Section* Description::find_section(const std::string& path) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(), [&](const Section& s) { return s.path == path; });
  return found == sections_.end() ? nullptr : &*found;
}

void Description::section_of_data(const std::string& key) {
  for (Field& field : fields_)
    if (field.path.starts_with(prefix_ + key + ".")) field.rule.of_data = true;
}

void Description::follow_data(const std::string& path, bool& set) {
  for (Field& field : fields_)
    if (field.path == path) field.rule.set = &set, field.rule.of_data = true;
}

const std::string& Description::selected(const Section& section) const {
  return *std::get<std::string*>(find_field(section.path + ".name")->value);
}

std::vector<std::string> Description::owners(const Section& section, const std::string& path) {
  std::vector<std::string> owners;
  if (!path.starts_with(section.path + ".")) return owners;
  const std::string option = path.substr(section.path.size() + 1);
  for (const Alternative& one : section.alternatives)
    if (std::any_of(one.options.begin(), one.options.end(),
                    [&](const std::string& listed) { return covers(listed, option); }))
      owners.push_back(one.name);
  return owners;
}

std::vector<std::string> Description::owners_elsewhere(const std::string& path, const Section*& section) const {
  for (const Section& around : sections_) {
    std::vector<std::string> all = owners(around, path);
    if (all.empty() || std::find(all.begin(), all.end(), selected(around)) != all.end()) continue;
    section = &around;
    return all;
  }
  return {};
}

// ---- values

const std::string& FieldRule::choice_of(const std::string& text) const {
  for (const auto& [spelling, choice] : spellings)
    if (text == spelling) return choice;
  return text;
}

std::string value_problem(bool, const FieldRule&) { return ""; }
std::string value_problem(int64_t value, const FieldRule& rule) { return number_problem(value, rule); }
std::string value_problem(uint64_t value, const FieldRule& rule) { return number_problem(value, rule); }
std::string value_problem(double value, const FieldRule& rule) { return number_problem(value, rule); }
std::string value_problem(const std::string& value, const FieldRule& rule) {
  return choice_problem(value, value.empty() ? "nothing" : quoted(value), rule);
}

std::string length_problem(size_t count, const FieldRule& rule) {
  constexpr size_t kMost = 1000;
  if (count == 0 && !rule.empty_list) return "is empty, but must have at least one value";
  return count > kMost ? fmt::format("has {} values, but must have at most {}", count, kMost) : "";
}

std::string item_problem(size_t item, size_t count, const std::string& problem) {
  return fmt::format("(value {} of {}) {}", item + 1, count, problem);
}

void check_values(const Description& description, const std::function<void(const std::string&)>& report) {
  for (const Field& field : description.fields()) {
    const auto tell = [&](const std::string& problem) {
      if (!problem.empty()) report(field.path + " " + problem);
    };
    std::visit(
        [&](auto* value) {
          if constexpr (std::is_same_v<decltype(value), OptionItems*>) {
            tell(length_problem(value->size(), field.rule));
            for (size_t i = 0; i < value->size(); ++i)
              check_values(value->description(i),
                           [&](const std::string& problem) { tell(item_problem(i, value->size(), problem)); });
          } else if constexpr (requires { value_problem(*value, field.rule); }) {
            tell(value_problem(*value, field.rule));
          } else {
            tell(length_problem(value->size(), field.rule));
            for (size_t i = 0; i < value->size(); ++i)
              if (const std::string problem = value_problem((*value)[i], field.rule); !problem.empty())
                tell(item_problem(i, value->size(), problem));
          }
        },
        field.value);
  }
}

}  // namespace ghost
