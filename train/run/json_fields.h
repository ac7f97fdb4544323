// Structs as JSON objects. A struct that is stored is described once, for both directions, by a function beside it:
//
//   template <class Visitor>
//   void visit_fields(Progress& p, Visitor& visit) {
//     visit("epoch", p.epoch, Limits{.least = 0});
//     …
//   }
//
// Fields are numbers, text, vectors of these, maps from names to them, and structs that are described likewise. What
// must hold between fields is said by an overload of misfit(). A std::optional that is empty has no entry.
#pragma once
#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/options.h"

namespace ghost {

using Json = nlohmann::ordered_json;

// What is wrong with the struct as a whole, as the end of a sentence; empty: nothing.
template <class Struct>
std::string misfit(const Struct&) {
  return {};
}

template <class Struct>
Json json_of(Struct value);

class JsonWriter {
 public:
  template <class T>
  void operator()(const char* key, const std::optional<T>& value, const Limits& = {}) {
    if (value) (*this)(key, *value);
  }
  template <class T>
  void operator()(const char* key, const T& value, const Limits& = {}) {
    if constexpr (requires(T & field, JsonWriter & visit) { visit_fields(field, visit); })
      json_[key] = json_of(value);
    else if constexpr (std::is_same_v<T, double>)
      json_[key] = number(value);
    else
      json_[key] = value;
  }
  Json take() { return std::move(json_); }

 private:
  // A whole number without a decimal point: what once was a count, and may now be a sum of shares, reads as it did.
  static Json number(double value) {
    constexpr double kExact = 9007199254740992;  // 2^53
    const bool whole = std::abs(value) < kExact && std::trunc(value) == value && !(value == 0 && std::signbit(value));
    return whole ? Json(static_cast<int64_t>(value)) : Json(value);
  }
  Json json_ = Json::object();
};

// The struct's fields, in the order in which they are described.
template <class Struct>
Json json_of(Struct value) {
  JsonWriter writer;
  visit_fields(value, writer);
  return writer.take();
}

// Reading throws Error that names the value, such as "epoch_sums.top1", what it is and what was expected.
[[noreturn]] inline void fail_field(const std::string& path, const Json& json, const std::string& expected) {
  const std::string is = json.is_number() || json.is_boolean() ? json.dump() : json.type_name();
  fail("{} is {}, but must be {}", path.empty() ? "it" : path, is, expected);
}

inline void read_json(const Json& json, const std::string& path, int64_t& value, const Limits& limits = {}) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!json.is_number_integer() || (json.is_number_unsigned() && json.get<uint64_t>() > kMost))
    fail_field(path, json, "an integer of 64 bits");
  value = json.get<int64_t>();
  if (!limits.allow(static_cast<double>(value))) fail_field(path, json, limits.expected(static_cast<double>(value)));
}

inline void read_json(const Json& json, const std::string& path, double& value, const Limits& limits = {}) {
  if (!json.is_number() || !std::isfinite(json.get<double>())) fail_field(path, json, "a finite number");
  value = json.get<double>();
  if (!limits.allow(value)) fail_field(path, json, limits.expected(value));
}

inline void read_json(const Json& json, const std::string& path, std::string& value, const Limits& = {}) {
  if (!json.is_string()) fail_field(path, json, "text");
  value = json.get<std::string>();
}

template <class T>
void read_json(const Json& json, const std::string& path, std::vector<T>& values, const Limits& limits = {}) {
  if (!json.is_array()) fail_field(path, json, "an array");
  values.resize(json.size());
  for (size_t i = 0; i < values.size(); ++i) read_json(json[i], fmt::format("{}[{}]", path, i), values[i], limits);
}

template <class T>
void read_json(const Json& json, const std::string& path, std::map<std::string, T>& values, const Limits& limits = {}) {
  if (!json.is_object()) fail_field(path, json, "an object");
  values.clear();
  for (const auto& [key, value] : json.items())
    read_json(value, path.empty() ? key : path + "." + key, values[key], limits);
}

template <class Struct>
requires std::is_class_v<Struct>
void read_json(const Json& json, const std::string& path, Struct& value, const Limits& = {}) {
  if (!json.is_object()) fail_field(path, json, "an object");
  const auto visit = [&]<class T>(const char* key, T& field, const Limits& limits = {}) {
    const std::string field_path = path.empty() ? key : path + "." + key;
    const auto found = json.find(key);
    if constexpr (requires { field.has_value(); }) {
      field.reset();
      if (found != json.end()) read_json(*found, field_path, field.emplace(), limits);
    } else {
      if (found == json.end()) fail("{} is missing", field_path);
      read_json(*found, field_path, field, limits);
    }
  };
  visit_fields(value, visit);
  if (const std::string wrong = misfit(value); !wrong.empty()) fail("{}{}{}", path, path.empty() ? "" : ": ", wrong);
}

}  // namespace ghost
