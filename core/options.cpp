#include "core/options.h"

#include <algorithm>
#include <fmt/format.h>

namespace ghost {

namespace {

bool covers(const std::string& option, const std::string& path) {
  return path == option || path.starts_with(option + ".");
}

}  // namespace

bool Limits::allow(double value) const {
  return (above ? value > least : value >= least) && (below ? value < most : value <= most);
}

std::string Limits::expected(double value) const {
  constexpr double kShort = 100;  // an interval that is worth saying as a whole
  if (least >= -kShort && most <= kShort)
    return fmt::format("in {}{}, {}{}", above ? '(' : '[', least, most, below ? ')' : ']');
  const bool too_low = above ? value <= least : value < least;
  return too_low ? fmt::format("{} {}", above ? "above" : "at least", least)
                 : fmt::format("{} {}", below ? "below" : "at most", most);
}

const Field* Description::find_field(const std::string& path) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.path == path; });
  return found == fields_.end() ? nullptr : &*found;
}

const Section* Description::find_section(const std::string& path) const {
  const auto found = std::find_if(sections_.begin(), sections_.end(), [&](const Section& s) { return s.path == path; });
  return found == sections_.end() ? nullptr : &*found;
}

void Description::follow_data(const std::string& path, bool& set) {
  for (Field& field : fields_)
    if (field.path == path) field.rule.set = &set, field.rule.of_data = true;
}

const std::string& Description::selected(const Section& section) const {
  return *std::get<std::string*>(find_field(section.path + ".name")->value);
}

std::vector<std::string> Description::owners_elsewhere(const std::string& path, const Section*& section) const {
  for (const Section& around : sections_) {
    if (around.alternatives.empty() || !path.starts_with(around.path + ".")) continue;
    const std::string option = path.substr(around.path.size() + 1), &name = selected(around);
    std::vector<std::string> owners;
    bool own = false;
    for (const Alternative& one : around.alternatives) {
      const bool reads = std::any_of(one.options.begin(), one.options.end(),
                                     [&](const std::string& listed) { return covers(listed, option); });
      if (reads) owners.push_back(one.name);
      own = own || (reads && one.name == name);
    }
    if (owners.empty() || own) continue;
    section = &around;
    return owners;
  }
  return {};
}

}  // namespace ghost
