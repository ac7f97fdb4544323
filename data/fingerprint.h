// What tells whether a run still has the pictures it was begun with.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "data/registry.h"

namespace ghost {

struct PartFingerprint {
  int64_t count = 0;       // pictures; 0: there is no such part
  std::string names = "";  // 16 hexadecimal digits: of ids and labels, in their order
  bool operator==(const PartFingerprint&) const = default;
};
template <class Visitor>
void visit_fields(PartFingerprint& p, Visitor& visit) {
  visit("count", p.count, Limits{.least = 0});
  visit("names", p.names);
}

// Names, not contents: where the data lies is no part of it.
struct DataFingerprint {
  std::string split = "";    // "by name": the test part was kept back from one folder; else "given"
  std::string classes = "";  // 16 hexadecimal digits
  PartFingerprint train, validation, test;
  bool by_name() const { return split == "by name"; }
  bool operator==(const DataFingerprint&) const = default;
};
template <class Visitor>
void visit_fields(DataFingerprint& f, Visitor& visit) {
  visit("split", f.split);
  visit("classes", f.classes);
  visit("train", f.train);
  visit("validation", f.validation);
  visit("test", f.test);
}

DataFingerprint fingerprint_of(const DataSplits& data);

// What is no longer as it was, a clause each: "the training images are others: 38 instead of 36". Parts that `now` has
// not are left out.
std::vector<std::string> changes(const DataFingerprint& then, const DataFingerprint& now);

}  // namespace ghost
