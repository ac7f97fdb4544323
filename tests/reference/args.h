// Arguments of a case, as its JSON has them. They remember which of them were read: an argument that no check knows
// must fail the case instead of being passed over.
#pragma once
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ghost::reference {

class Args {
 public:
  explicit Args(nlohmann::json object = nlohmann::json::object());

  bool has(const std::string& name) const;  // there and not null
  // Without fallback: throws Error if the argument is missing or null. All throw Error on another type; integers may be
  // written as 2.0.
  int64_t integer(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t fallback) const;
  double number(const std::string& name) const;
  double number(const std::string& name, double fallback) const;
  bool boolean(const std::string& name) const;
  bool boolean(const std::string& name, bool fallback) const;
  std::string text(const std::string& name) const;
  std::vector<int64_t> integers(const std::string& name) const;  // a single one counts as a list
  std::vector<double> numbers(const std::string& name) const;
  std::array<int64_t, 2> pair(const std::string& name, std::array<int64_t, 2> fallback) const;  // 3 is {3, 3}
  const nlohmann::json& json(const std::string& name) const;

  void ignore(const std::string& name) const { read_.insert(name); }  // says nothing that a check needs
  std::vector<std::string> unread() const;

 private:
  nlohmann::json object_;
  mutable std::set<std::string> read_;
};

}  // namespace ghost::reference
