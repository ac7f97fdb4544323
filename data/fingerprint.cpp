#include "data/fingerprint.h"

#include <fmt/core.h>
#include <string_view>

namespace ghost {
namespace {

// FNV-1a of 64 bits over texts and numbers.
class Hash {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0);
  }
  void add(int64_t number) {
    for (int shift = 0; shift < 64; shift += 8) add_byte(static_cast<unsigned char>(number >> shift));
  }
  std::string hex() const { return fmt::format("{:016x}", value_); }

 private:
  void add_byte(unsigned char byte) { value_ = (value_ ^ byte) * 0x100000001B3; }
  uint64_t value_ = 0xCBF29CE484222325;
};

PartFingerprint of_part(const DatasetPtr& part) {
  if (!part) return {};
  Hash hash;
  for (int64_t i = 0; i < part->size(); i++) {
    hash.add(part->id(i));
    hash.add(part->label(i));
  }
  return {.count = part->size(), .names = hash.hex()};
}

}  // namespace

DataFingerprint fingerprint_of(const DataSplits& data) {
  Hash classes;
  for (const std::string& name : data.class_names()) classes.add(name);
  return {.split = data.by_name ? "by name" : "given",
          .classes = classes.hex(),
          .train = of_part(data.train),
          .validation = of_part(data.validation),
          .test = of_part(data.test)};
}

std::vector<std::string> changes(const DataFingerprint& then, const DataFingerprint& now) {
  std::vector<std::string> clauses;
  const auto compare = [&](const char* called, const PartFingerprint& was, const PartFingerprint& is) {
    if (is.count == 0 || was == is) return;
    if (was.count == 0)
      clauses.push_back(fmt::format("there were no {} images, and now there are {}", called, is.count));
    else if (was.count != is.count)
      clauses.push_back(fmt::format("the {} images are others: {} instead of {}", called, is.count, was.count));
    else
      clauses.push_back(fmt::format("the {} {} images have other names or labels", is.count, called));
  };
  if (then.classes != now.classes) clauses.emplace_back("the classes are others");
  compare("training", then.train, now.train);
  compare("validation", then.validation, now.validation);
  compare("test", then.test, now.test);
  return clauses;
}

}  // namespace ghost
