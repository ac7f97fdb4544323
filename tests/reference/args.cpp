#include "reference/args.h"

#include <cmath>

#include "core/error.h"

namespace ghost::reference {
namespace {

int64_t as_integer(const nlohmann::json& value, const std::string& name) {
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float() && std::nearbyint(value.get<double>()) == value.get<double>())
    return static_cast<int64_t>(value.get<double>());
  fail("argument {} is {}, but an integer was expected", name, value.dump());
}

double as_number(const nlohmann::json& value, const std::string& name) {
  if (!value.is_number()) fail("argument {} is {}, but a number was expected", name, value.dump());
  return value.get<double>();
}

}  // namespace

Args::Args(nlohmann::json object) : object_(std::move(object)) {
  if (!object_.is_object()) fail("arguments are {}, but a JSON object was expected", object_.dump());
}

bool Args::has(const std::string& name) const {
  read_.insert(name);
  return object_.contains(name) && !object_.at(name).is_null();
}

const nlohmann::json& Args::json(const std::string& name) const {
  if (!has(name)) fail("argument {} is missing", name);
  return object_.at(name);
}

int64_t Args::integer(const std::string& name) const { return as_integer(json(name), name); }
int64_t Args::integer(const std::string& name, int64_t fallback) const { return has(name) ? integer(name) : fallback; }
double Args::number(const std::string& name) const { return as_number(json(name), name); }
double Args::number(const std::string& name, double fallback) const { return has(name) ? number(name) : fallback; }

bool Args::boolean(const std::string& name) const {
  if (!json(name).is_boolean()) fail("argument {} is {}, but true or false was expected", name, json(name).dump());
  return json(name).get<bool>();
}
bool Args::boolean(const std::string& name, bool fallback) const { return has(name) ? boolean(name) : fallback; }

std::string Args::text(const std::string& name) const {
  if (!json(name).is_string()) fail("argument {} is {}, but a string was expected", name, json(name).dump());
  return json(name).get<std::string>();
}

std::vector<int64_t> Args::integers(const std::string& name) const {
  if (!json(name).is_array()) return {integer(name)};
  std::vector<int64_t> values;
  for (const auto& value : json(name)) values.push_back(as_integer(value, name));
  return values;
}

std::vector<double> Args::numbers(const std::string& name) const {
  if (!json(name).is_array()) return {number(name)};
  std::vector<double> values;
  for (const auto& value : json(name)) values.push_back(as_number(value, name));
  return values;
}

std::array<int64_t, 2> Args::pair(const std::string& name, std::array<int64_t, 2> fallback) const {
  if (!has(name)) return fallback;
  const std::vector<int64_t> values = integers(name);
  if (values.empty() || values.size() > 2)
    fail("argument {} is {}, but one or two were expected", name, json(name).dump());
  return {values.front(), values.back()};
}

std::vector<std::string> Args::unread() const {
  std::vector<std::string> names;
  for (const auto& [name, value] : object_.items())
    if (!read_.contains(name)) names.push_back(name);
  return names;
}

}  // namespace ghost::reference
