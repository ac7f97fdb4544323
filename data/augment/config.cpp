#include "data/augment/config.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/nearest.h"
#include "data/augment/augmentation.h"

namespace ghost {
namespace {

using Value = AugmentConfig::Value;

const char* type_name(const Value& value) {
  constexpr std::array names{"true or false", "an integer", "a number", "text", "a list of numbers"};
  return names[value.index()];
}

Value read(const FieldValue& field) {
  return std::visit(
      [](const auto* from) -> Value {
        using T = std::remove_cvref_t<decltype(*from)>;
        if constexpr (std::is_same_v<T, std::array<double, 2>>)
          return std::vector<double>(from->begin(), from->end());
        else if constexpr (requires { Value(std::in_place_type<T>); })
          return *from;
        else
          fail("an option of an augmentation has a type that cannot be set by key");
      },
      field);
}

// False if the value is of another type than the option.
bool write(const Field& field, const Value& value) {
  return std::visit(
      [&](auto* to, const auto& from) {
        using T = std::remove_cvref_t<decltype(*to)>;
        using From = std::remove_cvref_t<decltype(from)>;
        if constexpr (std::is_same_v<T, From>) {
          *to = from;
          return true;
        } else if constexpr (std::is_same_v<T, double> && std::is_same_v<From, int64_t>) {
          *to = static_cast<double>(from);
          return true;
        } else if constexpr (std::is_same_v<T, std::string> && std::is_same_v<From, bool>) {
          const std::string text = from ? "true" : "false", &choice = field.rule.choice_of(text);
          if (choice == text) return false;
          *to = choice;
          return true;
        } else if constexpr (std::is_same_v<T, std::array<double, 2>> && std::is_same_v<From, std::vector<double>>) {
          if (from.size() != to->size()) return false;
          std::copy(from.begin(), from.end(), to->begin());
          return true;
        } else {
          return false;
        }
      },
      field.value, value);
}

Description described(AugmentConfig& config) {
  Description description;
  describe(config, description);
  return description;
}

const Field& option(const Description& description, const std::string& key) {
  if (const Field* const field = description.find_field(key)) return *field;
  std::vector<std::string> known;
  for (const Field& field : description.fields()) known.push_back(field.path);
  fail_usage("there is no option data.augment.{}{}", key, did_you_mean(key, known));
}

}  // namespace

AugmentConfig::AugmentConfig() {
  for (const AugmentationEntry& entry : augmentations()) all_.push_back(entry.make());
}

AugmentConfig::AugmentConfig(std::initializer_list<std::pair<std::string, Value>> options) : AugmentConfig() {
  for (const auto& [key, value] : options) set(key, value);
}

AugmentConfig::AugmentConfig(const AugmentConfig& other) {
  for (const AugmentationPtr& one : other.all_) all_.push_back(one->copy());
}

AugmentConfig& AugmentConfig::operator=(const AugmentConfig& other) {
  for (size_t i = 0; i < all_.size(); i++) all_[i]->assign(*other.all_[i]);
  return *this;
}

AugmentConfig::~AugmentConfig() = default;

void AugmentConfig::set(const std::string& key, const Value& value) {
  const Description description = described(*this);
  const Field& field = option(description, key);
  if (write(field, value)) return;
  const bool pair = std::holds_alternative<std::array<double, 2>*>(field.value);
  fail_usage("data.augment.{} was set to {}, but must be {}", key, type_name(value),
             pair ? "a list of 2 numbers" : type_name(read(field.value)));
}

Value AugmentConfig::find(const std::string& key, const Value& type) const {
  AugmentConfig copy = *this;  // a description points into what may be changed
  const Description description = described(copy);
  Value value = read(option(description, key).value);
  if (value.index() != type.index())
    fail_usage("data.augment.{} is {}, but was asked for as {}", key, type_name(value), type_name(type));
  return value;
}

const Augmentation& AugmentConfig::at(const std::string& name) const {
  std::vector<std::string> names;
  for (size_t i = 0; i < all_.size(); i++) {
    names.push_back(augmentations()[i].name);
    if (names.back() == name) return *all_[i];
  }
  fail_usage("there is no augmentation '{}'{}; known are {}", name, did_you_mean(name, names), any_of(names));
}

void describe(AugmentConfig& config, Description& description) {
  for (size_t i = 0; i < config.all().size(); i++) {
    const AugmentationEntry& entry = augmentations()[i];
    if (entry.plain_keys)
      describe(*config.all()[i], description);
    else
      description.section(entry.name, entry.summary, *config.all()[i]);
  }
}

void check_together(const AugmentConfig& config, const Finding& refuse, const Finding& /*note*/) {
  const AugmentationEntry* framing = nullptr;
  for (size_t i = 0; i < config.all().size(); i++) {
    const Augmentation& one = *config.all()[i];
    const AugmentationEntry& entry = augmentations()[i];
    one.check(entry.path(), refuse);
    if (one.stage() != AugmentStage::geometry || !one.on()) continue;
    if (framing)
      refuse({"data.augment." + framing->options.front(), "data.augment." + entry.options.front()},
             fmt::format("data.augment has both {} and {}, but an image is cropped once; choose one",
                         framing->options.front(), entry.options.front()));
    framing = &entry;
  }
}

}  // namespace ghost
