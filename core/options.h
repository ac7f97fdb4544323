// Options described once: path, type, limits, who reads them and what they do. A struct of options has beside it
//   void describe(Struct&, Description&)                                  every option of it
//   void check_together(const Struct&, const Finding& refuse, const Finding& note)   if some values do not fit together
// Reading, --set, printing, storing, the documentation and every check go by these two.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/option_values.h"

namespace ghost {

class Description;

// A list of mappings, `groups: [{match: "*.bias", lr_scale: 64}]`: an OptionList of whatever struct.
class OptionItems {
 public:
  virtual ~OptionItems() = default;
  virtual size_t size() const = 0;
  virtual Description description(size_t item) = 0;  // of one mapping, with its keys as paths
  virtual void add() = 0;                            // one more, with the defaults
  virtual std::unique_ptr<OptionItems> empty_copy() const = 0;
  virtual void assign(const OptionItems& other) = 0;  // of the same type

 protected:
  OptionItems() = default;
  OptionItems(const OptionItems&) = default;
  OptionItems& operator=(const OptionItems&) = default;
};

// Struct has its describe() beside it, as every struct of options.
template <class Struct>
class OptionList final : public OptionItems {
 public:
  std::vector<Struct> items;

  OptionList() = default;
  OptionList(std::initializer_list<Struct> all) : items(all) {}
  size_t size() const override { return items.size(); }
  Description description(size_t item) override;
  void add() override { items.emplace_back(); }
  std::unique_ptr<OptionItems> empty_copy() const override { return std::make_unique<OptionList>(); }
  void assign(const OptionItems& other) override { *this = dynamic_cast<const OptionList&>(other); }
};

// What a number, or every number of a list, may be.
struct Limits {
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool above = false, below = false;  // least, most themselves are not allowed
  bool allow(double value) const;
  // "at least 1", "above 0", "in [0, 1)": what a value that is not allowed should have been.
  std::string expected(double value) const;
  // The same for all values: "1 to 8192", "at least 1", "above 0", "in [0, 1)"; empty where there are none.
  std::string str() const;
};

// A value that changes over a run: {epoch, value from then on}, epochs ascending from 0.
using OverEpochs = std::vector<std::array<int64_t, 2>>;
// The value in an epoch (0, 1, …); `values` is not empty.
int64_t value_in(const OverEpochs& values, int64_t epoch);

struct FieldRule {
  Limits limits{};
  std::vector<std::string> choices{};  // of a string, or of an integer as text; empty: any
  bool empty_list = true;              // a list may be empty
  double scale = 0;                    // values are often given too large by this factor; 0: by none
  bool of_data = false;                // describes the data set: goes out of use when data.name is replaced
  bool* set = nullptr;                 // the option may be `auto`; true once it is not
  // Of an integer: it may also be a list, [[0, 128], [20, 160]]. The option is then its last value; else this is empty.
  OverEpochs* over_epochs = nullptr;
  // Other spellings of choices, of older configurations: {{"true", "random"}}.
  std::vector<std::pair<std::string, std::string>> spellings{};

  // The choice that `text` stands for: what it is another spelling of, or itself.
  const std::string& choice_of(const std::string& text) const;
};

// The usual rules, for describe().
namespace rule {
constexpr double kMany = 1e9;  // no count of anything here comes near
FieldRule at_least(double least, double most = kMany);
FieldRule above(double least, double most = std::numeric_limits<double>::infinity());
FieldRule share();      // in [0, 1]
FieldRule below_one();  // in [0, 1)
FieldRule one_of(std::vector<std::string> choices);
FieldRule pixels(bool above);       // a statistic of pixels in 0..1 (not 0 if `above`), often given for those in 0..255
FieldRule of_data(FieldRule rule);  // the same, of an option that describes the data set
}  // namespace rule

using FieldValue = std::variant<bool*, int64_t*, uint64_t*, double*, std::string*, std::vector<int64_t>*,
                                std::vector<double>*, std::vector<std::string>*, std::array<double, 2>*, OptionItems*>;

struct Field {
  std::string path;  // "model.conv.ratio"
  FieldValue value;  // in the struct that was described
  std::string help;
  FieldRule rule;
};

// An option that no struct has a member for: one of a model of your own (nn/models/registry.h). Its value lies in an
// OptionValues.
struct OwnOption {
  std::string name;
  OptionValue standard;  // the default, which also gives the type
  std::string help;
  FieldRule rule{};
};

// One thing that a section's `name` can be, with the options that it reads.
struct Alternative {
  std::string name, summary;
  std::vector<std::string> options;  // paths in the section; "conv" stands for all of conv.…
};

// The lines of a table of models, data sets, … as alternatives.
template <class Table>
std::vector<Alternative> alternatives_of(const Table& table) {
  std::vector<Alternative> all;
  all.reserve(table.size());
  for (const auto& entry : table) all.push_back({entry.name, entry.summary, entry.options});
  return all;
}

struct Section {
  std::string path;  // "model.conv"; empty: the root
  std::string help;
  std::vector<Alternative> alternatives{};  // of its `name`; options that none of them lists belong to all
};

class Description {
 public:
  // The options of `value` under `key`. Throws UsageError if an alternative lists an option that the section has not.
  template <class Struct>
  void section(const std::string& key, const std::string& help, Struct& value) {
    const std::string outer = prefix_, path = prefix_ + key;
    sections_.push_back({path, help});
    prefix_ = path + ".";
    describe(value, *this);
    prefix_ = outer;
    check_alternatives(path);
  }
  // The section's `name`, which is that of one of the alternatives.
  void name(std::string* value, const std::string& help, std::vector<Alternative> alternatives);
  // Throws UsageError if there is an option of that path already.
  void field(const std::string& key, FieldValue value, const std::string& help, FieldRule rule = {});

