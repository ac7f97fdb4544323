// The options under data.augment: those of every line of the table.
#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/options.h"
#include "data/augment/finding.h"

namespace ghost {

class Augmentation;

class AugmentConfig {
 public:
  using Value = std::variant<bool, int64_t, double, std::string, std::vector<double>>;

  AugmentConfig();  // all augmentations are off
  // By key under data.augment: {{"crop_padding", 4}, {"flip", true}}. Throws as set().
  AugmentConfig(std::initializer_list<std::pair<std::string, Value>> options);
  AugmentConfig(const AugmentConfig& other);
  AugmentConfig& operator=(const AugmentConfig& other);  // the options keep their addresses
  ~AugmentConfig();

  // Throws UsageError if there is no such option, naming the nearest, or if it is of another type. An integer may stand
  // for a number. Limits are checked where the options are used.
  void set(const std::string& key, const Value& value);
  // T is one of Value. Throws UsageError as set().
  template <class T>
  T get(const std::string& key) const {
    return std::get<T>(find(key, Value(T())));
  }

  // One for each line of augmentations(), in its order.
  const std::vector<std::unique_ptr<Augmentation>>& all() const { return all_; }
  // By the name in the table. Throws UsageError if there is none.
  const Augmentation& at(const std::string& name) const;

 private:
  Value find(const std::string& key, const Value& type) const;
  std::vector<std::unique_ptr<Augmentation>> all_;
};

void describe(AugmentConfig& config, Description& description);
// Calls `refuse` for values that do not fit together, such as two augmentations that both choose the framing.
void check_together(const AugmentConfig& config, const Finding& refuse, const Finding& note);
// Throws UsageError with everything that is wrong with the values, one sentence a line.
void check_augment(const AugmentConfig& config);

}  // namespace ghost
