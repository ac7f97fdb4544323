// Options described once: path, type, limits, who reads them and what they do. A struct of options has a function
// `void describe(Struct&, Description&)` beside it; reading, checking, printing and storing go by that description.
#pragma once
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace ghost {

// What a number, or every number of a list, may be.
struct Limits {
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool above = false, below = false;  // least, most themselves are not allowed
  bool allow(double value) const;
  // "at least 1", "above 0", "in [0, 1)": what a value that is not allowed should have been.
  std::string expected(double value) const;
};

struct FieldRule {
  Limits limits{};
  std::vector<std::string> choices{};  // of a string, or of an integer as text; empty: any
  bool empty_list = true;              // a list may be empty
  bool of_data = false;                // describes the data set: goes out of use when data.name is replaced
  bool* set = nullptr;                 // may be `auto`; true once it is not
};

using FieldValue = std::variant<bool*, int64_t*, uint64_t*, double*, std::string*, std::vector<int64_t>*,
                                std::vector<double>*, std::vector<std::string>*, std::array<double, 2>*>;

struct Field {
  std::string path;  // "model.conv.ratio"
  FieldValue value;  // in the struct that was described
  std::string summary;
  FieldRule rule;
};

// One thing that a section's `name` can be, with the options that it reads.
struct Alternative {
  std::string name;
  std::vector<std::string> options;  // paths in the section; "conv" stands for all of conv.…
};

struct Section {
  std::string path;  // "model.conv"; empty: the root
  std::string summary;
  std::vector<Alternative> alternatives;  // options that none of them lists belong to all
};

class Description {
 public:
  template <class Struct>
  void section(const std::string& key, const std::string& summary, Struct& value,
               std::vector<Alternative> alternatives = {}) {
    const std::string outer = prefix_;
    sections_.push_back({prefix_ + key, summary, std::move(alternatives)});
    prefix_ += key + ".";
    describe(value, *this);
    prefix_ = outer;
  }
  void field(const std::string& key, FieldValue value, const std::string& summary, FieldRule rule = {}) {
    fields_.push_back({prefix_ + key, value, summary, std::move(rule)});
  }

  // The option may also be `auto`: `set` tells whether it is not, and its value comes from the data set.
  void follow_data(const std::string& path, bool& set);

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Section>& sections() const { return sections_; }
  const Field* find_field(const std::string& path) const;
  const Section* find_section(const std::string& path) const;
  // The value of the `name` that selects among a section's alternatives.
  const std::string& selected(const Section& section) const;
  // The alternatives that read the option, if the selected one of its section, or of one around it, does not; else
  // empty. `section` is then set to where.
  std::vector<std::string> owners_elsewhere(const std::string& path, const Section*& section) const;

 private:
  std::string prefix_;
  std::vector<Field> fields_;
  std::vector<Section> sections_;
};

}  // namespace ghost