  // All options of the section `key` describe the data set (FieldRule::of_data).
  void section_of_data(const std::string& key);

  // The option may also be `auto`: `set` tells whether it is not, and its value comes from the data set.
  void follow_data(const std::string& path, bool& set);

  const std::vector<Field>& fields() const { return fields_; }
  const std::vector<Section>& sections() const { return sections_; }
  const Field* find_field(const std::string& path) const;
  const Section* find_section(const std::string& path) const;
  // The value of the `name` that selects among a section's alternatives.
  const std::string& selected(const Section& section) const;
  // The alternatives that list the option, which is in the section; empty: all read it.
  static std::vector<std::string> owners(const Section& section, const std::string& path);
  // The alternatives that read the option, if the selected one of its section, or of one around it, does not; else
  // empty. `section` is then set to where.
  std::vector<std::string> owners_elsewhere(const std::string& path, const Section*& section) const;

 private:
  void check_alternatives(const std::string& path) const;
  std::string prefix_;
  std::vector<Field> fields_;
  std::vector<Section> sections_;
};

template <class Struct>
Description OptionList<Struct>::description(size_t item) {
  Description description;
  describe(items[item], description);
  return description;
}

// ---- values

// What is wrong with one value, or with the length of a list: the end of a sentence that begins with the option's path,
// "is 9000, but must be at most 8192". Empty: nothing.
std::string value_problem(bool value, const FieldRule& rule);
std::string value_problem(int64_t value, const FieldRule& rule);
std::string value_problem(uint64_t value, const FieldRule& rule);
std::string value_problem(double value, const FieldRule& rule);
std::string value_problem(const std::string& value, const FieldRule& rule);
std::string length_problem(size_t count, const FieldRule& rule);
// The same of one value of a list: "(value 2 of 3) is 0, but must be above 0".
std::string item_problem(size_t item, size_t count, const std::string& problem);

// Calls `report` with a sentence for everything that is wrong with the values of all options.
void check_values(const Description& description, const std::function<void(const std::string&)>& report);

// What a combination of options is told to. `paths` are the options at fault, the likeliest first. Values of their own
// are within their limits.
using Finding = std::function<void(const std::vector<std::string>& paths, const std::string& sentence)>;

// Throws UsageError with the sentences in which the configuration reader refuses such values, one a line: "data.resize
// is 9000, but must be at most 8192". `section` is where the options stand in a configuration, "data"; empty: their
// description says it. For functions that take options from C++.
template <class Struct>
void check_options(const Struct& options, const std::string& section) {
  Struct copy = options;  // a description points into what may be changed
  Description description;
  if (section.empty())
    describe(copy, description);
  else
    description.section(section, "", copy);
  std::string problems;
  const auto add = [&](const std::string& sentence) { problems += (problems.empty() ? "" : "\n") + sentence; };
  check_values(description, add);
  if constexpr (requires(const Finding& finding) { check_together(options, finding, finding); })
    if (problems.empty())
      check_together(
          options, [&](const std::vector<std::string>&, const std::string& sentence) { add(sentence); },
          [](const std::vector<std::string>&, const std::string&) {});
  if (!problems.empty()) throw UsageError(problems);
}

}  // namespace ghost
